"""The paper's squared error on volumes of depth 1, 2, 4 and 64, RMSprop."""

_base_ = ['volumetric_hg4_synhand-256x256.py']

model = dict(head=dict(variant='direct'))
optim_wrapper = dict(optimizer=dict(_delete_=True, type='RMSprop', lr=2.5e-4))
