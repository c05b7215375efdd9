"""Nearest neighbours behind the 2D keypoints of the released small-25d.

The checkpoint to test is that of `lifting_neighbours_synhand`;
`model.lifter.type` chooses another lifter.
"""

_base_ = ['lifting_neighbours_synhand.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

input_size = (128, 128)

model = recipes.behind(
    recipes.lifting_model(dict(type='NeighbourLifter')),
    recipes.latent25d_model(
        recipes.resnet18_half_residual(),
        in_channels=64,
        input_size=input_size,
        in_index=0,
    ),
    'synhand://small-25d',
)

globals().update(recipes.crops(input_size))
