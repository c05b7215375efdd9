"""Mesh Graphormer in small: 98 coarse vertices, narrow encoders.

SYNHAND_DATA is the folder of the sets, SYNHAND_BACKGROUNDS one of photos
(without it backgrounds are procedural).
"""

_base_ = ['../../_base_/default_runtime.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

input_size = (96, 96)
batch_size = 128

model = recipes.graphormer_model(
    recipes.resnet18_half_last(),
    256,
    input_size,
    mesh_size=98,
    widths=(128, 64, 32),
    layers=1,
)

globals().update(
    recipes.mesh_data(input_size, batch_size, floors=True, mask=False)
)
globals().update(
    recipes.schedule(samples=1_000_000, batch_size=batch_size, lr=1e-3)
)
