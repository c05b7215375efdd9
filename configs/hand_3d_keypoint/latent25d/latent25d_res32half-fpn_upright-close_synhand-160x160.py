"""Step 14 of the reader: windows as they are once a box says where to look."""

_base_ = ['latent25d_res32half-fpn_upright_synhand-160x160.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

globals().update(
    recipes.reader_step(
        (160, 160),
        samples=110_000,
        lr=4e-4,
        photometry=recipes.GRAY_PHOTOMETRY,
        windows=recipes.CLOSE_WINDOWS,
        validate_every=55_000,
        batch_size=64,
    )
)
model = dict(backbone=dict(frozen_stages=2))
