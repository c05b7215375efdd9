"""Step 9 of the reader: labels of generator version 6, some photos gray."""

_base_ = ['latent25d_res32half-fpn_upright_synhand-160x160.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

globals().update(
    recipes.reader_step(
        (160, 160),
        samples=240_000,
        photometry=recipes.GRAY_PHOTOMETRY,
        validate_every=60_000,
    )
)
