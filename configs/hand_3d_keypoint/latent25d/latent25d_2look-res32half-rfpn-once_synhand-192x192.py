"""`quick-25d`: the weights of `upright-25d`, each window read once."""

_base_ = ['latent25d_2look-res32half-rfpn_synhand-192x192.py']

model = dict(turns=(), around=(), test_cfg=dict(looks=2))
