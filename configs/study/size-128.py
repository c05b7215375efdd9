"""Crops of 128 x 128 pixels."""

_base_ = [
    '../hand_3d_keypoint/latent25d/latent25d_res18half-fpn_synhand-96x96.py'
]

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

globals().update(
    recipes.study_arm(
        'crops of 128 x 128 px',
        input_size=(128, 128),
    )
)
