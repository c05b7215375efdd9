"""What holds for every hand layer, the free one and MANO's."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from mano_factory import mano_arrays, write_mano
from synhand.hands.anatomy import LOWER, UPPER
from synhand.hands.anny_hand import AnnyHand, default_hand
from synhand.hands.anny_layer import AnnyLayer, pose_space
from synhand.hands.layer import skeleton_adjacency
from synhand.hands.mano import TIP_VERTICES, ManoHand
from synhand.hands.rotations import (
    axis_angle_to_matrix,
    matrix_to_quaternion,
    matrix_to_sixd,
    quaternion_product,
    sixd_to_matrix,
    to_matrices,
)
from synhand.skeleton import FINGERTIPS, JOINT_FAMILIES
from synhand.synthesis.pose_space import fit_pose_space, sample_poses

DOUBLE = torch.float64


@pytest.fixture(scope='module')
def mano_file(tmp_path_factory):
    return write_mano(tmp_path_factory.mktemp('mano') / 'MANO_RIGHT.pkl')


@pytest.fixture(scope='module', params=['anny', 'anny-left', 'mano'])
def model(request, mano_file):
    if request.param == 'mano':
        return ManoHand(mano_file, dtype=DOUBLE)
    side = 'left' if request.param == 'anny-left' else 'right'
    return AnnyLayer(side=side, dtype=DOUBLE)


def parameters(model, count, seed=0):
    """Shape, pose, rotation (axis-angle), translation, length."""
    g = torch.Generator().manual_seed(seed)

    def normal(*size):
        return torch.randn(*size, generator=g, dtype=DOUBLE)

    pose = model.from_pca(normal(count, model.num_dofs))
    shape = normal(count, model.num_shape) * model.shape_std * 0.5
    length = 180 + 20 * normal(count).clamp(-2, 2)
    return shape, pose, normal(count, 3), 50 * normal(count, 3), length


def every_point(output):
    return torch.cat([output.vertices, *output.keypoints.values()], 1)


def test_the_three_forms_of_a_rotation_are_equal(model):
    shape, pose, rotation, translation, length = parameters(model, 3)
    joints = model.rotations(pose)
    vectors = Rotation.from_matrix(joints.reshape(-1, 3, 3).numpy())
    vectors = torch.tensor(vectors.as_rotvec()).reshape(3, -1, 3)
    turn = axis_angle_to_matrix(rotation)
    expected = every_point(model(shape, pose, turn, translation, length))
    for form, whole in (
        (joints, rotation),
        (vectors, matrix_to_sixd(turn)),
        (matrix_to_sixd(joints), rotation),
    ):
        found = every_point(model(shape, form, whole, translation, length))
        torch.testing.assert_close(found, expected)


def test_quaternions_are_those_of_scipy():
    """Half turns among them, where the first component is 0."""
    turns = Rotation.concatenate(
        [
            Rotation.random(40, random_state=0),
            Rotation.from_rotvec(np.pi * np.eye(3)),
            Rotation.identity(1),
        ]
    )
    found = matrix_to_quaternion(torch.tensor(turns.as_matrix()))
    expected = torch.tensor(turns.as_quat(canonical=True)[:, [3, 0, 1, 2]])
    apart = torch.minimum(
        (found - expected).abs().amax(1), (found + expected).abs().amax(1)
    )
    assert apart.max() < 1e-12
    assert (found[:, 0] >= 0).all()
    product = quaternion_product(found[:20], found[20:40])
    whole = (turns[:20] * turns[20:40]).as_quat()[:, [3, 0, 1, 2]]
    cosine = (product * torch.tensor(whole)).sum(1).abs()
    torch.testing.assert_close(cosine, torch.ones_like(cosine))


def test_a_batch_equals_its_hands_one_by_one(model):
    values = parameters(model, 4)
    whole = every_point(model(*values))
    for i in range(4):
        one = every_point(model(*(value[i : i + 1] for value in values)))
        torch.testing.assert_close(one[0], whole[i])


def test_keypoints_do_not_need_the_surface(model):
    values = parameters(model, 3)
    full, light = model(*values), model(*values, vertices=False)
    assert light.vertices is None
    for family in JOINT_FAMILIES:
        torch.testing.assert_close(
            light.keypoints[family], full.keypoints[family]
        )
    torch.testing.assert_close(
        full.tips, full.keypoints['anatomical'][:, list(FINGERTIPS)]
    )


def test_rotation_and_translation_move_all_points_rigidly(model):
    shape, pose, rotation, translation, length = parameters(model, 3)
    still = every_point(model(shape, pose, length=length))
    moved = every_point(model(shape, pose, rotation, translation, length))
    wrist = model._origin(model.rest(shape, length).pivots)
    turn = torch.tensor(Rotation.from_rotvec(rotation.numpy()).as_matrix())
    expected = wrist + (still - wrist) @ turn.mT + translation[:, None]
    # Weights are stored in single precision: they sum to 1 within 1e-7.
    torch.testing.assert_close(moved, expected, atol=1e-4, rtol=0)


def test_length_is_the_one_asked_for(model):
    shape, *_, length = parameters(model, 3)
    rest = model.rest(shape, length)
    tip = model._middle_end(rest.keypoints)
    apart = (tip - model._origin(rest.pivots)[:, 0]).norm(dim=1)
    torch.testing.assert_close(apart, length)


def test_gradients_are_right(model):
    """Against differences, at random poses and at the singular zero."""
    values = [v.requires_grad_() for v in parameters(model, 2)]
    values[2].data[0] = 0
    some = torch.arange(0, model.num_vertices, 97)

    def points(*values):
        output = model(*values)
        joints = torch.cat(list(output.keypoints.values()), 1)
        return torch.cat([output.vertices[:, some], joints], 1) / 100

    assert torch.autograd.gradcheck(points, values, fast_mode=True)


def test_pose_space_goes_there_and_back(model):
    _, pose, *_ = parameters(model, 3)
    torch.testing.assert_close(model.from_pca(model.to_pca(pose)), pose)
    few = model.to_pca(pose, 6)
    assert few.shape == (3, 6)
    torch.testing.assert_close(model.to_pca(model.from_pca(few), 6), few)


def test_wrong_poses_are_named(model):
    shape = torch.zeros(1, model.num_shape, dtype=DOUBLE)
    with pytest.raises(ValueError, match=r'pose: expected \(B, '):
        model(shape, torch.zeros(1, 7, dtype=DOUBLE))
    with pytest.raises(ValueError, match=f'expected {model.num_joints} rot'):
        model(shape, torch.zeros(1, 7, 3, dtype=DOUBLE))
    odd = torch.zeros(1, model.num_joints, 4, dtype=DOUBLE)
    with pytest.raises(ValueError, match=r'\(3,\) axis-angle'):
        model(shape, odd)


def test_single_precision_and_device_follow_the_module(model):
    values = parameters(model, 2)
    expected = every_point(model(*values))
    single = model.to(torch.float32)
    found = every_point(single(*(value.float() for value in values)))
    model.to(DOUBLE)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected.float(), atol=0.02, rtol=0)


def test_six_numbers_need_not_be_orthonormal():
    g = torch.Generator().manual_seed(0)
    matrices = sixd_to_matrix(torch.randn(5, 6, generator=g, dtype=DOUBLE))
    eye = torch.eye(3, dtype=DOUBLE).expand(5, 3, 3)
    torch.testing.assert_close(matrices @ matrices.mT, eye)
    torch.testing.assert_close(
        torch.det(matrices), torch.ones(5, dtype=DOUBLE)
    )
    assert to_matrices(matrices, 1) is matrices


# ---- the free hand -----------------------------------------------------


def test_anny_layer_equals_the_numpy_hand():
    hand, rng = default_hand(), np.random.default_rng(0)
    layer = AnnyLayer(dtype=DOUBLE)
    poses = rng.uniform(LOWER, UPPER, (20, len(LOWER)))
    lengths = rng.uniform(110, 210, 20)
    found = layer(
        torch.tensor(hand.people[:20]),
        torch.tensor(poses),
        length=torch.tensor(lengths),
    )
    for i in range(20):
        rest = hand.rest(hand.people[i], lengths[i])
        expected = hand.pose(rest, poses[i])
        np.testing.assert_allclose(
            found.vertices[i], expected.vertices, atol=1e-9
        )
        for family in JOINT_FAMILIES:
            np.testing.assert_allclose(
                found.keypoints[family][i],
                expected.keypoints[family],
                atol=1e-9,
            )


def test_a_left_hand_is_the_mirrored_right_one():
    right, left = (AnnyLayer(side=s, dtype=DOUBLE) for s in ('right', 'left'))
    shape, pose, *_ = parameters(right, 3)
    a, b = right(shape, pose), left(shape, pose)
    mirror = torch.tensor([-1.0, 1, 1], dtype=DOUBLE)
    torch.testing.assert_close(every_point(a) * mirror, every_point(b))
    corners = b.vertices[0][left.faces]
    normals = torch.linalg.cross(corners[:, 1], corners[:, 2])
    assert (corners[:, 0] * normals).sum() > 0  # faces look outwards


def test_pose_space_is_that_of_the_sampled_poses():
    mean, components, std = pose_space()
    poses = sample_poses(800, seed=5)
    np.testing.assert_allclose(
        components @ components.T, np.eye(26), atol=1e-9
    )
    assert (np.diff(std) <= 0).all()
    fresh = fit_pose_space(poses)
    of_file = ((poses - mean) @ components[:8].T).var(0).sum()
    assert of_file > 0.95 * (fresh['std'][:8] ** 2).sum()


def test_levels_hold_the_hand_without_its_forearm():
    layer = AnnyLayer()
    fine, coarse = layer.levels([200])
    hand: AnnyHand = layer.hand
    assert len(fine.vertex_ids) == (hand.forearm_weight < 0.5).sum()
    assert len(coarse.vertex_ids) == 200
    shape, pose, *_ = parameters(layer.double(), 2)
    vertices = layer(shape, pose).vertices.numpy()
    back = coarse.up @ coarse.down(vertices)[0]
    error = np.linalg.norm(back - fine.down(vertices)[0], axis=1)
    assert error.mean() < 1.5
    keep = layer.hand_vertices()
    assert keep[coarse.vertex_ids].all()


def test_unknown_centres_of_rotation_are_named():
    with pytest.raises(ValueError, match="turn_about: .* got 'elbow'"):
        AnnyLayer(turn_about='elbow')


def test_skeleton_graph_has_all_bones():
    matrix = skeleton_adjacency().toarray()
    assert matrix.sum() == 40
    assert (matrix == matrix.T).all()


# ---- MANO --------------------------------------------------------------


def slow_mano(arrays, betas, pose):
    """Vertices and joints in metres, one loop a vertex and bone."""
    template = arrays['v_template'] + arrays['shapedirs'] @ betas
    joints = arrays['J_regressor'] @ template
    local = Rotation.from_rotvec(pose.reshape(15, 3)).as_matrix()
    feature = (local - np.eye(3)).ravel()
    corrected = template + arrays['posedirs'] @ feature
    parents = arrays['kintree_table'][0].astype(np.int64)
    transforms = [np.eye(4)]
    transforms[0][:3, 3] = joints[0]
    for bone in range(1, 16):
        step = np.eye(4)
        step[:3, :3] = local[bone - 1]
        step[:3, 3] = joints[bone] - joints[parents[bone]]
        transforms.append(transforms[parents[bone]] @ step)
    posed = np.array([t[:3, 3] for t in transforms])
    vertices = np.zeros_like(template)
    for bone, transform in enumerate(transforms):
        at = (corrected - joints[bone]) @ transform[:3, :3].T
        share = arrays['weights'][:, bone : bone + 1]
        vertices += share * (at + transform[:3, 3])
    return vertices, posed


def test_mano_equals_the_formulas_of_its_paper(mano_file):
    rng = np.random.default_rng(0)
    betas, pose = rng.normal(size=10), rng.normal(0, 0.4, 45)
    layer = ManoHand(mano_file, dtype=DOUBLE)
    found = layer(torch.tensor(betas)[None], torch.tensor(pose)[None])
    vertices, joints = slow_mano(mano_arrays(), betas, pose)
    np.testing.assert_allclose(found.vertices[0] / 1000, vertices, atol=1e-9)
    keypoints = found.keypoints['mano'][0].numpy() / 1000
    theirs = [0, 13, 14, 15, 1, 2, 3, 4, 5, 6, 10, 11, 12, 7, 8, 9]
    tips = list(FINGERTIPS)
    np.testing.assert_allclose(
        np.delete(keypoints, tips, 0), joints[theirs], atol=1e-9
    )
    np.testing.assert_allclose(
        keypoints[tips], vertices[list(TIP_VERTICES)], atol=1e-9
    )


def test_mano_pose_space_is_the_files_own(mano_file):
    layer = ManoHand(mano_file, dtype=DOUBLE)
    arrays = mano_arrays()
    found = layer.from_pca(torch.ones(1, 6, dtype=DOUBLE))[0]
    expected = arrays['hands_mean'] + arrays['hands_components'][:6].sum(0)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_mano_bases_move_as_in_the_free_hand(mano_file):
    layer = ManoHand(mano_file, dtype=DOUBLE)
    zero = torch.zeros(1, 10, dtype=DOUBLE), torch.zeros(1, 45, dtype=DOUBLE)
    rest = layer(*zero).keypoints
    apart = (rest['anatomical'] - rest['mano'])[0].norm(dim=1)
    moved = [1, 3, 5, 9, 13, 17]  # bases, and the thumb's IP
    assert (apart[moved] > 1).all()
    assert (apart[moved] < 21).all()
    assert np.delete(apart.numpy(), moved).max() < 1e-9


def test_mano_as_npz_is_the_same_hand(mano_file, tmp_path):
    np.savez(tmp_path / 'mano_left.npz', **mano_arrays())
    left = ManoHand(tmp_path / 'mano_left.npz', dtype=DOUBLE)
    right = ManoHand(mano_file, dtype=DOUBLE)
    assert (left.side, right.side) == (0, 1)
    torch.testing.assert_close(left.mean, right.mean)
    torch.testing.assert_close(left.basis, right.basis)


def test_mano_files_that_are_none(tmp_path):
    with pytest.raises(FileNotFoundError, match='no MANO file here'):
        ManoHand(tmp_path / 'MANO_RIGHT.pkl')
    arrays = mano_arrays()
    path = tmp_path / 'MANO_RIGHT.npz'
    np.savez(path, **{**arrays, 'weights': arrays['weights'][:5]})
    with pytest.raises(ValueError, match=r'weights: expected 778 x 16, got'):
        ManoHand(path)
    del arrays['posedirs']
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match='posedirs: .* got nothing'):
        ManoHand(path)
    path.write_bytes(b'nothing')
    with pytest.raises(ValueError, match='not a readable npz'):
        ManoHand(path)
    np.savez(tmp_path / 'hand.npz', **mano_arrays())
    with pytest.raises(ValueError, match='tells no side'):
        ManoHand(tmp_path / 'hand.npz')
