"""HandSegNet of a quarter of the width on small pictures, for processors."""

_base_ = ['../../_base_/default_runtime.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

input_size = (160, 160)
batch_size = 16

model = recipes.hand_segmenter(width=16, hand_weight=10.0)

globals().update(recipes.segmentation_data(input_size, input_size, batch_size))
globals().update(
    recipes.schedule(samples=32_000, batch_size=batch_size, lr=2e-3)
)
