"""DeepPose, ResNet-18 and a cascade of 3, 64 x 64: minutes of training."""

_base_ = ['../../_base_/default_runtime.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

input_size = (64, 64)
batch_size = 32

model = recipes.deeppose_model(
    recipes.resnet(18), 512, input_size, coarse_factor=1, window_size=32
)
refiner = dict(stem_channels=16, base_channels=16)  # a quarter of the width
model['head']['refiner'].update(refiner)
model['head']['refiner_channels'] = 128

globals().update(recipes.synthetic_data_2d(input_size, batch_size))
globals().update(recipes.schedule(samples=16_000, batch_size=batch_size))
