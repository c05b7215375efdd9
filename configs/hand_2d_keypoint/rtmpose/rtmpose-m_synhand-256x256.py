"""RTMPose-m at 256 x 256, synthetic hands only.

SYNHAND_DATA is the folder of the sets, SYNHAND_BACKGROUNDS one of photos
(without it backgrounds are procedural).
"""

_base_ = ['../../_base_/default_runtime.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

input_size = (256, 256)
batch_size = 128

model = recipes.rtmpose_model(recipes.cspnext('m'), 768, input_size)

globals().update(recipes.synthetic_data_2d(input_size, batch_size))
globals().update(
    recipes.schedule(samples=10_000_000, batch_size=batch_size, lr=2e-3)
)
