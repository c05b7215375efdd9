"""The small model for a demonstration: minutes, not hours."""

_base_ = ['latent25d_res18half-fpn_synhand-96x96.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

batch_size = 32
globals().update(recipes.synthetic_data((96, 96), batch_size, floors=True))
globals().update(recipes.schedule(samples=45_000, batch_size=batch_size))
