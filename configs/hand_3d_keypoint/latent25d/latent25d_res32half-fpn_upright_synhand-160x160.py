"""Step 6 of the reader, deeper: from a `load_from` of res18half at 160."""

_base_ = ['latent25d_res18half-fpn_upright_synhand-160x160.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

model = dict(
    backbone=dict(_delete_=True, **recipes.resnet32_half()['backbone'])
)

globals().update(
    recipes.reader_step(
        (160, 160), samples=300_000, lr=1e-3, validate_every=100_000
    )
)
