"""The tools that measure root depths, quick trainings and speed."""

import argparse
import importlib.util

import numpy as np
import pytest
import torch
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from benchmark_factory import write_interhand
from helpers import random_hands
from model_factory import CONFIG, ROOT
from shard_factory import write_shards
from synhand.geometry.pose25d import from_25d, reference_length, to_25d
from synhand.hands.anatomy import FINGERS, pose_from_degrees
from synhand.hands.anny_hand import default_hand
from synhand.hands.anny_layer import AnnyLayer
from synhand.skeleton import KEYPOINT_NAMES, REFERENCE_BONE
from synhand.synthesis.pose_space import sample_poses


def _tool(name):
    path = ROOT / 'tools/benchmarks' / f'{name}.py'
    spec = importlib.util.spec_from_file_location(f'benchmark_{name}', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _degrees(first, second):
    """Angles (N,) between lines along vectors (N, 3)."""
    cosine = (first * second).sum(-1)
    lengths = [np.linalg.norm(v, axis=-1) for v in (first, second)]
    return np.degrees(np.arccos(np.abs(cosine) / lengths[0] / lengths[1]))


def test_true_25d_is_exact_but_near_the_ray():
    """0.01 mm for bones more than 10 degrees off the ray, float64.

    The larger root is wrong for bones between the ray and the optical axis,
    which are that near where the hand is within 10 degrees of the axis.
    """
    points, cameras = random_hands(np.random.default_rng(5), 4000)
    first, second = (points[:, k] for k in REFERENCE_BONE)
    axis = np.broadcast_to([0.0, 0.0, 1.0], first.shape)
    central = _degrees(axis, first).clip(_degrees(axis, second)) < 10
    off = central & (_degrees(second - first, first) > 10)
    off &= _degrees(second - first, second) > 10
    assert 500 < off.sum() < central.sum() < len(points)
    back = from_25d(
        to_25d(points, cameras),
        cameras,
        reference_length(points),
        method='single_bone',
    )
    assert np.abs(back - points)[off].max() < 0.01


def test_root_depth_errors_grow_with_noise(tmp_path, capsys):
    tool = _tool('root_depth')
    points, cameras = random_hands(np.random.default_rng(0), 100, spread=0.0)
    errors = tool.root_depth_errors(points, cameras)
    assert set(errors) == {'one bone', 'all bones'}
    for rows in errors.values():
        assert (np.diff(rows, axis=1) >= 0).all()  # quartiles
        assert rows[0, 1] < 0.01 < 10 < rows[-1, 1]
    assert errors['all bones'][2, 1] < errors['one bone'][2, 1]
    shards = str(write_shards(tmp_path / 'set', 4, shards=1))
    tool.main([shards, '--plot', str(tmp_path / 'plot.png')])
    assert (tmp_path / 'plot.png').stat().st_size > 5_000
    tool.main([shards])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + 2 * 3 * 2


@pytest.fixture
def sets(tmp_path):
    for part in ('train', 'val'):
        write_shards(tmp_path / 'data/synhand' / part, 6, shards=1)
    return tmp_path / 'data'


def test_a_gate_trains_tests_and_is_not_repeated(sets, tmp_path, monkeypatch):
    tool = _tool('quick_gates')
    table = tmp_path / 'table.csv'
    arguments = [
        *(str(CONFIG), '--data', str(sets), '--table', str(table)),
        *('--samples', '12', '--batch-size', '4', '--workers', '0'),
        *('--test', '4', '--backbone', 'small-25d'),
    ]
    tool.main(arguments)
    (row,) = tool.read_rows(table)
    assert row['config'] == CONFIG.stem
    for name in tool.MEASURES:
        assert np.isfinite(float(row[name])), name
        assert float(row[name]) > 0 or name == 'PCK@.1'
    assert float(row['M parameters']) == pytest.approx(2.9803)
    calls = []

    def measure(path, seed, args):
        calls.append(seed)
        return dict.fromkeys(tool.MEASURES, 1.0 + seed)

    monkeypatch.setattr(tool, 'measure', measure)
    tool.main([*arguments, '--seeds', '0', '1', '2'])
    assert calls == [1, 2]
    assert len(tool.read_rows(table)) == 3


def test_gates_are_ranked_by_their_means(capsys):
    tool = _tool('quick_gates')
    rows = [
        dict(
            dict.fromkeys(tool.MEASURES, value),
            config=config,
            samples='5',
            data='d',
            backbone='small-25d',
        )
        for config, value in (('worse', 9), ('better', 2), ('better', 4))
    ]
    lines = tool.markdown(rows).splitlines()
    assert lines[2].startswith('| better | 5 | small-25d | 2 | 3.00 ± 1.00 |')
    assert lines[3].startswith('| worse | 5 | small-25d | 1 | 9.00 |')


def test_gates_of_2d_models_have_no_3d(capsys):
    tool = _tool('quick_gates')
    none = dict.fromkeys(tool.MEASURES, '')
    terms = dict(samples='5', data='d', backbone='')
    rows = [
        dict(none, config=config, NME=value, **terms)
        for config, value in (('worse', '0.2'), ('better', '0.1'))
    ]
    lines = tool.markdown(rows).splitlines()
    assert lines[0] == '| config | samples | backbone | seeds | NME |'
    assert lines[2] == '| better | 5 |  | 1 | 0.100 |'
    assert lines[3] == '| worse | 5 |  | 1 | 0.200 |'


def test_both_pipelines_are_timed(sets):
    tool = _tool('training')
    args = argparse.Namespace(
        data=sets, depth=18, size=64, batch_size=2, batches=1, compile=False
    )
    for name in tool.PIPELINES:
        found = tool.measure(name, args)
        assert set(found) == {'loader', 'step', 'whole', 'MB'}
        assert all(found[key] > 0 for key in ('loader', 'step', 'whole'))
        assert found['whole'] < found['loader']


@pytest.mark.parametrize('side', ['right', 'left'])
def test_label_offsets_find_a_keypoint_that_was_moved(side):
    """Labels of the model's own hands, but for one keypoint 6 mm away."""
    tool = _tool('label_offsets')
    model = AnnyLayer(side=side, dtype=torch.float64)
    poses = torch.from_numpy(sample_poses(6, seed=0))
    turns = Rotation.random(6, random_state=0).as_matrix()
    turns = torch.from_numpy(turns)
    hands = model(poses.new_zeros(6, model.num_shape), poses)
    points = hands.keypoints['anatomical']
    wrist = KEYPOINT_NAMES.index('wrist')
    points[:, wrist, 1] += 6.0
    points = (points @ turns.mT + 500.0).numpy()
    found = tool.offsets(points, side, 'anatomical').mean(0)
    moved = np.linalg.norm(found, axis=1)
    assert moved.argmax() == wrist
    assert found[wrist, 1] == pytest.approx(moved[wrist], rel=0.1)
    assert 2 < moved[wrist] < 6  # shape and pose take up a part


def test_label_offsets_of_the_sets_that_are_named(
    tmp_path, capsys, monkeypatch
):
    tool = _tool('label_offsets')
    write_interhand(tmp_path)
    data = next(tmp_path.rglob('*_data.json'))
    monkeypatch.setattr(
        'sys.argv',
        [
            'label_offsets',
            '--interhand',
            str(data),
            '--interhand-images',
            '../../images/test',
        ],
    )
    tool.main()
    lines = capsys.readouterr().out.splitlines()
    heads = [i for i, line in enumerate(lines) if not line.startswith(' ')]
    assert [lines[i] for i in heads[:5]] == [
        'mean hand, anatomical',
        'mean hand, mano',
        'mean hand, bent, anatomical',
        'mean hand, bent, mano',
        'gestures of the mean hand, anatomical',
    ]
    assert lines[heads[5]].startswith('interhand: 4 hands, anatomical')
    named = [line.split()[0] for line in lines[heads[5] + 6 :]]
    assert named[0] == 'convergence'
    assert named[1:-21] == ['DIPs,'] * 2  # right and left
    assert named[-21:] == list(KEYPOINT_NAMES)


def test_proportions_of_labels_do_not_depend_on_size_and_place():
    tool = _tool('label_offsets')
    hand = default_hand()
    points = hand.rest(np.zeros(hand.num_components)).keypoints['anatomical']
    bones, steps = tool.proportions(points[None])
    assert bones[:, 1:].sum(1).mean() == pytest.approx(80)
    turn = Rotation.random(random_state=0).as_matrix()
    again = tool.proportions((1.3 * points @ turn.T + 500)[None])
    np.testing.assert_allclose(again[0], bones)
    np.testing.assert_allclose(again[1], steps)
    scale = bones[0, 1] / np.linalg.norm(points[6] - points[5])
    assert steps[2] == pytest.approx(
        scale * np.linalg.norm(points[17] - points[13])
    )


def _hand(bend, dip=0, **thumb):
    """Keypoints (K, 3) of a hand with bases and second joints bent alike."""
    joints = dict(mcp=bend, pip=bend, dip=dip)
    fingers = {
        f'{finger}_{joint}_flexion': degrees
        for finger in FINGERS
        for joint, degrees in joints.items()
    }
    hand = default_hand()
    rest = hand.rest(np.zeros(hand.num_components))
    pose = pose_from_degrees(**fingers, **thumb)
    return hand.pose_keypoints(rest, pose)['anatomical']


def test_convergence_is_that_of_the_bent_hands_alone():
    tool, hands = _tool('label_offsets'), np.stack([_hand(90), _hand(0)])
    angles, count = tool.convergence(hands)
    np.testing.assert_allclose(angles, [-11, 9, 19], atol=0.5)
    assert count.tolist() == [1, 1, 1]
    none, count = tool.convergence(hands[1:])
    assert np.isnan(none).all()
    assert not count.any()


@pytest.mark.parametrize('mirror', [1, -1])
def test_convergence_keeps_in_any_frame_size_and_side(mirror):
    tool, hand = _tool('label_offsets'), _hand(90)
    expected, _ = tool.convergence(hand[None])
    moved = 0.1 * Rotation.random(random_state=0).apply(hand) + [1, 2, 3]
    angles, _ = tool.convergence(moved[None] * [mirror, 1, 1])
    np.testing.assert_allclose(angles, expected, atol=1e-9)


@pytest.mark.parametrize('side', ['right', 'left'])
def test_bends_are_the_angles_of_the_pose(side):
    tool = _tool('label_offsets')
    mirror = [1, 1, 1] if side == 'right' else [-1, 1, 1]
    turn = Rotation.random(random_state=1)

    def found(dip, thumb):
        hand = _hand(85, dip, thumb_azimuth=30, thumb_elevation=thumb)
        moved = 0.1 * turn.apply(hand * mirror) + [3, 2, 1]
        return tool.bends(moved[None], side)

    low, high = found(10, 20), found(50, 60)
    np.testing.assert_allclose(high[0] - low[0], 40, atol=3)
    assert high[1] - low[1] == pytest.approx(40, abs=4)
    assert high[1] > 25
    flat = tool.bends(_hand(0)[None], 'right')
    assert np.isnan([*flat[0], flat[1]]).all()


@pytest.mark.parametrize('finger', ['index', 'middle', 'ring', 'little'])
def test_joints_lie_inside_and_keep_their_depth_when_bent(finger):
    """Bones under the skin of the back would bring keypoints to the edge of
    a fist, and linear skinning would let its knuckles sink."""
    tool = _tool('joint_depths')
    for joint in ('pip', 'dip'):
        straight, bent = tool.depths(default_hand(), finger, joint)
        assert straight[0] / straight.sum() == pytest.approx(0.45, abs=0.03)
        assert bent[0] == pytest.approx(straight[0], rel=0.1)
    straight, bent = tool.depths(default_hand(), finger, 'mcp')
    assert 8 < straight[0] < 11.5
    assert bent[0] == pytest.approx(straight[0], rel=0.15)


def test_way_out_of_a_box():
    tool = _tool('joint_depths')
    corners = np.stack(np.meshgrid(*[[-1.0, 1.0]] * 3, indexing='ij'), -1)
    corners = corners.reshape(-1, 3) * (2, 3, 4)
    faces = ConvexHull(corners).simplices
    start = np.array([0.5, 0.3, 0.1])
    for direction, expected in (((1, 0, 0), 1.5), ((0, 0, -1), 4.1)):
        found = tool.way_out(corners, faces, start, np.array(direction, float))
        assert found == pytest.approx(expected)
    with pytest.raises(ValueError, match='inside the mesh'):
        tool.way_out(corners, faces, start + 9, np.array([1.0, 0, 0]))


def test_joint_depths_are_printed(capsys):
    _tool('joint_depths').main([])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 13
    assert lines[2].startswith('index pip: 7.5, 7.4;')
