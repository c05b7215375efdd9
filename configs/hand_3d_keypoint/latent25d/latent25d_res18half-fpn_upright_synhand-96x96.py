"""The reader of a two-look model: crops turned upright, and tighter."""

_base_ = ['latent25d_res18half-fpn_synhand-96x96.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

globals().update(recipes.upright_data((96, 96), batch_size=128))
globals().update(
    recipes.schedule(samples=1_200_000, batch_size=128, warmup_samples=10_000)
)
