"""Two looks, the second by a deeper network.

Training starts from a reader of true windows: set `load_from` to a checkpoint
of latent25d_res32half-fpn_upright_synhand-160x160.
"""

_base_ = ['latent25d_2look-res18half-fpn_synhand-192x192.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

model = dict(
    backbone=dict(_delete_=True, **recipes.resnet32_half()['backbone'])
)
