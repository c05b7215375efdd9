"""Skin of two neighbouring tones of the Monk scale."""

_base_ = [
    '../hand_3d_keypoint/latent25d/latent25d_res18half-fpn_synhand-96x96.py'
]

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

globals().update(
    recipes.study_arm(
        'skin of Monk tones 3 to 5 alone',
        chosen=dict(tones=(3.0, 5.0)),
    )
)
