"""Step 8 of the reader: colours rarely changed, many samples."""

_base_ = ['latent25d_res32half-fpn_upright_synhand-160x160.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

globals().update(
    recipes.reader_step(
        (160, 160),
        samples=500_000,
        photometry=recipes.RARE_PHOTOMETRY,
        validate_every=100_000,
    )
)
