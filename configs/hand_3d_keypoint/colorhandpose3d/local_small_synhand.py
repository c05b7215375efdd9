"""`local_synhand` on 16 x 16 cells and half as wide, for processors."""

_base_ = ['../../_base_/default_runtime.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

batch_size = 64

model = recipes.canonical_model('local', map_size=16, width=16)

globals().update(recipes.keypoint_crops(batch_size))
globals().update(
    recipes.schedule(samples=64_000, batch_size=batch_size, lr=2e-3, ema=False)
)
