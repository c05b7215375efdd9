"""Hands of average adult length alone."""

_base_ = [
    '../hand_3d_keypoint/latent25d/latent25d_res18half-fpn_synhand-96x96.py'
]

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

globals().update(
    recipes.study_arm(
        'hands of 175 to 190 mm alone',
        chosen=dict(lengths_mm=(175.0, 190.0)),
    )
)
