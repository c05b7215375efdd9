"""The small model trained on FreiHAND alone."""

_base_ = [
    '../hand_3d_keypoint/latent25d/latent25d_res18half-fpn_synhand-96x96.py'
]

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

globals().update(
    recipes.training_sets(
        dict(freihand=1),
        input_size=(96, 96),
        batch_size=128,
        joint_family='mano',
    )
)
