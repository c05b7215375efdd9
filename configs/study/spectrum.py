"""The amplitude spectrum is not changed."""

_base_ = [
    '../hand_3d_keypoint/latent25d/latent25d_res18half-fpn_synhand-96x96.py'
]

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

globals().update(
    recipes.study_arm(
        'no jitter of the amplitude spectrum',
        spectrum_prob=0.0,
    )
)
