"""The small model for 24,000 samples: to see that it learns, in minutes."""

_base_ = ['graphormer_res18half-joints_synhand-96x96.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

train_dataloader = dict(batch_size=32, num_workers=0, persistent_workers=False)
globals().update(
    recipes.schedule(
        samples=24_000, batch_size=32, lr=1e-3, warmup_samples=2_400
    )
)
