"""Step 10 of the reader: the hands' proportions of generator version 7."""

_base_ = ['latent25d_res32half-fpn_upright-gray_synhand-160x160.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

globals().update(
    recipes.schedule(
        samples=330_000,
        batch_size=128,
        lr=8e-4,
        warmup_samples=5_000,
        validate_every=66_000,
    )
)
