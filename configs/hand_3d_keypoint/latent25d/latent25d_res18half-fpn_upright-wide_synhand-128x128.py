"""Step 4 of the reader: windows turned as widely as they are read."""

_base_ = ['latent25d_res18half-fpn_upright_synhand-128x128.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

batch_size = 128

globals().update(
    recipes.upright_data((128, 128), batch_size, **recipes.WIDE_WINDOWS)
)
globals().update(
    recipes.schedule(
        samples=160_000, batch_size=batch_size, lr=5e-4, warmup_samples=5_000
    )
)
