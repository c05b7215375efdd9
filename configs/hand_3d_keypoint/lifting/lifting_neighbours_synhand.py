"""Nearest neighbours over synthetic poses (Chen, Ramanan 2017), on labels.

`--cfg-options test_dataloader.dataset.pipeline.0.noise=0.05` adds noise.
"""

_base_ = ['../../_base_/default_runtime.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

model = recipes.lifting_model(dict(type='NeighbourLifter'))

globals().update(recipes.lifting_data())
globals().update(recipes.fit_schedule())
