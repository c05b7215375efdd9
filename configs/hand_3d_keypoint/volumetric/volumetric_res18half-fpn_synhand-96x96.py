"""Volumes of depth 4, 8 and 32 on the maps of a small FPN, coarse to fine."""

_base_ = ['../latent25d/latent25d_res18half-fpn_synhand-96x96.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

model = dict(
    _delete_=True,
    **recipes.volumetric_model(
        recipes.resnet18_half(),
        in_channels=64,
        input_size=(96, 96),
        depths=[4, 8, 32],
        in_index=[2, 1, 0],
        sigma=1.0,
    ),
)
