"""Latent 2.5D in two stages: the second reads the maps of the first."""

_base_ = ['latent25d_res18half-fpn_synhand-96x96.py']

model = dict(head=dict(refinements=1))
