"""Step 7 of the reader, colours as rendered: from the deeper reader."""

_base_ = ['latent25d_res32half-fpn_upright_synhand-160x160.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

globals().update(
    recipes.reader_step(
        (160, 160),
        samples=102_400,
        lr=6e-4,
        photometry=recipes.NO_PHOTOMETRY,
    )
)
