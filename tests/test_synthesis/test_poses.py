"""Poses: within limits, reproducible, free of penetration."""

from itertools import combinations

import numpy as np
import pytest

from synhand.hands.anatomy import DOF, LOWER, UPPER, pose_from_degrees
from synhand.hands.anny_hand import default_hand
from synhand.synthesis.gestures import COMMON, GESTURES, HOLDS
from synhand.synthesis.poses import (
    _RADII,
    PoseShares,
    _repair,
    penetrates,
    sample_pose,
)


@pytest.fixture(scope='module')
def hand():
    return default_hand()


@pytest.fixture(scope='module')
def rest(hand):
    return hand.rest(np.zeros(hand.num_components), 185.0)


@pytest.mark.parametrize('name', GESTURES)
def test_gestures_are_possible(hand, rest, name):
    angles = GESTURES[name]
    assert (angles >= LOWER - 1e-9).all()
    assert (angles <= UPPER + 1e-9).all()
    assert not penetrates(hand, rest, angles)


def test_library_is_as_large_as_promised():
    assert len(GESTURES) >= 40
    assert set(HOLDS) < set(GESTURES)


def test_gestures_look_like_their_names(hand, rest):
    def tips(name):
        keypoints = hand.pose_keypoints(rest, GESTURES[name])['anatomical']
        return np.linalg.norm(keypoints[[4, 8, 12, 16, 20]], axis=1)

    reach = {name: tips(name) for name in GESTURES}
    assert (reach['open'][1:] > reach['fist'][1:] + 60).all()
    assert reach['point'][1] > reach['fist'][1] + 60
    assert reach['point'][2] == pytest.approx(reach['fist'][2])
    assert reach['call'][4] > reach['fist'][4] + 40
    pinched = hand.pose_keypoints(rest, GESTURES['pinch_index'])['anatomical']
    assert np.linalg.norm(pinched[4] - pinched[8]) < 22


@pytest.mark.parametrize('kind', ['gesture', 'between', 'correlated', 'free'])
def test_sampled_poses_are_possible(hand, rest, kind):
    shares = PoseShares(
        **{k: float(k == kind) for k in PoseShares.__dataclass_fields__}
    )
    rng = np.random.default_rng(1)
    poses = [sample_pose(rng, hand, rest, shares) for _ in range(40)]
    assert all(p.kind.split(':')[0] == kind for p in poses)
    angles = np.array([p.angles for p in poses])
    assert (angles >= LOWER - 1e-9).all()
    assert (angles <= UPPER + 1e-9).all()
    whole = [p for p in poses if p.repaired < 1]
    assert len(whole) >= 38
    assert not any(penetrates(hand, rest, p.angles) for p in whole)


def test_same_generator_same_pose(hand, rest):
    a, b = (
        sample_pose(np.random.default_rng(7), hand, rest, PoseShares())
        for _ in range(2)
    )
    np.testing.assert_array_equal(a.angles, b.angles)
    assert a.kind == b.kind


def test_fists_are_loose_or_clenched_and_straight_fingers_straight(hand, rest):
    """The library's fist has its MCPs at 80 degrees."""
    rng = np.random.default_rng(2)
    shares = PoseShares(gesture=1, between=0, correlated=0, free=0)
    poses = [sample_pose(rng, hand, rest, shares) for _ in range(1500)]

    def flexion(joint, *gestures):
        kinds = {f'gesture:{name}' for name in gestures}
        angles = [p.angles for p in poses if p.kind in kinds]
        assert len(angles) > 40
        return np.degrees(np.stack(angles)[:, DOF[joint]])

    fists = ('fist', 'fist_thumb_side', 'thumb_up')
    assert np.median(flexion('ring_pip_flexion', *fists)) > 90
    bent = flexion('ring_mcp_flexion', *fists)
    assert np.quantile(bent, 0.15) < 55
    assert np.quantile(bent, 0.85) > 75
    straight = flexion('ring_mcp_flexion', 'flat', 'open', 'vulcan')
    assert np.abs(straight).mean() < 10


