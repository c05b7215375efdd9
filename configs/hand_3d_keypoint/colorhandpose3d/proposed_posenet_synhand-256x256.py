"""PosePrior and ViewPoint on the maps of a trained PoseNet, which stays.

`load_from` is PoseNet's checkpoint; only its backbone is taken from it.
"""

_base_ = ['../../_base_/default_runtime.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

input_size = (256, 256)
batch_size = 32
load_from = 'work_dirs/posenet_synhand-256x256/iter_62500.pth'

model = recipes.canonical_model(
    'proposed', posenet=recipes.cpm(3), input_size=input_size
)

globals().update(recipes.canonical_data(input_size, batch_size))
globals().update(
    recipes.schedule(samples=640_000, batch_size=batch_size, lr=1e-3)
)
