"""The two-look model on HO-3D v3's evaluation set."""

_base_ = [
    '../hand_3d_keypoint/latent25d/latent25d_2look-res32half-rfpn_synhand-192x192.py'
]

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

globals().update(recipes.benchmark('ho3d_v3', input_size=(192, 192)))
