"""The baked hand: geometry that holds in every shape and pose."""

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from synhand.hands.anatomy import (
    DOF,
    FINGERS,
    LOWER,
    NUM_DOFS,
    UPPER,
    clip_to_limits,
    pose_from_degrees,
    reflect_at_limits,
)
from synhand.hands.anny_hand import (
    SIMPLE_FILE,
    AnnyHand,
    default_hand,
    drawn_hand,
)
from synhand.hands.joints import FINGER_CHAINS, skin_end
from synhand.hands.simplify import write
from synhand.skeleton import BONES, FINGERTIPS, JOINT_FAMILIES

BENT = pose_from_degrees(
    index_mcp_flexion=50,
    index_mcp_abduction=10,
    index_pip_flexion=70,
    index_dip_flexion=30,
    thumb_azimuth=30,
    thumb_elevation=45,
    thumb_ip_flexion=40,
    wrist_flexion=35,
    little_arch=12,
)


@pytest.fixture(scope='module')
def hand():
    return default_hand()


@pytest.fixture(scope='module')
def rest(hand):
    return hand.rest(hand.people[3], 180.0)


def bone_lengths(keypoints):
    return np.array(
        [np.linalg.norm(keypoints[b] - keypoints[a]) for a, b in BONES]
    )


def test_hand_length_is_the_one_asked_for(hand, rest):
    end = rest.vertices[hand._tips[2]].mean(0)
    assert np.linalg.norm(end) == pytest.approx(180)
    dip, tip = rest.keypoints['anatomical'][[11, 12]]
    np.testing.assert_allclose(skin_end(dip, tip), end)


@pytest.mark.parametrize('family', JOINT_FAMILIES)
def test_bones_keep_their_lengths_in_every_pose(hand, rest, family):
    rng = np.random.default_rng(0)
    expected = bone_lengths(rest.keypoints[family])
    # The MANO family's MCP joints lie beyond the centres of rotation and its
    # thumb's IP before it; the arch moves ring and little finger against the
    # wrist.
    rigid = [
        i
        for i, (a, b) in enumerate(BONES)
        if a != 0 and (family == 'anatomical' or (b % 4 != 2 and b != 4))
    ]
    for _ in range(20):
        posed = hand.pose(rest, rng.uniform(LOWER, UPPER))
        found = bone_lengths(posed.keypoints[family])
        np.testing.assert_allclose(found[rigid], expected[rigid], rtol=1e-9)


def test_families_differ_at_the_bases_and_the_thumb_only(rest):
    apart = np.linalg.norm(
        rest.keypoints['anatomical'] - rest.keypoints['mano'], axis=1
    )
    moved = [1, 3, 5, 9, 13, 17]
    assert (apart[moved] > 1.5).all()
    assert (apart[moved] < 18).all()
    assert np.allclose(np.delete(apart, moved), 0)


def test_mano_family_has_the_ratios_of_freihands_bones(hand):
    """Means of five training frames: a finger's base to its PIP over the way
    from the wrist to the PIP; the thumb's IP between MCP and tip."""
    bones = hand.mean_bone_lengths('mano').reshape(5, 4)
    ratios = bones[1:, 1] / bones[1:, :2].sum(1)
    np.testing.assert_allclose(ratios, [0.268, 0.250, 0.252, 0.206], atol=0.02)
    assert bones[0, 2] / bones[0, 2:].sum() == pytest.approx(0.437, abs=0.01)


def product(a, b):
    """Hamilton's, of quaternions (w, x, y, z)."""
    w, v = a[0] * b[0] - a[1:] @ b[1:], np.cross(a[1:], b[1:])
    return np.array([w, *(a[0] * b[1:] + b[0] * a[1:] + v)])


def rigid_mean(shares, turns, moves, point):
    """A point moved by the mean of dual quaternions, term by term."""
    real, dual = np.zeros(4), np.zeros(4)
    for share, turn, move in zip(shares, turns, moves, strict=True):
        x, y, z, w = Rotation.from_matrix(turn).as_quat(canonical=True)
        one = np.array([w, x, y, z])
        one = one if real @ one >= 0 else -one
        real += share * one
        dual += share * product(np.array([0, *move]), one) / 2
    real, dual = real / np.linalg.norm(real), dual / np.linalg.norm(real)
    back = real * [1, -1, -1, -1]
    moved = product(product(real, np.array([0, *point])), back)
    return (moved + 2 * product(dual, back))[1:]


@pytest.mark.parametrize('pose', [BENT, np.zeros(len(DOF))])
def test_pose_equals_skinning_one_vertex_at_a_time(hand, rest, pose):
    turns, moves = hand.turns.transforms(rest.pivots, pose)
    posed = hand.pose(rest, pose)
    for v in range(0, hand.num_vertices, 97):
        bones = np.flatnonzero(hand.weights[v])
        expected = rigid_mean(
            hand.weights[v][bones],
            turns[bones],
            moves[bones],
            rest.vertices[v],
        )
        np.testing.assert_allclose(posed.vertices[v], expected, atol=1e-9)


