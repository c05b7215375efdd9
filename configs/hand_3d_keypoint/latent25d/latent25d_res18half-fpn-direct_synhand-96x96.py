"""Direct 2.5D: heatmaps and depth maps are supervised as maps."""

_base_ = ['latent25d_res18half-fpn_synhand-96x96.py']

model = dict(head=dict(variant='direct'))
