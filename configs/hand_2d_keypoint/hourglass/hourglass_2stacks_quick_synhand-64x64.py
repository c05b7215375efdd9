"""Two stacked hourglasses at 64 x 64, for minutes of training."""

_base_ = ['../../_base_/default_runtime.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

input_size = (64, 64)
batch_size = 32

model = recipes.stages_model(recipes.hourglass(2), 256, 2, input_size)

globals().update(recipes.synthetic_data_2d(input_size, batch_size))
globals().update(recipes.schedule(samples=16_000, batch_size=batch_size))
