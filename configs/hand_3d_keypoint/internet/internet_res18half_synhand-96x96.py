"""The stock InterNet (Moon et al., ECCV 2020), half a ResNet-18."""

_base_ = ['../latent25d/latent25d_res18half-fpn_synhand-96x96.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

input_size = (96, 96)

model = dict(
    _delete_=True,
    **recipes.internet_model(
        recipes.resnet18_half_last(),
        in_channels=256,
        input_size=input_size,
    ),
)
globals().update(recipes.internet_data(input_size, batch_size=32))
