"""Boukhayma 2019 with 21 heatmaps of 2D keypoints behind the colours.

In testing the heatmaps are of the true 2D keypoints (an upper bound) unless a
LoadKeypoints2D step names the result of another model.
"""

_base_ = ['boukhayma_res34_synhand-256x256.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

model = recipes.parametric_model(
    dict(backbone=dict(type='ResNet', depth=34, in_channels=24)),
    512,
    (256, 256),
    heatmaps=dict(sigma=5.0),
)
globals().update(recipes.mesh_data((256, 256), 64, heatmaps=True))
