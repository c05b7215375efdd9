"""Heatmaps and depth maps are supervised as maps."""

_base_ = [
    '../hand_3d_keypoint/latent25d/latent25d_res18half-fpn_synhand-96x96.py'
]

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

globals().update(
    recipes.study_arm(
        'maps supervised, no soft-argmax',
        head=dict(variant='direct'),
    )
)
