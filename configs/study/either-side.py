"""Left hands are not mirrored; the network tells the side."""

_base_ = [
    '../hand_3d_keypoint/latent25d/latent25d_res18half-fpn_synhand-96x96.py'
]

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

globals().update(
    recipes.study_arm(
        'both sides seen, side told by the network',
        either_side=True,
        head=dict(side=dict(in_channels=64, in_index=-1)),
    )
)
