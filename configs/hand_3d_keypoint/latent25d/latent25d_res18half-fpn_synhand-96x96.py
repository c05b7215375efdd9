"""Latent 2.5D, ResNet-18 of half width with FPN, synthetic hands only.

SYNHAND_DATA is the folder of the sets, SYNHAND_BACKGROUNDS one of photos
(without it backgrounds are procedural).
"""

_base_ = ['../../_base_/default_runtime.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

input_size = (96, 96)
batch_size = 128

model = recipes.latent25d_model(
    recipes.resnet18_half(), in_channels=64, input_size=input_size, in_index=0
)
find_unused_parameters = True  # the FPN's coarser maps are not read

globals().update(recipes.synthetic_data(input_size, batch_size))
globals().update(recipes.schedule(samples=1_000_000, batch_size=batch_size))
