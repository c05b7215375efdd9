"""The small model: 25 % synthetic hands, else FreiHAND, InterHand2.6M."""

_base_ = [
    '../hand_3d_keypoint/latent25d/latent25d_res18half-fpn_synhand-96x96.py'
]

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

globals().update(
    recipes.training_sets(
        dict(synhand=0.25, freihand=0.375, interhand=0.375),
        input_size=(96, 96),
        batch_size=128,
    )
)
