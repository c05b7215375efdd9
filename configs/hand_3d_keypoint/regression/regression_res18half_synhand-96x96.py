"""2.5D by regression, ResNet-18 of half width, L1, synthetic hands only.

SYNHAND_DATA is the folder of the sets, SYNHAND_BACKGROUNDS one of photos
(without it backgrounds are procedural).
"""

_base_ = ['../../_base_/default_runtime.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

input_size = (96, 96)
batch_size = 128

model = recipes.regression_model(recipes.resnet18_half_last(), 256, input_size)

globals().update(recipes.regression_data(input_size, batch_size))
globals().update(recipes.schedule(samples=1_000_000, batch_size=batch_size))
