"""2.5D by regression with predicted uncertainty (likelihood: rle)."""

_base_ = ['regression_res18_synhand-96x96.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

model = recipes.regression_model(
    recipes.resnet(18), 512, (96, 96), likelihood='rle'
)