def test_bone_transforms_are_rigid_and_fix_the_wrist(hand, rest):
    turns, moves = hand.turns.transforms(rest.pivots, BENT)
    identity = np.einsum('bij,bkj->bik', turns, turns)
    np.testing.assert_allclose(
        identity, np.tile(np.eye(3), (22, 1, 1)), atol=1e-9
    )
    posed = hand.pose(rest, BENT)
    for family, points in posed.keypoints.items():
        np.testing.assert_allclose(
            points[0], rest.keypoints[family][0], atol=1e-9
        )


def bend(keypoints, a, b, c):
    """Angle between two consecutive bones in degrees."""
    u, v = keypoints[b] - keypoints[a], keypoints[c] - keypoints[b]
    cosine = u @ v / np.linalg.norm(u) / np.linalg.norm(v)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


@pytest.mark.parametrize('finger', range(4))
@pytest.mark.parametrize('angle', [0, 30, 60, 100])
def test_flexion_angles_are_absolute(hand, finger, angle):
    mean = hand.rest(np.zeros(hand.num_components))
    name = FINGERS[finger]
    pose = pose_from_degrees(**{f'{name}_pip_flexion': angle})
    keypoints = hand.pose(mean, pose).keypoints['anatomical']
    first = 5 + 4 * finger
    found = bend(keypoints, first, first + 1, first + 2)
    # Straight fingers keep a few degrees of their own sideways bend.
    assert found == pytest.approx(angle, abs=3 if angle else 6)


@pytest.mark.parametrize('finger', range(4))
def test_flexion_moves_tips_out_of_the_palm(hand, rest, finger):
    flat = hand.pose(rest, np.zeros(NUM_DOFS)).keypoints['anatomical']
    tip = FINGERTIPS[finger + 1]
    for joint in ('mcp', 'pip', 'dip'):
        pose = pose_from_degrees(**{f'{FINGERS[finger]}_{joint}_flexion': 40})
        bent = hand.pose(rest, pose).keypoints['anatomical']
        assert bent[tip, 2] > flat[tip, 2] + 5, joint


def test_bent_fingers_converge(hand):
    """Measurements of people: Tan et al., J Hand Surg 2005."""
    mean = hand.rest(np.zeros(hand.num_components))
    joints = [f'{f}_{j}_flexion' for f in FINGERS for j in ('mcp', 'pip')]
    pose = pose_from_degrees(**dict.fromkeys(joints, 90))
    points = hand.pose_keypoints(mean, pose)['anatomical']
    second = points[[7, 11, 15, 19]] - points[[6, 10, 14, 18]]
    angle = np.degrees(np.arctan2(second[:, 0], -second[:, 1]))
    np.testing.assert_allclose(angle - angle[1], [-11, 0, 9, 19], atol=0.5)
    row = np.abs(points[5] - points[17])[0], np.abs(points[8] - points[20])[0]
    assert row[1] < 0.8 * row[0]  # of bases, of tips


@pytest.mark.parametrize('finger', range(4))
def test_abduction_moves_tips_to_the_thumb(hand, rest, finger):
    flat = hand.pose(rest, np.zeros(NUM_DOFS)).keypoints['anatomical']
    pose = pose_from_degrees(**{f'{FINGERS[finger]}_mcp_abduction': 12})
    moved = hand.pose(rest, pose).keypoints['anatomical']
    tip = FINGERTIPS[finger + 1]
    assert moved[tip, 0] > flat[tip, 0] + 5


def test_opposition_brings_the_thumb_before_the_palm(hand, rest):
    flat = pose_from_degrees(thumb_azimuth=60, thumb_elevation=15)
    opposed = pose_from_degrees(thumb_azimuth=20, thumb_elevation=55)
    away = hand.pose(rest, flat).keypoints['anatomical'][4]
    near = hand.pose(rest, opposed).keypoints['anatomical'][4]
    assert near[2] > away[2] + 20
    assert near[0] < away[0] - 20


def test_bent_thumb_reaches_across_the_palm(hand, rest):
    straight = pose_from_degrees(thumb_azimuth=40, thumb_elevation=40)
    bent = straight.copy()
    bent[DOF['thumb_mcp_flexion']] = bent[DOF['thumb_ip_flexion']] = 0.8
    a = hand.pose(rest, straight).keypoints['anatomical'][4]
    b = hand.pose(rest, bent).keypoints['anatomical'][4]
    assert b[0] < a[0] - 15


