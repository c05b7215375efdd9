"""The small model on STB's test sequences."""

_base_ = [
    '../hand_3d_keypoint/latent25d/latent25d_res18half-fpn-fit_synhand-96x96.py'
]

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

globals().update(recipes.benchmark('stb', input_size=(96, 96)))
