"""HandSegNet of ColorHandPose3D: hand or not, each pixel; boxes of parts."""

_base_ = ['../../_base_/default_runtime.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

input_size = (256, 256)
batch_size = 16

model = recipes.hand_segmenter(hand_weight=10.0)

globals().update(recipes.segmentation_data(input_size, (320, 240), batch_size))
globals().update(
    recipes.schedule(samples=320_000, batch_size=batch_size, lr=5e-4)
)
