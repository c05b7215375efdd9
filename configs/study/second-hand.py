"""No second hand and no skin behind."""

_base_ = [
    '../hand_3d_keypoint/latent25d/latent25d_res18half-fpn_synhand-96x96.py'
]

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

globals().update(
    recipes.study_arm(
        'no second hand, no skin behind',
        rendered=dict(second_hand=0.0, body=0.0),
    )
)
