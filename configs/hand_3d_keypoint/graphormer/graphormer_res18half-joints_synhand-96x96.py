"""Mesh Graphormer without a mesh: a graph over the skeleton alone."""

_base_ = ['graphormer_res18half_synhand-96x96.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

model = recipes.graphormer_model(
    recipes.resnet18_half_last(),
    256,
    (96, 96),
    mesh_size=None,
    widths=(128, 64, 32),
    layers=1,
)
globals().update(
    dict(test_evaluator=recipes.evaluators(floors=True)),
    val_evaluator=recipes.evaluators(),
)
