"""Plain closed meshes for things that hands hold or that hide them."""

from __future__ import annotations

import numpy as np

Mesh = tuple[np.ndarray, np.ndarray, np.ndarray]


def cylinder(radius: float, length: float, sides: int = 20) -> Mesh:
    """Vertices (V, 3), normals (V, 3) and faces (F, 3), axis along y."""
    profile = np.array(
        [
            [0, -1, 0, -1],
            [1, -1, 0, -1],
            [1, -1, 1, 0],
            [1, 1, 1, 0],
            [1, 1, 0, 1],
            [0, 1, 0, 1],
        ]
    )
    profile = profile * [radius, length / 2, 1, 1]
    return _revolve(profile, sides)


def sphere(radius: float, sides: int = 20) -> Mesh:
    """Vertices (V, 3), normals (V, 3) and faces (F, 3)."""
    t = np.linspace(-np.pi / 2, np.pi / 2, sides // 2 + 1)
    circle = np.stack([np.cos(t), np.sin(t)], axis=1)
    return _revolve(np.hstack([radius * circle, circle]), sides)


def ring(radius: float, tube: float, sides: int = 24) -> Mesh:
    """Vertices (V, 3), normals (V, 3) and faces (F, 3), axis along y.

    Args:
        radius: From the axis to the middle of the tube.
        tube: Radius of the tube.
        sides: Around the axis.
    """
    t = np.linspace(-np.pi, np.pi, 7)
    circle = np.stack([np.cos(t), np.sin(t)], axis=1)
    return _revolve(np.hstack([tube * circle + [radius, 0], circle]), sides)


def box(size: np.ndarray) -> Mesh:
    """Vertices (24, 3), normals (24, 3) and faces (12, 3) of edges (3,)."""
    vertices, normals, faces = [], [], []
    for axis in range(3):
        u, v = np.eye(3)[[(axis + 1) % 3, (axis + 2) % 3]]
        for sign in (-1, 1):
            normal = sign * np.eye(3)[axis]
            start = len(vertices)
            corners = ((-1, -1), (1, -1), (1, 1), (-1, 1))
            vertices += [normal + a * u + sign * b * v for a, b in corners]
            normals += [normal] * 4
            faces += [
                [start, start + 1, start + 2],
                [start, start + 2, start + 3],
            ]
    return np.array(vertices) * size / 2, np.array(normals), np.array(faces)


def lathe(outline: np.ndarray, sides: int = 20) -> Mesh:
    """A smooth closed body of an outline turned about y.

    Args:
        outline: (P, 2) radii and heights, bottom to top.
        sides: Around.

    Returns:
        Vertices (V, 3), normals (V, 3) and faces (F, 3).
    """
    along = np.gradient(outline, axis=0)
    out = np.stack([along[:, 1], -along[:, 0]], axis=1)
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    return _revolve(np.hstack([outline, out]), sides)


def _revolve(profile: np.ndarray, sides: int) -> Mesh:
    """Turn a profile (P, 4) of radius, height and normal about y."""
    angle = np.linspace(0, 2 * np.pi, sides + 1)
    ring = np.stack([np.cos(angle), np.sin(angle)])
    radius, height, out, along = (c[None] for c in profile.T)
    c, s = ring[0][:, None], ring[1][:, None]
    ones = np.ones_like(c)
    vertices = np.stack([radius * c, height * ones, radius * s], axis=-1)
    normals = np.stack([out * c, along * ones, out * s], axis=-1)
    count = len(profile)
    i, j = np.meshgrid(range(sides), range(count - 1), indexing='ij')
    a = (i * count + j).ravel()
    faces = np.concatenate(
        [
            np.stack([a, a + 1, a + count], axis=1),
            np.stack([a + 1, a + count + 1, a + count], axis=1),
        ]
    )
    return vertices.reshape(-1, 3), normals.reshape(-1, 3), faces
