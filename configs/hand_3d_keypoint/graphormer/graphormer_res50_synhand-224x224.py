"""Mesh Graphormer on ResNet-50; otherwise as with HRNet-W64."""

_base_ = ['graphormer_hrnet-w64_synhand-224x224.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

model = dict(
    _delete_=True,
    **recipes.graphormer_model(
        recipes.resnet(50),
        2048,
        (224, 224),
        loss_weights=recipes.graphormer_weights(),
    ),
)
