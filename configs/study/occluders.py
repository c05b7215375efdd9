"""Nothing is held or lies before a hand."""

_base_ = [
    '../hand_3d_keypoint/latent25d/latent25d_res18half-fpn_synhand-96x96.py'
]

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

globals().update(
    recipes.study_arm(
        'nothing held or in front of the hand',
        occlusion_prob=0.0,
        rendered=dict(object=0.0, occluder=0.0),
    )
)
