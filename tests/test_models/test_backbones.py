"""A deeper backbone starts as the one whose weights it takes."""

import torch
from mmpose.registry import MODELS

from synhand import recipes
from synhand.models import ResNet32


def _backbone(features):
    backbone = MODELS.build(features['backbone'])
    backbone.init_weights()
    return backbone


def test_deeper_backbone_starts_as_the_shallow_one():
    torch.manual_seed(0)
    shallow = _backbone(recipes.resnet18_half())
    for name, weight in shallow.named_parameters():
        if name.endswith('bn2.weight'):
            torch.nn.init.uniform_(weight, 0.5, 1.5)
    deep = _backbone(recipes.resnet32_half())
    missing, unexpected = deep.load_state_dict(
        shallow.state_dict(), strict=False
    )
    assert missing and not unexpected
    images = torch.randn(2, 3, 64, 64)
    for training in (False, True):
        shallow.train(training)
        deep.train(training)
        for expected, maps in zip(shallow(images), deep(images), strict=True):
            torch.testing.assert_close(maps, expected)


def test_blocks():
    backbone = MODELS.build(recipes.resnet32_half()['backbone'])
    assert isinstance(backbone, ResNet32)
    stages = [getattr(backbone, f'layer{n}') for n in range(1, 5)]
    assert [len(stage) for stage in stages] == [3, 4, 6, 2]
