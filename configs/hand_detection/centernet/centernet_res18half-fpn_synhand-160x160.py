"""Hands in whole pictures; CenterNet, small and fast.

Starts from the backbone and neck of the small pose model.
"""

_base_ = ['../../_base_/default_runtime.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

batch_size = 32

model = recipes.center_detector()
load_from = 'synhand://small-25d'
find_unused_parameters = True  # the FPN's coarser maps are not read

globals().update(recipes.frame_data((160, 160), (224, 224), batch_size))
globals().update(
    recipes.schedule(
        samples=150_000,
        batch_size=batch_size,
        lr=1e-3,
        warmup_samples=3_000,
        validate_every=30_000,
    )
)
