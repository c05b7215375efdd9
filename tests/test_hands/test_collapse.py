"""Edges are collapsed in the right order and leave a surface."""

import itertools

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from synhand.hands.collapse import collapse_edges

GRID = np.stack(np.meshgrid(range(6), range(6), [0.0]), -1).reshape(-1, 3)


def ball(count, seed=0):
    """A closed unit sphere, counter-clockwise seen from outside."""
    points = np.random.default_rng(seed).normal(size=(count, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    hull = ConvexHull(points)
    faces = hull.simplices.copy()
    a, b, c = points[faces].swapaxes(0, 1)
    turned = (np.cross(b - a, c - a) * hull.equations[:, :3]).sum(1) < 0
    faces[turned] = faces[turned][:, ::-1]
    return points, faces


def normals_of(vertices, faces):
    a, b, c = vertices[faces].swapaxes(0, 1)
    return np.cross(b - a, c - a)


def slowly(vertices, faces, count, shape_cost, least_cosine):
    """The same on a list of faces, all edges priced anew at each step."""
    faces = [tuple(f) for f in faces.tolist()]
    normals = normals_of(vertices, np.array(faces))
    quadrics = np.zeros((len(vertices), 4, 4))
    for face, normal in zip(faces, normals, strict=True):
        area = np.linalg.norm(normal)
        plane = np.append(normal, -normal @ vertices[face[0]]) / area
        for corner in face:
            quadrics[corner] += area * np.outer(plane, plane)

    def ring(vertex):
        return {c for f in faces if vertex in f for c in f} - {vertex}

    def cost(gone, kept):
        at = np.append(vertices[kept], 1)
        longest = max(
            np.linalg.norm(vertices[v] - vertices[kept]) for v in ring(gone)
        )
        error = at @ (quadrics[gone] + quadrics[kept]) @ at
        return error + shape_cost * longest**3

    def moved(gone, kept):
        return [
            (f, tuple(kept if c == gone else c for c in f))
            for f in faces
            if gone in f and kept not in f
        ]

    def fits(gone, kept):
        if len(ring(gone) & ring(kept)) != 2:
            return False
        before, after = (
            normals_of(vertices, np.array(list(side)))
            for side in zip(*moved(gone, kept), strict=True)
        )
        sizes = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
        return ((before * after).sum(1) > least_cosine * sizes).all()

    while len({c for f in faces for c in f}) > count:
        pairs = {p for f in faces for p in itertools.permutations(f, 2)}
        pairs = sorted(pairs, key=lambda pair: cost(*pair))
        gone, kept = next(pair for pair in pairs if fits(*pair))
        new = dict(moved(gone, kept))
        faces = [new.get(f, f) for f in faces if not {gone, kept} <= {*f}]
        quadrics[kept] += quadrics[gone]
    left = sorted({c for f in faces for c in f})
    return left, np.searchsorted(left, np.array(faces))


@pytest.mark.parametrize(
    ('shape_cost', 'least_cosine'), [(0.0, 0.2), (0.05, 0.5)]
)
def test_the_cheapest_collapse_that_may_be_is_next(shape_cost, least_cosine):
    vertices, faces = ball(60)
    vertices = vertices * [1.0, 0.4, 2.0]
    options = shape_cost, least_cosine
    kept, fewer = collapse_edges(vertices, faces, 35, (), *options)
    expected, expected_faces = slowly(vertices, faces, 35, *options)
    np.testing.assert_array_equal(kept, expected)
    np.testing.assert_array_equal(fewer, expected_faces)


def test_a_sphere_stays_closed_and_round_and_fixed_vertices_stay():
    vertices, faces = ball(144)
    keep, fewer = collapse_edges(vertices, faces, 70, (0, 5), 0.012, 0.5)
    assert {0, 5} <= set(keep)
    assert len(keep) == 70
    # Euler: a closed surface of that many vertices has that many faces.
    assert len(fewer) == 2 * len(keep) - 4
    corners = vertices[keep]
    middles = corners[fewer].mean(1)
    assert ((normals_of(corners, fewer) * middles).sum(1) > 0).all()
    assert np.linalg.norm(middles, axis=1).min() > 0.85


def test_a_border_stays():
    corner = (np.arange(5)[:, None] * 6 + np.arange(5)).ravel()
    faces = np.concatenate(
        [
            np.stack([corner, corner + 1, corner + 6], 1),
            np.stack([corner + 1, corner + 7, corner + 6], 1),
        ]
    )
    kept, _ = collapse_edges(GRID, faces, 22)
    border = (GRID[:, :2] % 5 == 0).any(1)
    assert set(np.flatnonzero(border)) <= set(kept)


def test_what_cannot_be_made_coarser_is_named():
    with pytest.raises(ValueError, match='3 vertices at its coarsest, 2'):
        collapse_edges(np.eye(3), np.array([[0, 1, 2]]), 2)
