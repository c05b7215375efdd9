"""The paper's squared error on volumes of depth 1, 2, 4 and 64, RMSprop."""

_base_ = ['../latent25d/latent25d_hrnet-w18_synhand-256x256.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

model = dict(
    _delete_=True,
    **recipes.volumetric_model(
        recipes.hourglass(4),
        in_channels=256,
        input_size=(256, 256),
        depths=[1, 2, 4, 64],
        in_index=[0, 1, 2, 3],
        variant='direct',
    ),
)
optim_wrapper = dict(optimizer=dict(_delete_=True, type='RMSprop', lr=2.5e-4))
