"""Step 4 of the reader: windows turned as widely as they are read."""

_base_ = ['latent25d_res18half-fpn_upright_synhand-128x128.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

globals().update(recipes.reader_step((128, 128), samples=160_000, lr=5e-4))
