"""The released model's last steps: to generator versions 6 to 8 and 13."""

_base_ = ['latent25d_res18half-fpn_synhand-96x96.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

globals().update(
    recipes.schedule(
        samples=150_000, batch_size=128, lr=1e-3, warmup_samples=5_000
    )
)
