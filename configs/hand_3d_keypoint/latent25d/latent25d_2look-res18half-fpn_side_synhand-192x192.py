"""Two looks with a side classifier: from `load_from`, it alone learns."""

_base_ = ['latent25d_2look-res18half-fpn_synhand-192x192.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

model = dict(learns='side', side_channels=256)
globals().update(
    recipes.schedule(
        samples=50_000, batch_size=128, lr=1e-2, warmup_samples=0, ema=False
    )
)
