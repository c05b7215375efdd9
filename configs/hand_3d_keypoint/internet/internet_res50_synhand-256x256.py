"""The stock InterNet (Moon et al., ECCV 2020), ResNet-50, synthetic hands."""

_base_ = ['../latent25d/latent25d_hrnet-w18_synhand-256x256.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

input_size = (256, 256)

model = dict(
    _delete_=True,
    **recipes.internet_model(
        recipes.resnet(50), in_channels=2048, input_size=input_size
    ),
)
globals().update(recipes.internet_data(input_size, batch_size=16))
