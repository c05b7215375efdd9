"""Biomechanical constraints on hands of the synthetic family."""

import numpy as np
import pytest
import torch

from helpers import random_rotations
from synhand import recipes
from synhand.hands.anatomy import pose_from_degrees
from synhand.hands.anny_hand import default_hand
from synhand.models.losses import BiomechanicalLoss
from synhand.models.losses.biomechanical import hand_shape, measure_limits
from synhand.skeleton import BONES


@pytest.fixture(scope='module')
def loss():
    settings = recipes.biomechanics(bones=1.0, palm=1.0, angles=1.0)
    settings.pop('type')
    return BiomechanicalLoss(**settings)


def _hand(**degrees):
    """(1, 21, 3) in reference bones, a right hand."""
    hand = default_hand()
    rest = hand.rest(np.zeros(hand.num_components))
    points = hand.pose_keypoints(rest, pose_from_degrees(**degrees))
    points = points['anatomical']
    length = np.linalg.norm(points[10] - points[9])
    return torch.from_numpy(points / length)[None]


def _total(loss, points):
    weight = torch.ones(len(points), dtype=points.dtype)
    return {k: float(v) for k, v in loss(points, weight).items()}


def test_possible_hands_cost_nothing_in_any_view(loss):
    points = torch.cat(
        [
            _hand(),
            _hand(index_pip_flexion=80, index_mcp_flexion=60),
            _hand(thumb_elevation=40, little_mcp_abduction=-15),
        ]
    )
    for turn in random_rotations(np.random.default_rng(0), 3):
        turned = points @ torch.from_numpy(turn).T + torch.tensor([1, 2, 15.0])
        for name, value in _total(loss, turned).items():
            assert value < 2e-4, name


@pytest.mark.parametrize(
    'degrees',
    [
        {'middle_pip_flexion': -60},
        {'ring_mcp_flexion': -75},
        {'index_mcp_abduction': 60},
        {'thumb_ip_flexion': 140},
    ],
)
def test_impossible_angles_cost(loss, degrees):
    found = _total(loss, _hand(**degrees))
    assert found['loss_angles'] > 0.01
    assert found['loss_bones'] < 1e-4


def test_angles_are_the_degrees_of_freedom():
    """Bending one joint changes that joint's flexion by as much."""
    straight = hand_shape(_hand()).angles
    for joint, name in (
        (4, 'index_pip'),
        (7, 'middle_pip'),
        (8, 'middle_dip'),
    ):
        bent = hand_shape(_hand(**{f'{name}_flexion': 50})).angles
        change = torch.rad2deg(bent - straight)[0, joint, 0]
        assert float(change) == pytest.approx(50, abs=4), name


def test_long_bones_and_mirrored_hands_cost(loss):
    points = _hand()
    longer = points.clone()
    longer[:, 8] += 2 * (points[:, 8] - points[:, 7])
    assert _total(loss, longer)['loss_bones'] > 0.01
    curled = _hand(**{f'{f}_mcp_flexion': 80 for f in ('index', 'ring')})
    mirrored = curled * torch.tensor([-1.0, 1, 1])
    assert _total(loss, mirrored)['loss_angles'] > 0.01
    assert _total(loss, curled)['loss_angles'] < 1e-3


def test_bones_by_the_book():
    points = torch.randn(3, 21, 3, dtype=torch.float64)
    found = hand_shape(points).bones
    for index, (parent, child) in enumerate(BONES):
        slow = (points[:, child] - points[:, parent]).norm(dim=-1)
        torch.testing.assert_close(found[:, index], slow)


def test_limits_hold_for_the_hands_they_are_measured_on():
    points = torch.cat([_hand(), _hand(index_pip_flexion=70)]).double()
    loss = BiomechanicalLoss(**measure_limits(points))
    assert all(v < 1e-4 for v in _total(loss, points).values())
    other = _hand(index_pip_flexion=100)
    assert _total(loss, other)['loss_angles'] > 0.001


def test_gradients(loss):
    points = _hand(index_pip_flexion=-50, thumb_ip_flexion=120)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(points.shape, generator=generator, dtype=points.dtype)
    points = (points + 0.1 * noise).requires_grad_()
    weight = torch.ones(1, dtype=torch.float64)
    double = loss.double()
    assert torch.autograd.gradcheck(
        lambda p: tuple(double(p, weight).values()), (points,)
    )
    flat = torch.zeros(1, 21, 3, dtype=torch.float64, requires_grad=True)
    sum(double(flat, weight).values()).backward()
    assert torch.isfinite(flat.grad).all()


def test_weights_leave_hands_and_losses_out(loss):
    bad = _hand(middle_pip_flexion=-60)
    found = loss(bad, torch.zeros(1))
    assert all(float(v) == 0 for v in found.values())
    some = recipes.biomechanics(palm=0.0)
    some.pop('type')
    assert 'loss_palm' not in BiomechanicalLoss(**some)(bad, torch.ones(1))


def test_wrong_limits_are_named(loss):
    with pytest.raises(ValueError, match='palm: expected limits of shape'):
        BiomechanicalLoss(loss.bones, loss.bones, loss.angles)
    with pytest.raises(ValueError, match='weights: expected some of'):
        recipes_loss = recipes.biomechanics(elbow=1.0)
        recipes_loss.pop('type')
        BiomechanicalLoss(**recipes_loss)
