"""Left and right hands in whole pictures; RTMDet-nano.

Validation and test need mmcv's compiled `nms` (`make ops`).
"""

_base_ = ['../../_base_/default_runtime.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

batch_size = 32

model = recipes.rtmdet()

globals().update(recipes.frame_data((256, 256), (320, 320), batch_size))
globals().update(
    recipes.schedule(samples=40_000, batch_size=batch_size, lr=2e-3)
)
