"""HRNetV2-W48, heatmaps at 256 x 256, synthetic hands only.

SYNHAND_DATA is the folder of the sets, SYNHAND_BACKGROUNDS one of photos
(without it backgrounds are procedural).
"""

_base_ = ['../../_base_/default_runtime.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

input_size = (256, 256)
batch_size = 32

model = recipes.heatmap_model(recipes.hrnet(48), 15 * 48, input_size)

globals().update(recipes.synthetic_data_2d(input_size, batch_size))
globals().update(
    recipes.schedule(samples=10_000_000, batch_size=batch_size, lr=5e-4)
)
