"""Leaves out vertices of the baked hand that a drawn hand does not need.

Most of the baked mesh's triangles are a few pixels in size when drawn, where
a rasteriser's work goes by the triangle. ``python -m synhand.hands.simplify``
collapses edges by quadric errors (Garland and Heckbert 1997) onto one of
their ends, so that what is left is a part of the vertices, with new faces.
"""

from __future__ import annotations

import heapq
from pathlib import Path

import numpy as np

from synhand.hands.anny_hand import SIMPLE_FILE, AnnyHand, default_hand

KEPT_VERTICES = 960
# Long triangles cost as much as this part of their edges' squares.
_SHAPE_COST = 2e-3
_MIN_COSINE = 0.5


class _Mesh:
    """Faces that can lose vertices one by one."""

    def __init__(self, vertices: np.ndarray, faces: np.ndarray) -> None:
        self.points = vertices
        self.faces = [tuple(int(i) for i in face) for face in faces]
        self.around: list[set[int]] = [set() for _ in vertices]
        for number, face in enumerate(self.faces):
            for vertex in face:
                self.around[vertex].add(number)
        self.quadrics = np.zeros((len(vertices), 4, 4))
        for face in self.faces:
            self.quadrics[list(face)] += self._quadric(face)

    def _normal(self, face: tuple[int, ...]) -> np.ndarray:
        a, b, c = self.points[list(face)]
        return np.cross(b - a, c - a)

    def _quadric(self, face: tuple[int, ...]) -> np.ndarray:
        normal = self._normal(face)
        area = np.linalg.norm(normal)
        plane = np.append(normal, -normal @ self.points[face[0]]) / area
        return area / 6 * np.outer(plane, plane)

    def neighbours(self, vertex: int) -> set[int]:
        found = {v for f in self.around[vertex] for v in self.faces[f]}
        return found - {vertex}

    def is_border(self, vertex: int) -> bool:
        return len(self.neighbours(vertex)) != len(self.around[vertex])

    def cost(self, gone: int, kept: int) -> float:
        """Of moving one vertex onto another, mm^4."""
        at = np.append(self.points[kept], 1.0)
        total = self.quadrics[gone] + self.quadrics[kept]
        reach = self.points[list(self.neighbours(gone))] - self.points[kept]
        return float(
            at @ total @ at + _SHAPE_COST * (reach**2).sum(1).max() ** 1.5
        )

    def collapse(self, gone: int, kept: int) -> bool:
        """Move one vertex onto another unless that folds the surface."""
        shared = self.around[gone] & self.around[kept]
        if len(self.neighbours(gone) & self.neighbours(kept)) != len(shared):
            return False
        moved = {
            f: tuple(kept if v == gone else v for v in self.faces[f])
            for f in self.around[gone] - shared
        }
        for number, face in moved.items():
            before, after = (
                self._normal(self.faces[number]),
                self._normal(face),
            )
            size = np.linalg.norm(before) * np.linalg.norm(after)
            if before @ after < _MIN_COSINE * size:
                return False
        for number in shared:
            for vertex in self.faces[number]:
                self.around[vertex].discard(number)
        for number, face in moved.items():
            self.faces[number] = face
            self.around[kept].add(number)
        self.around[gone] = set()
        self.quadrics[kept] += self.quadrics[gone]
        return True


def simplify(
    vertices: np.ndarray, faces: np.ndarray, fixed: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """The vertices to keep and the faces between them.

    Args:
        vertices: (V, 3) mm.
        faces: (F, 3).
        fixed: Indices of vertices that stay.
        count: How many vertices stay.

    Returns:
        Indices (count,) into the vertices and faces (G, 3) into the indices.
    """
    mesh = _Mesh(vertices, faces)
    stay = {*map(int, fixed)}
    stay |= {v for v in range(len(vertices)) if mesh.is_border(v)}
    queue: list[tuple[float, int, int]] = []

    def offer(vertex: int) -> None:
        if vertex not in stay:
            for other in mesh.neighbours(vertex):
                heapq.heappush(
                    queue, (mesh.cost(vertex, other), vertex, other)
                )

    for vertex in range(len(vertices)):
        offer(vertex)
    left = len(vertices)
    while left > count and queue:
        cost, gone, kept = heapq.heappop(queue)
        if kept not in mesh.neighbours(gone):
            continue
        now = mesh.cost(gone, kept)
        if now > cost * (1 + 1e-9):
            heapq.heappush(queue, (now, gone, kept))
        elif mesh.collapse(gone, kept):
            left -= 1
            for vertex in (kept, *mesh.neighbours(kept)):
                offer(vertex)
    keep = np.array([v for v, around in enumerate(mesh.around) if around])
    numbers = sorted({f for around in mesh.around for f in around})
    place = np.zeros(len(vertices), int)
    place[keep] = np.arange(len(keep))
    return keep, place[np.array([mesh.faces[f] for f in numbers])]


def write(hand: AnnyHand, path: Path = SIMPLE_FILE) -> None:
    """Simplify the mean shape and save which vertices and faces are left."""
    rest = hand.rest(np.zeros(hand.num_components))
    keep, faces = simplify(
        rest.vertices, hand.faces, hand.fixed_vertices(), KEPT_VERTICES
    )
    np.savez_compressed(
        path, keep=keep.astype(np.int16), faces=faces.astype(np.int16)
    )
    print(f'{path}: {len(keep)} vertices, {len(faces)} faces')


if __name__ == '__main__':
    write(default_hand())
