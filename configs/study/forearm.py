"""Forearms and what they wear are covered by backgrounds."""

_base_ = [
    '../hand_3d_keypoint/latent25d/latent25d_res18half-fpn_synhand-96x96.py'
]

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

globals().update(
    recipes.study_arm(
        'no forearm, all backgrounds replaced',
        background_prob=1.0,
        chosen=dict(left_out=recipes.forearm_layers()),
    )
)
