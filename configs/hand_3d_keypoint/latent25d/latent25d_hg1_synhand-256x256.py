"""Latent 2.5D, 1 stacked hourglass, at 256 x 256."""

_base_ = ['latent25d_hrnet-w18_synhand-256x256.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

model = dict(
    _delete_=True,
    **recipes.latent25d_model(
        recipes.hourglass(1),
        in_channels=256,
        input_size=(256, 256),
        in_index=list(range(1)),
        sigma=2.0,
    ),
)
find_unused_parameters = True  # the stock hourglass keeps a layer for more
