"""The small model for 24,000 samples: to see that it learns, in minutes.

The backbone starts as that of the released small-25d (synthetic hands only).
"""

_base_ = ['graphormer_res18half_synhand-96x96.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

model = dict(backbone=recipes.pretrained_backbone('small-25d'))
train_dataloader = dict(batch_size=32, num_workers=0, persistent_workers=False)
globals().update(
    recipes.schedule(
        samples=24_000, batch_size=32, lr=1e-3, warmup_samples=2_400
    )
)
