"""Latent 2.5D, MobileNetV2 with deconvolutions, at 256 x 256."""

_base_ = ['latent25d_hrnet-w18_synhand-256x256.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

model = dict(
    _delete_=True,
    **recipes.latent25d_model(
        recipes.mobilenetv2(),
        in_channels=1280,
        input_size=(256, 256),
        sigma=2.0,
        **recipes.DECONVOLUTIONS,
    ),
)
