"""The released model's last stage: from `load_from`, the rate falls to 0."""

_base_ = ['latent25d_res18half-fpn_synhand-96x96.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

globals().update(
    recipes.schedule(
        samples=400_000, batch_size=128, lr=1.5e-3, warmup_samples=0
    )
)
