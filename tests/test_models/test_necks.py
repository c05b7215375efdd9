"""A neck with blocks starts as the linear one whose weights it takes."""

import pytest
import torch
from mmpose.registry import MODELS

from synhand import recipes
from synhand.models import ResidualFPN


def _neck(config):
    neck = MODELS.build(config)
    neck.init_weights()
    return neck


def _stock():
    return _neck(recipes.resnet32_half()['neck'])


def _residual(*blocks):
    neck = _neck(recipes.residual_fpn(blocks))
    assert isinstance(neck, ResidualFPN)
    return neck


def _maps(side=32):
    return [
        torch.randn(2, channels, side // scale, side // scale)
        for channels, scale in zip(
            (32, 64, 128, 256), (1, 2, 4, 8), strict=True
        )
    ]


@pytest.mark.parametrize('training', [False, True])
@pytest.mark.parametrize('side', [32, 40])
def test_neck_starts_as_the_stock_one(training, side):
    torch.manual_seed(0)
    stock = _stock().train(training)
    neck = _residual(1, 2, 1, 0).train(training)
    missing, unexpected = neck.load_state_dict(
        stock.state_dict(), strict=False
    )
    assert all(name.startswith('blocks.') for name in missing)
    assert all(name.split('.')[1] in '123' for name in unexpected)
    maps = _maps(side)
    (found,) = neck(maps)
    torch.testing.assert_close(found, stock(maps)[0], rtol=0, atol=0)


def test_every_weight_of_the_neck_learns():
    torch.manual_seed(0)
    neck = _residual(1, 2, 1, 0)
    optimiser = torch.optim.SGD(neck.parameters(), lr=1e-3)
    for _ in range(2):  # of the first step's blocks only the last layer learns
        optimiser.zero_grad()
        neck(_maps())[0].square().mean().backward()
        optimiser.step()
    assert all(p.grad.abs().sum() > 0 for p in neck.parameters())


def test_trained_neck_reads_fine_maps_in_the_light_of_coarse_ones():
    """What a linear neck cannot: the fine map's effect depends on others."""
    torch.manual_seed(0)
    maps = _maps()
    other = [maps[0] + torch.randn_like(maps[0]), *maps[1:]]
    quiet = [
        [m[0], *(torch.zeros_like(c) for c in m[1:])] for m in (maps, other)
    ]

    def depends(neck):
        effect = neck(other)[0] - neck(maps)[0]
        alone = neck(quiet[1])[0] - neck(quiet[0])[0]
        return (effect - alone).abs().max() > 1e-3 * effect.abs().max()

    stock = _stock().eval()
    neck = _residual(1, 1, 1, 0).eval()
    assert not depends(neck)
    for name, weight in neck.named_parameters():
        if name.endswith('layers.5.weight'):
            torch.nn.init.normal_(weight, std=0.05)
    assert depends(neck)
    assert not depends(stock)


def test_blocks_are_one_number_a_map():
    with pytest.raises(ValueError, match='blocks: expected 4 numbers'):
        _residual(1, 1)
