"""The small model for a demonstration and for tests: a minute, not hours."""

_base_ = ['latent25d_res18half-fpn_synhand-96x96.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

batch_size = 32
train_dataloader = dict(batch_size=batch_size)
globals().update(recipes.schedule(samples=20_000, batch_size=batch_size))
