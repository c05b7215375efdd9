"""Left and right hands in whole pictures; CenterNet, small and fast."""

_base_ = ['../../_base_/default_runtime.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

batch_size = 32

model = recipes.center_detector()

globals().update(recipes.frame_data((192, 192), (256, 256), batch_size))
globals().update(
    recipes.schedule(samples=200_000, batch_size=batch_size, lr=1e-3)
)
