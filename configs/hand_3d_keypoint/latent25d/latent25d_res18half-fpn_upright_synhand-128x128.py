"""Step 3 of the reader, at 128 pixels: from a `load_from` of 96."""

_base_ = ['../../_base_/default_runtime.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

input_size = (128, 128)
batch_size = 128

model = recipes.latent25d_model(
    recipes.resnet18_half(), in_channels=64, input_size=input_size, in_index=0
)
find_unused_parameters = True  # the FPN's coarser maps are not read

globals().update(recipes.upright_data(input_size, batch_size))
globals().update(
    recipes.schedule(
        samples=700_000, batch_size=batch_size, lr=1e-3, warmup_samples=5_000
    )
)
