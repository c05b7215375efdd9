"""Step 19 of the reader: gloves, things and small hands more often.

Starts from a `load_from` of step 18.
"""

_base_ = ['latent25d_res32half-rfpn_upright-cut_synhand-160x160.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

globals().update(
    recipes.schedule(
        samples=250_000,
        batch_size=128,
        lr=8e-4,
        warmup_samples=5_000,
        validate_every=125_000,
    )
)
