"""Step 5 of the reader, at 160 pixels: from a `load_from` of 128."""

_base_ = ['latent25d_res18half-fpn_upright_synhand-128x128.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

input_size = (160, 160)

model = recipes.latent25d_model(
    recipes.resnet18_half(), in_channels=64, input_size=input_size, in_index=0
)

globals().update(recipes.reader_step(input_size, samples=250_000))
