"""Latent 2.5D of either side: the network tells left from right."""

_base_ = ['latent25d_res18half-fpn_synhand-96x96.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

input_size = (96, 96)
batch_size = 128

model = dict(head=dict(side=dict(in_channels=64, in_index=-1)))
globals().update(
    recipes.with_extras(
        recipes.synthetic_data(input_size, batch_size),
        extras=['side'],
        train_mirror='random',
        test_mirror='none',
    )
)
