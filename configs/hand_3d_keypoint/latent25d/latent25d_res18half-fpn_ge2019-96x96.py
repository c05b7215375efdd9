"""Tests the model of synthetic hands on real photos (Ge et al. 2019)."""

_base_ = ['latent25d_res18half-fpn_synhand-96x96.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

test_dataloader = dict(
    _delete_=True,
    **recipes.hand_json_loader(
        f'{recipes.data_root()}/ge2019',
        recipes.test_pipeline((96, 96)),
        batch_size=64,
    ),
)
test_evaluator = recipes.evaluators(floors=True)
