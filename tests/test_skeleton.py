import numpy as np
import pytest

from synhand.skeleton import (
    BONES,
    FINGERS,
    FINGERTIPS,
    KEYPOINT_NAMES,
    MEAN_BONE_LENGTHS_MM,
    NUM_KEYPOINTS,
    ORDERS,
    PARENTS,
    REFERENCE_BONE,
    from_standard,
    to_standard,
)

MANO_FINGERS = ('index', 'middle', 'little', 'ring', 'thumb')


def finger_names(finger):
    return [KEYPOINT_NAMES[index] for index in FINGERS[finger]]


def mano_with_tips():
    joints = [n for f in MANO_FINGERS for n in finger_names(f)[:3]]
    return ['wrist', *joints, *(finger_names(f)[3] for f in FINGERS)]


def tip_to_base(fingers):
    return [n for finger in fingers for n in finger_names(finger)[::-1]]


# What each dataset's own keypoints are called, in its own order.
THEIRS = {
    'openpose': list(KEYPOINT_NAMES),
    'mano_with_tips': mano_with_tips(),
    'ho3d': mano_with_tips(),
    'rhd': ['wrist', *tip_to_base(FINGERS)],
    'interhand': [*tip_to_base(FINGERS), 'wrist'],
    'stb': ['wrist']
    + [n for finger in reversed(FINGERS) for n in finger_names(finger)],
}


def test_names_and_tree_agree():
    assert len(set(KEYPOINT_NAMES)) == NUM_KEYPOINTS == len(PARENTS)
    assert [KEYPOINT_NAMES[i] for i in FINGERTIPS] == [
        f'{finger}_tip' for finger in FINGERS
    ]
    assert [child for _, child in BONES] == list(range(1, NUM_KEYPOINTS))
    for parent, child in BONES:
        assert PARENTS[child] == parent
        same_finger = KEYPOINT_NAMES[parent].split('_')[0] in (
            'wrist',
            KEYPOINT_NAMES[child].split('_')[0],
        )
        assert same_finger and parent < child
    ends = [KEYPOINT_NAMES[i] for i in REFERENCE_BONE]
    assert ends == ['middle_mcp', 'middle_pip'] and REFERENCE_BONE in BONES


@pytest.mark.parametrize('order', sorted(THEIRS))
def test_order_maps_every_name(order):
    theirs = np.array(THEIRS[order])
    assert to_standard(theirs, order, axis=0).tolist() == list(KEYPOINT_NAMES)
    ours = np.array(KEYPOINT_NAMES)
    assert from_standard(ours, order, axis=0).tolist() == THEIRS[order]


@pytest.mark.parametrize('order', sorted(ORDERS))
def test_orders_round_trip_along_any_axis(order):
    points = np.random.default_rng(0).normal(size=(2, NUM_KEYPOINTS, 3))
    there = to_standard(points, order)
    np.testing.assert_array_equal(there[:, 0], points[:, ORDERS[order][0]])
    np.testing.assert_array_equal(from_standard(there, order), points)
    flags = points[..., 0]
    np.testing.assert_array_equal(
        from_standard(to_standard(flags, order, -1), order, axis=1), flags
    )


def test_aliases_are_the_standard_order():
    for alias in ('freihand', 'coco_wholebody_hand', 'onehand10k'):
        assert ORDERS[alias] == ORDERS['openpose']
    for alias in ('panoptic', 'dexycb', 'mediapipe'):
        assert ORDERS[alias] == tuple(range(NUM_KEYPOINTS))


@pytest.mark.parametrize('function', [to_standard, from_standard])
def test_wrong_arguments_give_one_clear_line(function):
    with pytest.raises(ValueError, match="unknown keypoint order 'smpl'"):
        function(np.zeros((21, 3)), 'smpl')
    with pytest.raises(ValueError, match=r'expected 21 .* \(42, 3\)'):
        function(np.zeros((42, 3)), 'rhd')
    with pytest.raises(ValueError, match='along axis -2'):
        function(np.zeros(21), 'rhd')


def test_mean_bone_lengths_are_those_of_a_hand():
    lengths = dict(zip(BONES, MEAN_BONE_LENGTHS_MM, strict=True))
    for finger, chain in FINGERS.items():
        ray = [lengths[PARENTS[k], k] for k in chain]
        if finger != 'thumb':
            assert ray[0] > ray[1] > ray[2]
        assert 100 < sum(ray) < 200
    # an adult's hand is about 19 cm long
    middle = sum(lengths[PARENTS[k], k] for k in FINGERS['middle'])
    assert 180 < middle < 200
