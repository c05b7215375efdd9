"""Boukhayma 2019: ResNet-34, 6 numbers of pose, 10 of shape.

SYNHAND_DATA is the folder of the sets, SYNHAND_BACKGROUNDS one of photos
(without it backgrounds are procedural).
"""

_base_ = ['../../_base_/default_runtime.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

input_size = (256, 256)
batch_size = 64

model = recipes.parametric_model(recipes.resnet(34), 512, input_size)

globals().update(recipes.mesh_data(input_size, batch_size))
globals().update(
    recipes.schedule(samples=4_000_000, batch_size=batch_size, lr=1e-3)
)
