"""Steps 10 to 13 of the reader: generator versions 7 to 10."""

_base_ = ['latent25d_res32half-fpn_upright_synhand-160x160.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

globals().update(
    recipes.reader_step(
        (160, 160),
        samples=330_000,
        photometry=recipes.GRAY_PHOTOMETRY,
        validate_every=66_000,
    )
)
