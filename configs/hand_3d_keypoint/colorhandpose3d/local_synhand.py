"""Bone after bone, each in the frame before it, and ViewPoint.

The maps are drawn from 2D keypoints with noise; no picture is read.
`--cfg-options test_dataloader.dataset.pipeline.1.noise=0.02` adds noise in
the test.
"""

_base_ = ['../../_base_/default_runtime.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

batch_size = 64

model = recipes.canonical_model('local')

globals().update(recipes.keypoint_crops(batch_size))
globals().update(
    recipes.schedule(samples=640_000, batch_size=batch_size, lr=1e-3)
)
