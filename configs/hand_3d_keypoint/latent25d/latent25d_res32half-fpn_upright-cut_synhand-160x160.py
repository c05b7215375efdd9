"""Step 17 of the reader: some hands leave the photo."""

_base_ = ['latent25d_res32half-fpn_upright-close_synhand-160x160.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

globals().update(
    recipes.reader_step(
        (160, 160),
        samples=100_000,
        lr=4e-4,
        photometry=recipes.GRAY_PHOTOMETRY,
        windows=recipes.CUT_WINDOWS,
        validate_every=50_000,
        batch_size=64,
    )
)
