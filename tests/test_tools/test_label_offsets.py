"""`tools/benchmarks/label_offsets.py`: how bent fingers converge, a run."""

import sys

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from model_factory import load_tool
from photo_factory import write_photo_sets
from synhand.hands.anatomy import FINGERS, pose_from_degrees
from synhand.hands.anny_hand import default_hand
from synhand.skeleton import KEYPOINT_NAMES


@pytest.fixture
def tool(root, monkeypatch):
    monkeypatch.syspath_prepend(root / 'tools' / 'benchmarks')
    monkeypatch.setattr('sys.path', list(sys.path))
    return load_tool('benchmarks/label_offsets')


@pytest.fixture
def hands():
    """Keypoints (2, K, 3) of a bent and of a flat hand."""
    hand = default_hand()
    rest = hand.rest(np.zeros(hand.num_components))
    joints = [f'{f}_{j}_flexion' for f in FINGERS for j in ('mcp', 'pip')]
    poses = np.stack(
        [pose_from_degrees(**dict.fromkeys(joints, a)) for a in (90, 0)]
    )
    return hand.pose_keypoints(rest, poses)['anatomical']


def test_convergence_is_that_of_the_bent_hands_alone(tool, hands):
    angles, count = tool.convergence(hands)
    np.testing.assert_allclose(angles, [-11, 9, 19], atol=0.5)
    assert count.tolist() == [1, 1, 1]


def test_convergence_keeps_in_any_frame_size_and_side(tool, hands):
    expected, _ = tool.convergence(hands)
    turned = 0.1 * Rotation.random(random_state=0).apply(hands[0]) + [1, 2, 3]
    for moved in (turned, turned * [-1, 1, 1]):
        angles, _ = tool.convergence(moved[None])
        np.testing.assert_allclose(angles, expected, atol=1e-9)


def test_straight_fingers_have_no_convergence(tool, hands):
    angles, count = tool.convergence(hands[1:])
    assert np.isnan(angles).all()
    assert not count.any()


def test_a_run_prints_every_keypoint(tool, tmp_path, monkeypatch, capsys):
    write_photo_sets(tmp_path)
    labels = next(tmp_path.rglob('ge2019/annotations.json'))
    monkeypatch.setattr('sys.argv', ['label_offsets', '--photos', str(labels)])
    tool.main()
    printed = capsys.readouterr().out
    assert 'mean hand, bent, mano' in printed
    assert 'photos: ' in printed
    assert printed.count('convergence') == 3
    assert all(name in printed for name in KEYPOINT_NAMES)
