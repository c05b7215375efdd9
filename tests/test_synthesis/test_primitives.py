"""Plain meshes: closed, facing outwards, of the size asked for."""

import numpy as np
import pytest

from synhand.synthesis.primitives import box, cylinder, ring, sphere

MESHES = {
    'cylinder': (cylinder(10, 60, 64), np.pi * 10**2 * 60),
    'sphere': (sphere(10, 64), 4 / 3 * np.pi * 10**3),
    'ring': (ring(10, 2, 64), 2 * np.pi**2 * 10 * 2**2 * 0.827),
    'box': (box(np.array([10, 20, 30.0])), 6000),
}


@pytest.mark.parametrize('name', MESHES)
def test_faces_and_normals_point_outwards(name):
    vertices, normals, faces = MESHES[name][0]
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    facing = np.cross(b - a, c - a)
    real = np.linalg.norm(facing, axis=1) > 1e-9
    mean = normals[faces].mean(1)
    assert ((facing * mean).sum(1)[real] > 0).all()
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1)


@pytest.mark.parametrize('name', MESHES)
def test_volume_is_that_of_the_solid(name):
    (vertices, _, faces), expected = MESHES[name]
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    volume = (a * np.cross(b, c)).sum() / 6
    assert volume == pytest.approx(expected, rel=0.02)
