"""Step 5 of the reader, at 160 pixels: from a `load_from` of 128."""

_base_ = ['latent25d_res18half-fpn_upright_synhand-128x128.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

input_size = (160, 160)
batch_size = 128

model = recipes.latent25d_model(
    recipes.resnet18_half(), in_channels=64, input_size=input_size, in_index=0
)

globals().update(
    recipes.upright_data(input_size, batch_size, **recipes.WIDE_WINDOWS)
)
globals().update(
    recipes.schedule(
        samples=250_000, batch_size=batch_size, lr=8e-4, warmup_samples=5_000
    )
)
