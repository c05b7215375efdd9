"""The released model's long stage: a steady rate, resumed while it pays."""

_base_ = ['latent25d_res18half-fpn_synhand-96x96.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

globals().update(
    recipes.schedule(
        samples=100_000_000, batch_size=128, lr=1.5e-3, decay=False
    )
)
