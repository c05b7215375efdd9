"""PoseNet of ColorHandPose3D: score maps of hands of both sides."""

_base_ = ['../../_base_/default_runtime.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

input_size = (256, 256)
batch_size = 32

model = recipes.posenet_model(3, input_size)

globals().update(recipes.posenet_data(input_size, batch_size))
globals().update(
    recipes.schedule(samples=2_000_000, batch_size=batch_size, lr=5e-4)
)
