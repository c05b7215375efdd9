"""Latent 2.5D, 8 stacked hourglasses, a loss each, at 256 x 256."""

_base_ = ['latent25d_hrnet-w18_synhand-256x256.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

model = dict(
    _delete_=True,
    **recipes.latent25d_model(
        recipes.hourglass(8),
        in_channels=256,
        input_size=(256, 256),
        in_index=list(range(8)),
        sigma=2.0,
    ),
)
