"""Latent 2.5D, HRNetV2-W18 at 256 x 256, synthetic hands only.

SYNHAND_DATA is the folder of the sets, SYNHAND_BACKGROUNDS one of photos
(without it backgrounds are procedural).
"""

_base_ = ['../../_base_/default_runtime.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

input_size = (256, 256)
batch_size = 64

model = recipes.latent25d_model(
    recipes.hrnet(18), in_channels=270, input_size=input_size, sigma=2.0
)

globals().update(recipes.synthetic_data(input_size, batch_size))
globals().update(
    recipes.schedule(samples=10_000_000, batch_size=batch_size, lr=1e-3)
)