def test_common_gestures_and_holds_are_common_and_keep_their_thumbs(
    hand, rest
):
    rng = np.random.default_rng(3)
    shares = PoseShares(gesture=1, between=0, correlated=0, free=0)
    poses = [sample_pose(rng, hand, rest, shares) for _ in range(1500)]
    names = [pose.kind.split(':')[1] for pose in poses]
    assert set(COMMON) < set(GESTURES)
    assert not set(COMMON) & set(HOLDS)
    rare = len(GESTURES) - len(COMMON) - len(HOLDS)
    total = 4 * len(COMMON) + 2 * len(HOLDS) + rare
    for some, weight in ((COMMON, 4), (HOLDS, 2)):
        expected = weight * len(some) / total
        share = np.isin(names, some).mean()
        deviation = np.sqrt(expected * (1 - expected) / len(poses))
        assert abs(share - expected) < 4 * deviation
    changed = [
        pose.repaired > 0
        for pose, name in zip(poses, names, strict=True)
        if name in ('fist', 'point', 'point_thumb_side')
    ]
    assert np.mean(changed) < 0.25


def test_a_thumb_inside_the_bent_fingers_is_lifted_onto_them(hand, rest):
    inside = GESTURES['two'].copy()
    inside[DOF['thumb_elevation']] = np.radians(30)
    assert penetrates(hand, rest, inside)
    found = _repair(hand, rest, inside, 'gesture:two')
    assert not penetrates(hand, rest, found.angles)
    changed = np.flatnonzero(found.angles != inside)
    assert changed.tolist() == [DOF['thumb_elevation']]
    assert found.angles[changed] > inside[changed]


def test_dips_follow_pips_in_correlated_poses(hand, rest):
    rng = np.random.default_rng(2)
    shares = PoseShares(gesture=0, between=0, correlated=1, free=0)
    angles = np.array(
        [sample_pose(rng, hand, rest, shares).angles for _ in range(300)]
    )
    pip, dip = DOF['index_pip_flexion'], DOF['index_dip_flexion']
    assert np.corrcoef(angles[:, pip], angles[:, dip])[0, 1] > 0.6


def test_thumb_through_the_palm_is_found(hand, rest):
    through = pose_from_degrees(
        thumb_azimuth=-8, thumb_elevation=2, thumb_ip_flexion=40
    )
    assert penetrates(hand, rest, through)


def test_crossed_straight_fingers_are_found(hand, rest):
    through = pose_from_degrees(
        index_mcp_abduction=-14,
        middle_mcp_abduction=16,
        thumb_azimuth=60,
        thumb_elevation=30,
    )
    assert penetrates(hand, rest, through)


def spheres(keypoints):
    """Centre, radius, digit and whether at a base, one sphere at a time."""
    found = []
    for digit in range(5):
        chain = keypoints[1 + 4 * digit : 5 + 4 * digit]
        for bone in range(3):
            for n in range(5):
                t = (n + 0.5) / 5
                center = (1 - t) * chain[bone] + t * chain[bone + 1]
                base = bone == 0 or (digit == 0 and bone == 1 and n == 0)
                found.append((center, _RADII[digit, bone], digit, base))
    for knuckle in (5, 9, 13, 17):
        for t in np.linspace(0.25, 0.9, 5):
            center = (1 - t) * keypoints[0] + t * keypoints[knuckle]
            found.append((center, 10.0, 5, True))
    return found


def test_penetration_equals_every_pair_of_spheres(hand, rest):
    """The vectorised test, many poses at once, against two loops."""
    rng = np.random.default_rng(3)
    angles = rng.uniform(LOWER, UPPER, (8, len(LOWER)))
    found = penetrates(hand, rest, angles)
    scale = np.linalg.norm(rest.keypoints['anatomical'][12]) / 190
    for pose, hit in zip(angles, found, strict=True):
        keypoints = hand.pose_keypoints(rest, pose)['anatomical']
        expected = any(
            np.linalg.norm(c - other) < 0.6 * scale * (r + radius)
            for (c, r, digit, base), (other, radius, d, b) in combinations(
                spheres(keypoints), 2
            )
            if digit != d and not (base and b)
        )
        assert hit == expected
    assert set(found) == {True, False}
