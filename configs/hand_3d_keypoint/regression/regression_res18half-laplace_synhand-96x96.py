"""2.5D by regression with predicted uncertainty (likelihood: laplace)."""

_base_ = ['regression_res18half_synhand-96x96.py']

model = dict(head=dict(likelihood='laplace'))
