"""Windows in which a hand points up: numpy, torch and the transform."""

import numpy as np
import pytest
import torch
from mmpose.datasets.transforms import TopdownAffine

from synhand import recipes
from synhand.datasets.transforms import RandomHandBox, UprightHandBox
from synhand.geometry.upright import KNUCKLES, upright_angle, upright_box
from synhand.models.upright import towards_box, upright_windows


def _points(seed: int = 0, hands: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.2, 0.8, (hands, 21, 2))


def _towards(points: np.ndarray) -> np.ndarray:
    return points[list(KNUCKLES)].mean(0) - points[0]


@pytest.mark.parametrize('hand', _points())
def test_a_turned_hand_points_up(hand):
    angle = upright_angle(hand)
    turn = np.array(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    )
    x, y = turn @ _towards(hand)
    assert x == pytest.approx(0, abs=1e-12)
    assert y < 0


def test_a_point_has_no_direction():
    assert upright_angle(np.zeros((21, 2))) == 0
    windows = upright_windows(torch.zeros(1, 21, 2), padding=1.0)
    assert torch.equal(windows.turn[0], torch.eye(2))


@pytest.mark.parametrize('hand', _points(1))
def test_the_box_holds_the_turned_hand_tightly(hand):
    angle = 0.7
    center, side = upright_box(hand, angle)
    turn = np.array(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    )
    offset = (hand - center) @ turn.T
    assert np.abs(offset).max() == pytest.approx(side / 2)


def test_torch_windows_are_those_of_numpy():
    points = _points(2)
    windows = upright_windows(torch.from_numpy(points), padding=1.3)
    inside = windows.inside(torch.from_numpy(points)).numpy()
    for index, hand in enumerate(points):
        center, side = upright_box(hand, upright_angle(hand))
        np.testing.assert_allclose(windows.centre[index], center)
        assert windows.side[index] == pytest.approx(1.3 * side)
        x, y = _towards(inside[index])
        assert x == pytest.approx(0, abs=1e-12)
        assert y < 0


def test_positions_return_to_the_crop():
    points = torch.from_numpy(_points(3))
    windows = upright_windows(points, padding=1.3)
    back = windows.outside(windows.inside(points))
    torch.testing.assert_close(back, points, atol=1e-14, rtol=0)


def test_a_window_shows_what_lies_there():
    """An image whose channels are u and v: each pixel says its place."""
    points = torch.from_numpy(_points(4) * 0.3 + 0.35)
    windows = upright_windows(points, padding=1.1)
    line = torch.linspace(0, 1, 65, dtype=torch.float64)
    v, u = torch.meshgrid(line, line, indexing='ij')
    seen = windows.cut(torch.stack([u, v]).expand(len(points), 2, 65, 65), 9)
    grid = torch.linspace(0, 1, 9, dtype=torch.float64)
    v, u = torch.meshgrid(grid, grid, indexing='ij')
    places = torch.stack([u, v], -1).view(1, -1, 2).expand(len(points), -1, 2)
    expected = windows.outside(places).view(-1, 9, 9, 2)
    within = ((expected >= 0) & (expected <= 1)).all(-1)
    difference = (seen.permute(0, 2, 3, 1) - expected).abs().amax(-1)
    assert within.double().mean() > 0.9
    assert difference[within].max() < 1e-12


def test_the_transform_makes_the_same_window():
    hand = 100 * _points(5)[0]
    results = UprightHandBox(padding=1.3).transform(
        dict(
            keypoints=hand[None].astype(np.float32),
            keypoints_visible=np.ones((1, 21)),
            img=np.zeros((100, 100, 3), np.uint8),
        )
    )
    crop = TopdownAffine((96, 96), use_udp=True).transform(results)
    windows = upright_windows(torch.from_numpy(hand[None]), padding=1.3)
    expected = windows.inside(torch.from_numpy(hand[None])) * 95
    np.testing.assert_allclose(
        crop['transformed_keypoints'], expected, atol=1e-3
    )


def test_lost_hands_point_anywhere():
    np.random.seed(0)
    points = _points(6)[:1].astype(np.float32)
    boxes = UprightHandBox(padding=1.3, lost=1.0)
    angles = [
        float(boxes.transform(dict(keypoints=points))['bbox_rotation'][0])
        for _ in range(50)
    ]
    assert np.ptp(angles) > 270


def test_jitter_is_about_the_upright_window():
    np.random.seed(0)
    points = _points(7)[:1].astype(np.float32)
    upright = np.degrees(upright_angle(points[0]))
    jitter = RandomHandBox(rotate_factor=30.0, rotate_prob=1.0)
    turns = [
        jitter.transform(
            UprightHandBox(padding=1.3).transform(dict(keypoints=points))
        )['bbox_rotation'][0]
        for _ in range(40)
    ]
    away = np.asarray(turns) - upright
    assert np.abs(away).max() <= 30
    assert np.ptp(away) > 30


def test_only_training_varies_the_window():
    data = recipes.upright_data((96, 96), 8, lost=0.5)
    for role, lost in (('train', 0.5), ('val', 0.0), ('test', 0.0)):
        steps = data[f'{role}_dataloader']['dataset']['pipeline']
        (box,) = (s for s in steps if s['type'] == 'UprightHandBox')
        assert box.get('lost', 0.0) == lost
        names = [step['type'] for step in steps]
        assert ('RandomHandBox' in names) == (role == 'train')
        assert 'GetBBoxCenterScale' not in names


def test_windows_turn_about_their_centres():
    points = torch.rand(2, 21, 2, generator=torch.Generator().manual_seed(5))
    windows = upright_windows(points, 1.3)
    turned = windows.turned([0.0, 90.0])
    corner = torch.tensor([[[1.0, 0.5]]]).expand(4, 1, 2)
    middle = torch.full((4, 1, 2), 0.5)
    seen = turned.inside(torch.cat([windows.outside(corner[:2])] * 2))
    expected = torch.tensor([[[1.0, 0.5]]] * 2 + [[[0.5, 1.0]]] * 2)
    torch.testing.assert_close(seen, expected)
    torch.testing.assert_close(
        turned.outside(middle)[:, 0], windows.centre.repeat(2, 1)
    )


def test_keypoints_are_drawn_to_a_box_about_the_centre():
    points = torch.rand(3, 21, 2) * torch.tensor([0.5, 0.3]) + 0.1
    none, half, all_the_way = torch.tensor([[0.0], [0.5], [1.0]]).repeat(1, 3)
    torch.testing.assert_close(towards_box(points, 0.6, none), points)
    fitted = towards_box(points, 0.6, all_the_way)
    low, high = fitted.amin(1), fitted.amax(1)
    torch.testing.assert_close((low + high) / 2, torch.full((3, 2), 0.5))
    torch.testing.assert_close((high - low).amax(-1), torch.full((3,), 0.6))
    found = towards_box(points, 0.6, half)
    halfway = towards_box(found, 0.6, all_the_way)
    torch.testing.assert_close(halfway, fitted)
    side = (points.amax(1) - points.amin(1)).amax(-1)
    length = (found.amax(1) - found.amin(1)).amax(-1)
    torch.testing.assert_close(length, (side * 0.6).sqrt())
