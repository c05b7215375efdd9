"""The two-look model on single hands of InterHand2.6M's test set."""

_base_ = [
    '../hand_3d_keypoint/latent25d/latent25d_2look-res32half-rfpn_synhand-192x192.py'
]

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

globals().update(recipes.benchmark('interhand', input_size=(192, 192)))
