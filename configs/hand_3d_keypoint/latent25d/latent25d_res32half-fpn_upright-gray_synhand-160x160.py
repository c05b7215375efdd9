"""Step 9 of the reader: labels of generator version 6, some photos gray."""

_base_ = ['latent25d_res32half-fpn_upright_synhand-160x160.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

batch_size = 128

globals().update(
    recipes.upright_data(
        (160, 160),
        batch_size,
        photometry=recipes.GRAY_PHOTOMETRY,
        **recipes.WIDE_WINDOWS,
    )
)
globals().update(
    recipes.schedule(
        samples=240_000,
        batch_size=batch_size,
        lr=8e-4,
        warmup_samples=5_000,
        validate_every=60_000,
    )
)
