"""2.5D by regression through DeepPrior++'s bottleneck of 30 numbers."""

_base_ = ['regression_res18half_synhand-96x96.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

model = recipes.regression_model(
    recipes.resnet18_half_last(),
    256,
    (96, 96),
    hidden=(1024, 1024),
    dropout=0.3,
    prior=dict(components=30, trainable=True),
)
globals().update(
    recipes.with_prior(recipes.schedule(samples=1_000_000, batch_size=128))
)