def test_mesh_is_closed_and_faces_outwards(hand, rest):
    edges = np.concatenate([hand.faces[:, [i, (i + 1) % 3]] for i in range(3)])
    directed = {tuple(e) for e in edges.tolist()}
    assert all((b, a) in directed for a, b in directed)
    a, b, c = (rest.vertices[hand.faces[:, i]] for i in range(3))
    assert (np.einsum('fi,fi->f', a, np.cross(b, c)).sum() / 6) > 1e5


def test_normals_turn_with_the_hand(hand, rest):
    turn = Rotation.random(random_state=1).as_matrix()
    np.testing.assert_allclose(
        hand.vertex_normals(rest.vertices @ turn.T),
        hand.vertex_normals(rest.vertices) @ turn.T,
        atol=1e-9,
    )


def test_grown_nails_reach_further_and_keep_keypoints(hand, rest):
    grown = hand.grow_nails(rest, 3.0)
    moved = np.linalg.norm(grown.vertices - rest.vertices, axis=1)
    assert moved.max() == pytest.approx(3.0)
    assert set(np.flatnonzero(moved)) <= set(np.flatnonzero(hand.nail > 0.5))
    for family in JOINT_FAMILIES:
        np.testing.assert_array_equal(
            grown.keypoints[family], rest.keypoints[family]
        )


def test_sizes_span_children_and_adults(hand):
    lengths = [
        np.linalg.norm(hand.rest(p).keypoints['mano'][12])
        for p in hand.people[:200]
    ]
    assert np.percentile(lengths, 2) < 150 < 230 < np.percentile(lengths, 98)


def test_proportions_lie_between_the_cited_ratios(hand):
    """MCP joints where two ratios of the phalanges put them, on average."""
    published = np.array(
        [
            [39.78, 22.38, 19.66],
            [44.63, 26.33, 21.35],
            [41.37, 25.65, 21.25],
            [32.74, 18.11, 19.69],
        ]
    )
    mean = hand.rest(np.zeros(hand.num_components), 190.0)
    chains = mean.keypoints['anatomical'][5:].reshape(4, 4, 3).copy()
    chains[:, 0] = mean.pivots[FINGER_CHAINS[1:, 0]]
    chains[:, 3] = skin_end(chains[:, 2], chains[:, 3])
    bones = np.linalg.norm(np.diff(chains, axis=1), axis=-1)
    asked = np.stack(
        [
            bones[:, 1] * published[:, 0] / published[:, 1],
            bones[:, 1:].sum(1) * published[:, 0] / published[:, 1:].sum(1),
        ]
    )
    np.testing.assert_allclose(bones[:, 0], asked.mean(0), atol=2)


def test_pose_from_degrees_names_a_wrong_angle():
    with pytest.raises(ValueError, match="'elbow' is no degree of freedom"):
        pose_from_degrees(elbow=3)


def test_reflection_turns_back_what_is_beyond():
    span = UPPER - LOWER
    np.testing.assert_allclose(
        reflect_at_limits(UPPER + 0.1 * span), UPPER - 0.1 * span
    )
    np.testing.assert_allclose(
        reflect_at_limits(LOWER - 0.1 * span), LOWER + 0.1 * span
    )
    far = reflect_at_limits(UPPER + 5 * span)
    assert ((far >= LOWER) & (far <= UPPER)).all()


def test_clip_keeps_what_is_inside():
    inside = (LOWER + UPPER) / 2
    np.testing.assert_array_equal(clip_to_limits(inside), inside)
    assert (clip_to_limits(UPPER + 1) == UPPER).all()


def test_drawn_hand_is_a_part_of_the_baked_one(hand, rest):
    """Fewer vertices, the same keypoints, no face far from the surface."""
    drawn = drawn_hand()
    assert drawn.num_vertices < 0.6 * hand.num_vertices
    thin = drawn.rest(np.zeros(drawn.num_components), 183.0)
    full = hand.rest(np.zeros(hand.num_components), 183.0)
    whole, part = hand.pose(full, BENT), drawn.pose(thin, BENT)
    for family, points in whole.keypoints.items():
        np.testing.assert_allclose(part.keypoints[family], points, atol=1e-9)
    same, _ = cKDTree(whole.vertices).query(part.vertices)
    assert same.max() < 1e-9
    weights = np.random.default_rng(0).dirichlet(np.ones(3), 30)
    surface = weights @ thin.vertices[drawn.faces]
    apart, _ = cKDTree(surface.reshape(-1, 3)).query(full.vertices)
    fingers = hand.forearm_weight < 0.01
    assert np.quantile(apart[fingers], 0.95) < 2.0


def test_the_drawn_hand_is_what_its_command_writes(tmp_path, capsys):
    write(AnnyHand(proportioned=False), tmp_path / SIMPLE_FILE.name)
    found = np.load(tmp_path / SIMPLE_FILE.name)
    stored = np.load(SIMPLE_FILE)
    for name in stored:
        np.testing.assert_array_equal(found[name], stored[name])
    assert '960 vertices' in capsys.readouterr().out
