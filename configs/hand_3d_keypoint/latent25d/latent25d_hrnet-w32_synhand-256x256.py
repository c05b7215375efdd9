"""Latent 2.5D, HRNetV2-W32 at 256 x 256."""

_base_ = ['latent25d_hrnet-w18_synhand-256x256.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

model = dict(
    _delete_=True,
    **recipes.latent25d_model(
        recipes.hrnet(32), in_channels=480, input_size=(256, 256), sigma=2.0
    ),
)
