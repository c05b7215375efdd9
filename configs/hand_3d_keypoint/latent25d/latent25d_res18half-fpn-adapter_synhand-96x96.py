"""Latent 2.5D of two joint families: a linear map between joint families."""

_base_ = ['latent25d_res18half-fpn_synhand-96x96.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

input_size = (96, 96)
batch_size = 128

model = dict(head=dict(families='adapter'))
train_dataloader = dict(
    _delete_=True, **recipes.two_family_loader(input_size, batch_size)
)
