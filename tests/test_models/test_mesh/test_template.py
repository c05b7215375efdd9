"""The hand that networks predict, and alignment on tensors."""

import numpy as np
import pytest
import torch

from helpers import random_local_hands, random_rotations
from synhand.geometry.alignment import procrustes_align
from synhand.hands.anny_layer import AnnyLayer
from synhand.models.mesh.mesh_head import similarity_align
from synhand.models.mesh.template import (
    hand_faces,
    hand_layer,
    hand_template,
    in_bones,
)
from synhand.skeleton import BONES, REFERENCE_BONE

SIZE = 98


@pytest.fixture(scope='module')
def template():
    return hand_template(None, 'anatomical', SIZE)


def test_resolutions_fit_each_other(template):
    assert template.coarse.shape == (SIZE, 3)
    assert template.up.shape == (len(template.vertex_ids), SIZE)
    np.testing.assert_allclose(template.up.sum(1), 1, atol=1e-6)
    # a coarse vertex is the fine one it was chosen from
    np.testing.assert_array_equal(
        template.up[template.coarse_ids], np.eye(SIZE)
    )
    assert (np.diag(template.adjacency) > 0).all()
    np.testing.assert_allclose(template.adjacency, template.adjacency.T)
    ids, faces = hand_faces()
    np.testing.assert_array_equal(ids, template.vertex_ids)
    np.testing.assert_array_equal(faces, template.faces)
    assert faces.max() == len(ids) - 1


def test_keypoints_are_regressed_from_meshes_in_a_stable_way(template):
    """On poses and shapes that the fit has not seen."""
    hand = AnnyLayer()
    draw = torch.Generator().manual_seed(7)
    dofs = hand.from_pca(torch.randn(40, hand.num_dofs, generator=draw))
    dofs = torch.minimum(torch.maximum(dofs, hand.lower), hand.upper)
    shape = torch.randn(40, hand.num_shape, generator=draw) * hand.shape_std
    with torch.no_grad():
        found = hand(shape, dofs)
    vertices = found.vertices[:, template.vertex_ids].numpy()
    error = template.regressor @ vertices - (
        found.keypoints['anatomical'].numpy()
    )
    error = np.linalg.norm(error, axis=-1)
    assert error.mean() < 1
    assert np.quantile(error, 0.99) < 4
    # errors of single vertices are hardly magnified
    assert np.linalg.norm(template.regressor, axis=1).max() < 1.5
    np.testing.assert_allclose(template.regressor.sum(1), 1, atol=1e-5)


def test_without_a_mesh_the_graph_is_the_skeleton():
    template = hand_template(size=None)
    assert len(template.coarse) == 0
    joined = {
        (i, j) for i, j in np.argwhere(template.adjacency).tolist() if i < j
    }
    assert joined == {tuple(sorted(bone)) for bone in BONES}


def test_in_bones_the_reference_bone_is_1_and_the_wrist_0(template):
    joints = torch.tensor(template.joints)[None] * 31 + 4
    found = in_bones(joints, joints)[0]
    a, b = REFERENCE_BONE
    assert (found[a] - found[b]).norm().item() == pytest.approx(1)
    assert found[0].abs().max() == 0
    torch.testing.assert_close(found, torch.tensor(template.joints))


def test_similarity_equals_procrustes():
    rng = np.random.default_rng(0)
    source, points = random_local_hands(rng, 5), rng.normal(size=(5, 30, 3))
    target = 0.03 * source @ random_rotations(rng, 5)
    target = target + rng.normal(0, 0.1, target.shape)
    target[2] *= [-1, 1, 1]  # a mirrored hand stays unaligned
    expected = procrustes_align(source, target, points=points)
    found = similarity_align(*map(torch.tensor, (source, target, points)))
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-9)


def test_an_absent_mano_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='no MANO file here'):
        hand_layer(str(tmp_path / 'MANO_RIGHT.pkl'))
