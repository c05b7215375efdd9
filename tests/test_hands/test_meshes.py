"""Coarser meshes on shapes that can be checked by eye."""

import numpy as np
import pytest

from synhand.hands.meshes import interpolation, mesh_levels


def sphere(rows=16, columns=24):
    """A closed ball of radius 1: vertices and outward faces."""
    polar = np.linspace(0, np.pi, rows + 1)[1:-1]
    around = np.arange(columns) / columns * 2 * np.pi
    ring = np.stack([np.cos(around), np.sin(around)], 1)
    middle = [
        np.column_stack([ring * np.sin(p), np.full(columns, np.cos(p))])
        for p in polar
    ]
    vertices = np.concatenate([[[0, 0, 1.0]], *middle, [[0, 0, -1.0]]])
    faces = []
    last = len(vertices) - 1
    for i in range(columns):
        j = (i + 1) % columns
        faces.append((0, 1 + i, 1 + j))
        for row in range(rows - 2):
            a, b = 1 + row * columns, 1 + (row + 1) * columns
            faces += [(a + i, b + i, b + j), (a + i, b + j, a + j)]
        below = 1 + (rows - 2) * columns
        faces.append((below + i, last, below + j))
    return vertices, np.array(faces)


def volume(vertices, faces):
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    return (a * np.cross(b, c)).sum() / 6


@pytest.fixture(scope='module')
def levels():
    return mesh_levels(*sphere(), [120, 40])


def test_a_coarse_ball_is_still_a_closed_ball(levels):
    vertices, _ = sphere()
    for level in levels:
        corners = level.down(vertices)
        directed = np.concatenate(
            [level.faces[:, [i, (i + 1) % 3]] for i in range(3)]
        )
        edges = {tuple(edge) for edge in directed.tolist()}
        assert len(edges) == len(directed)  # each half-edge once
        assert all((b, a) in edges for a, b in edges)
        # Euler's formula for a surface without holes.
        assert len(corners) - len(edges) / 2 + len(level.faces) == 2
        assert volume(corners, level.faces) > 0.75 * 4 / 3 * np.pi


def test_coarse_vertices_are_a_choice_of_the_fine_ones(levels):
    for fine, coarse in zip(levels, levels[1:], strict=False):
        assert set(coarse.vertex_ids) <= set(fine.vertex_ids)
    assert [len(x.vertex_ids) for x in levels[1:]] == [120, 40]


def test_going_up_is_exact_at_the_kept_and_near_at_the_others(levels):
    vertices, _ = sphere()
    for fine, coarse in zip(levels, levels[1:], strict=False):
        np.testing.assert_allclose(coarse.up.sum(1), 1)
        assert coarse.up.data.min() >= 0
        back = coarse.up @ coarse.down(vertices)
        error = np.linalg.norm(back - fine.down(vertices), axis=1)
        kept = np.isin(fine.vertex_ids, coarse.vertex_ids)
        np.testing.assert_allclose(error[kept], 0, atol=1e-9)
        assert error.max() < 0.35


def test_adjacency_has_the_edges_of_the_faces(levels):
    for level in levels:
        dense = np.zeros((len(level.vertex_ids),) * 2)
        for face in level.faces:
            for i in range(3):
                dense[face[i], face[i - 1]] = dense[face[i - 1], face[i]] = 1
        np.testing.assert_array_equal(level.adjacency.toarray(), dense)
        loops = dense + np.eye(len(dense))
        degree = loops.sum(1)
        np.testing.assert_allclose(
            level.normalized_adjacency().toarray(),
            loops / np.sqrt(degree[:, None] * degree),
        )


def test_interpolation_finds_the_nearest_place():
    """Against a dense search over a triangle."""
    rng = np.random.default_rng(0)
    triangle, points = rng.normal(size=(3, 3)), rng.normal(size=(30, 3))
    weights = interpolation(points, triangle, np.array([[0, 1, 2]]))
    found = np.linalg.norm(weights @ triangle - points, axis=1)
    u, v = np.meshgrid(*[np.linspace(0, 1, 200)] * 2)
    u, v = u[u + v <= 1], v[u + v <= 1]
    grid = np.stack([1 - u - v, u, v], 1) @ triangle
    best = np.linalg.norm(grid[:, None] - points, axis=-1).min(0)
    assert (found <= best + 1e-9).all()
    np.testing.assert_allclose(found, best, atol=0.02)


def test_impossible_sizes_are_named():
    vertices, faces = sphere(6, 6)
    with pytest.raises(ValueError, match='falling numbers above 3 and below'):
        mesh_levels(vertices, faces, [10, 20])
