"""Mesh Graphormer: HRNet-W64, 3 blocks of 4 layers, 195 coarse vertices.

SYNHAND_DATA is the folder of the sets, SYNHAND_BACKGROUNDS one of photos
(without it backgrounds are procedural).
"""

_base_ = ['../../_base_/default_runtime.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

input_size = (224, 224)
batch_size = 32

model = recipes.graphormer_model(
    recipes.hrnet_tokens(64),
    1024,
    input_size,
    global_channels=2048,
    grid_index=0,
    loss_weights=recipes.graphormer_weights(),
)

globals().update(recipes.mesh_data(input_size, batch_size, mask=False))
globals().update(
    recipes.schedule(samples=8_000_000, batch_size=batch_size, lr=1e-4)
)
