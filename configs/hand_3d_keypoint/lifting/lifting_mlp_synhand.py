"""A small network (Martinez et al., ICCV 2017) that lifts, on labels.

`--cfg-options test_dataloader.dataset.pipeline.0.noise=0.05` adds noise.
"""

_base_ = ['../../_base_/default_runtime.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

batch_size = 128

model = recipes.lifting_model(dict(type='MLPLifter'))

globals().update(recipes.lifting_data(batch_size, learning=True))
globals().update(
    recipes.schedule(
        samples=100_000, batch_size=batch_size, validate_every=100_000
    )
)
