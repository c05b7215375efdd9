"""Two looks, the second by a network with residual blocks in its FPN.

Training starts from a reader of true windows: set `load_from` to a checkpoint
of latent25d_res32half-rfpn_upright-cut_synhand-160x160.
"""

_base_ = ['latent25d_2look-res32half-fpn_synhand-192x192.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

model = dict(neck=dict(_delete_=True, **recipes.residual_fpn()))
