"""Step 8 of the reader: colours rarely changed, many samples."""

_base_ = ['latent25d_res32half-fpn_upright_synhand-160x160.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

batch_size = 128

globals().update(
    recipes.upright_data(
        (160, 160),
        batch_size,
        photometry=recipes.RARE_PHOTOMETRY,
        **recipes.WIDE_WINDOWS,
    )
)
globals().update(
    recipes.schedule(
        samples=500_000,
        batch_size=batch_size,
        lr=8e-4,
        warmup_samples=5_000,
        validate_every=100_000,
    )
)
