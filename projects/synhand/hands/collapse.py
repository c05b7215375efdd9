"""Fewer vertices for a mesh: edges are collapsed onto one of their ends.

The cheapest edge by the quadric error goes first (M. Garland, P. Heckbert,
Surface simplification using quadric error metrics, SIGGRAPH 1997). An end
keeps its place, so what is left is a part of the vertices, with new faces.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def collapse_edges(
    vertices: FloatArray,
    faces: IntArray,
    count: int,
    fixed: Iterable[int] = (),
    shape_cost: float = 0.0,
    least_cosine: float = 0.2,
) -> tuple[IntArray, IntArray]:
    """Choose vertices; those of a border stay.

    Args:
        vertices: (V, 3), any unit.
        faces: (F, 3).
        count: How many vertices stay, W.
        fixed: Numbers of vertices that stay.
        shape_cost: Long triangles cost this part of the cube of the longest
            edge that comes into being, in the unit of the vertices.
        least_cosine: Between a triangle's normals before and after one
            collapse.

    Returns:
        Numbers (W,) of the vertices that stay, rising, and faces (G, 3) in
        them.

    Raises:
        ValueError: The mesh cannot be made that coarse.
    """
    mesh = _Mesh(vertices, faces, fixed, shape_cost, least_cosine)
    while mesh.count > count:
        if not mesh.collapse_next():
            raise ValueError(
                f'the mesh has {mesh.count} vertices at its coarsest, {count} '
                'asked for'
            )
    return mesh.left()


class _Mesh:
    """Faces that can lose vertices one by one."""

    def __init__(
        self,
        vertices: FloatArray,
        faces: IntArray,
        fixed: Iterable[int],
        shape_cost: float,
        least_cosine: float,
    ) -> None:
        self.vertices = vertices
        self.shape_cost = shape_cost
        self.least_cosine = least_cosine
        self.faces = [tuple(face) for face in faces.tolist()]
        self.around: list[set[int]] = [set() for _ in vertices]
        for number, face in enumerate(self.faces):
            for corner in face:
                self.around[corner].add(number)
        self.quadrics = _quadrics(vertices, faces)
        used = [v for v, around in enumerate(self.around) if around]
        self.count = len(used)
        self.fixed = {*map(int, fixed), *filter(self._is_border, used)}
        # An offer holds while neither of its ends has changed since.
        self.version = [0] * len(vertices)
        self.offers: list[tuple[float, int, int, int, int]] = []
        for vertex in used:
            self._offer(vertex)

    def collapse_next(self) -> bool:
        """Make the cheapest collapse that may be; False when none is left."""
        while self.offers:
            _, gone, kept, *stamp = heapq.heappop(self.offers)
            if stamp != [self.version[gone], self.version[kept]]:
                continue
            if self._keeps_surface(gone, kept):
                self._collapse(gone, kept)
                return True
        return False

    def left(self) -> tuple[IntArray, IntArray]:
        """The vertices that are left and the faces in their numbers."""
        kept = np.flatnonzero([bool(around) for around in self.around])
        numbers = sorted(set().union(*self.around))
        corners = np.array([self.faces[n] for n in numbers])
        return kept, np.searchsorted(kept, corners)

    def _neighbours(self, vertex: int) -> set[int]:
        found = {c for f in self.around[vertex] for c in self.faces[f]}
        return found - {vertex}

    def _is_border(self, vertex: int) -> bool:
        return len(self._neighbours(vertex)) != len(self.around[vertex])

    def _offer(self, vertex: int) -> None:
        """Put all collapses of and onto a vertex into the queue."""
        for other in self._neighbours(vertex):
            for gone, kept in ((vertex, other), (other, vertex)):
                if gone not in self.fixed:
                    stamp = self.version[gone], self.version[kept]
                    offer = (self._cost(gone, kept), gone, kept, *stamp)
                    heapq.heappush(self.offers, offer)

    def _cost(self, gone: int, kept: int) -> float:
        at = np.append(self.vertices[kept], 1.0)
        error = float(at @ (self.quadrics[gone] + self.quadrics[kept]) @ at)
        if not self.shape_cost:
            return error
        near = self.vertices[list(self._neighbours(gone))]
        squares = ((near - self.vertices[kept]) ** 2).sum(1)
        return error + self.shape_cost * float(squares.max()) ** 1.5

    def _keeps_surface(self, gone: int, kept: int) -> bool:
        """The surface stays a manifold and no triangle turns over."""
        shared = self.around[gone] & self.around[kept]
        common = self._neighbours(gone) & self._neighbours(kept)
        moved = [self.faces[f] for f in self.around[gone] - shared]
        if len(common) != len(shared) or not moved:
            return False
        corners = np.array(moved)
        before = _normals(self.vertices, corners)
        corners = np.where(corners == gone, kept, corners)
        after = _normals(self.vertices, corners)
        cosines = (before * after).sum(1)
        return bool((cosines > self.least_cosine).all())

    def _collapse(self, gone: int, kept: int) -> None:
        touched = self._neighbours(gone)
        for number in list(self.around[gone]):
            face = self.faces[number]
            if kept in face:
                for corner in face:
                    self.around[corner].discard(number)
                continue
            a, b, c = (kept if corner == gone else corner for corner in face)
            self.faces[number] = (a, b, c)
            self.around[kept].add(number)
        self.around[gone] = set()
        self.count -= 1
        self.quadrics[kept] += self.quadrics[gone]
        for vertex in touched:
            self.version[vertex] += 1
        for vertex in touched:
            self._offer(vertex)


def _areas_and_normals(
    vertices: FloatArray, faces: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Twice the areas (F, 1) and unit normals (F, 3)."""
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    normals = np.cross(b - a, c - a)
    area = np.linalg.norm(normals, axis=1, keepdims=True)
    return area, normals / np.maximum(area, 1e-12)


def _normals(vertices: FloatArray, faces: IntArray) -> FloatArray:
    return _areas_and_normals(vertices, faces)[1]


def _quadrics(vertices: FloatArray, faces: IntArray) -> FloatArray:
    """Sum (V, 4, 4) of the squared distances to the planes of the faces."""
    area, normals = _areas_and_normals(vertices, faces)
    offset = -(normals * vertices[faces[:, 0]]).sum(1, keepdims=True)
    plane = np.concatenate([normals, offset], 1)
    outer = area[..., None] * plane[:, :, None] * plane[:, None]
    total = np.zeros((len(vertices), 4, 4))
    for corner in faces.T:
        np.add.at(total, corner, outer)
    return total
