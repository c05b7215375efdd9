"""Root-relative 3D, prior and RLE in 3D; ResNet-50 at 256 x 256.

SYNHAND_DATA is the folder of the sets, SYNHAND_BACKGROUNDS one of photos
(without it backgrounds are procedural).
"""

_base_ = ['../../_base_/default_runtime.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

input_size = (256, 256)
batch_size = 64

model = recipes.regression_model(
    recipes.resnet(50),
    2048,
    input_size,
    output='3d',
    likelihood='rle',
    hidden=(1024, 1024),
    dropout=0.3,
    prior=dict(components=30, trainable=True),
)

globals().update(recipes.regression_data(input_size, batch_size, output='3d'))
globals().update(
    recipes.with_prior(
        recipes.schedule(samples=10_000_000, batch_size=batch_size, lr=1e-3)
    )
)
