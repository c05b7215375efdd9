"""Step 7 of the reader, colours as rendered: from the deeper reader."""

_base_ = ['latent25d_res32half-fpn_upright_synhand-160x160.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

batch_size = 128

globals().update(
    recipes.upright_data(
        (160, 160),
        batch_size,
        photometry=recipes.NO_PHOTOMETRY,
        **recipes.WIDE_WINDOWS,
    )
)
globals().update(
    recipes.schedule(
        samples=102_400,
        batch_size=batch_size,
        lr=6e-4,
        warmup_samples=5_000,
    )
)
