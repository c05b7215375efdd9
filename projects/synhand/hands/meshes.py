"""Coarser versions of a mesh, with the maps between them.

A coarse mesh is a choice of the fine one's vertices. Going back up, each fine
vertex is a weighted mean of the corners of the coarse triangle nearest to it
(A. Ranjan et al., ECCV 2018). Mesh Graphormer takes such levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix, csr_matrix, diags, identity

from synhand.hands.collapse import collapse_edges

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class MeshLevel:
    """One resolution of a mesh, with W of the V vertices it comes from.

    Attributes:
        vertex_ids: (W,) numbers in the full mesh.
        faces: (F, 3) in the numbers of this level.
        adjacency: (W, W) sparse, 1 where two vertices share an edge.
        up: (V', W) sparse, rows sum to 1: vertices of the next finer level
            from those of this one; None for the finest.
    """

    vertex_ids: IntArray
    faces: IntArray
    adjacency: csr_matrix
    up: csr_matrix | None

    def down(self, vertices: npt.NDArray) -> npt.NDArray:
        """This level's vertices (..., W, 3) of full ones (..., V, 3)."""
        return vertices[..., self.vertex_ids, :]

    def normalized_adjacency(self) -> csr_matrix:
        """D^-1/2 (A + I) D^-1/2 (T. Kipf, M. Welling, ICLR 2017)."""
        loops = self.adjacency + identity(len(self.vertex_ids))
        scale = diags(1 / np.sqrt(np.asarray(loops.sum(1)).ravel()))
        return csr_matrix(scale @ loops @ scale)


def mesh_levels(
    vertices: npt.NDArray,
    faces: npt.NDArray,
    sizes: Sequence[int],
    keep: npt.NDArray[np.bool_] | None = None,
) -> list[MeshLevel]:
    """A mesh and coarser versions of it.

    Args:
        vertices: (V, 3) of the template, any unit.
        faces: (F, 3).
        sizes: Numbers of vertices of the coarser levels, falling.
        keep: (V,) which vertices the finest level has; all when None.

    Returns:
        list[MeshLevel]: From fine to coarse, `len(sizes) + 1` of them.

    Raises:
        ValueError: Sizes do not fall, or the mesh cannot be made as coarse.
    """
    ids = np.arange(len(vertices)) if keep is None else np.flatnonzero(keep)
    faces = _restrict(np.asarray(faces, np.int64), ids)
    points = np.asarray(vertices, np.float64)
    levels = [MeshLevel(ids, faces, edges_of(faces, len(ids)), None)]
    for size in sizes:
        fine = levels[-1]
        if not 3 < size < len(fine.vertex_ids):
            raise ValueError(
                f'sizes: expected falling numbers above 3 and below '
                f'{len(ids)}, got {list(sizes)}'
            )
        fine_points = points[fine.vertex_ids]
        kept, coarse = collapse_edges(fine_points, fine.faces, size)
        chosen = fine.vertex_ids[kept]
        up = interpolation(fine_points, points[chosen], coarse)
        levels.append(MeshLevel(chosen, coarse, edges_of(coarse, size), up))
    return levels


def edges_of(faces: IntArray, count: int) -> csr_matrix:
    """Symmetric adjacency (W, W) of ones from triangles (F, 3)."""
    a = faces.ravel()
    b = np.roll(faces, 1, axis=1).ravel()
    rows, columns = np.concatenate([a, b]), np.concatenate([b, a])
    ones = np.ones(len(rows))
    matrix = coo_matrix((ones, (rows, columns)), (count, count)).tocsr()
    matrix.data[:] = 1
    return matrix


def _restrict(faces: IntArray, ids: IntArray) -> IntArray:
    """Faces whose corners are all in `ids`, renumbered."""
    number = np.full(faces.max() + 1, -1)
    number[ids[ids <= faces.max()]] = np.flatnonzero(ids <= faces.max())
    renumbered = number[faces]
    return renumbered[(renumbered >= 0).all(1)]


def interpolation(
    points: FloatArray, vertices: FloatArray, faces: IntArray
) -> csr_matrix:
    """Weights (P, W) of the nearest place on a coarse mesh to each point."""
    rows, columns, values = [], [], []
    for row, point in enumerate(points):
        weights = _barycentric(point, vertices[faces])
        places = (weights[..., None] * vertices[faces]).sum(1)
        best = int(((places - point) ** 2).sum(1).argmin())
        rows += [row] * 3
        columns += faces[best].tolist()
        values += weights[best].tolist()
    shape = (len(points), len(vertices))
    return coo_matrix((values, (rows, columns)), shape).tocsr()


def _barycentric(point: FloatArray, triangles: FloatArray) -> FloatArray:
    """Weights (F, 3) of the place nearest to a point in each triangle."""
    a, b, c = triangles.transpose(1, 0, 2)
    inside = _in_plane(point, a, b, c)
    outside: npt.NDArray[np.bool_] = np.any(inside < 0, axis=1)
    edges = [
        _on_edge(point, triangles[:, i], triangles[:, (i + 1) % 3], i)
        for i in range(3)
    ]
    away = np.stack(
        [
            (((w[..., None] * triangles).sum(1) - point) ** 2).sum(1)
            for w in edges
        ]
    )
    nearest = np.stack(edges)[away.argmin(0), np.arange(len(triangles))]
    return np.where(outside[:, None], nearest, inside)


def _in_plane(
    point: FloatArray, a: FloatArray, b: FloatArray, c: FloatArray
) -> FloatArray:
    u, v, w = b - a, c - a, point - a
    uu, uv, vv = (u * u).sum(1), (u * v).sum(1), (v * v).sum(1)
    uw, vw = (u * w).sum(1), (v * w).sum(1)
    area = np.maximum(uu * vv - uv * uv, 1e-18)
    second, third = (vv * uw - uv * vw) / area, (uu * vw - uv * uw) / area
    return np.stack([1 - second - third, second, third], 1)


def _on_edge(
    point: FloatArray, a: FloatArray, b: FloatArray, first: int
) -> FloatArray:
    edge = b - a
    length = np.maximum((edge * edge).sum(1), 1e-18)
    share = np.clip(((point - a) * edge).sum(1) / length, 0, 1)
    weights = np.zeros((len(a), 3))
    weights[:, first] = 1 - share
    weights[:, (first + 1) % 3] = share
    return weights
