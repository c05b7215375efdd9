"""Pictures of hand meshes, with OpenCV alone.

Images are (H, W, 3) uint8 blue, green, red. V vertices, F faces.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from synhand.files import write_bytes
from synhand.geometry.cameras import project
from synhand.visualization.drawing import PAPER, Colour, Image

SKIN: Colour = (150, 180, 225)
_AMBIENT = 0.35
_LIGHT = np.array([-0.35, -0.45, -0.82])  # to the light: left, up, near
_SHIFT = 4  # OpenCV's drawing takes 1/16 pixels
_FINER = 2  # drawn so much larger: soft edges of triangles would leave seams
_FILL = 0.85


def outward_faces(
    vertices: npt.ArrayLike, faces: npt.ArrayLike
) -> npt.NDArray[np.int64]:
    """Faces (F, 3) whose normals point outward; a mirrored hand's turn over.

    Args:
        vertices: (V, 3), any unit; the mesh may be open.
        faces: (F, 3), all of one sense.
    """
    points, corners = np.asarray(vertices, np.float64), np.asarray(faces)
    a, b, c = np.moveaxis((points - points.mean(0))[corners], 1, 0)
    outward = (a * np.cross(b, c)).sum() >= 0
    return corners if outward else corners[:, ::-1]


def draw_mesh(
    image: Image,
    vertices_cam: npt.ArrayLike,
    faces: npt.ArrayLike,
    camera_matrix: npt.ArrayLike,
    opacity: float = 0.85,
    colour: Colour = SKIN,
) -> Image:
    """A photo with a shaded mesh over it.

    Args:
        image: (H, W, 3); stays as it is.
        vertices_cam: (V, 3) in mm, camera frame (x right, y down, z
            forward). A mesh that is not finite, or not before the camera, is
            left out.
        faces: (F, 3).
        camera_matrix: (3, 3) in pixels.
        opacity: 0 to 1.
        colour: Of the mesh under full light.

    Returns:
        (H, W, 3), a copy.
    """
    points = np.asarray(vertices_cam, np.float64)
    if not np.isfinite(points).all() or points[:, 2].min() <= 1:
        return image.copy()
    away = points / np.linalg.norm(points, axis=1, keepdims=True)
    pixels = project(points, np.asarray(camera_matrix, np.float64))
    drawn = _paint(image, points, away, pixels, faces, colour)
    return cv2.addWeighted(drawn, opacity, image, 1 - opacity, 0)


def _paint(
    image: Image,
    points: npt.NDArray,
    away: npt.NDArray,
    pixels: npt.NDArray,
    faces: npt.ArrayLike,
    colour: Colour,
) -> Image:
    """Far faces first; those seen from behind are left out.

    Args:
        image: (H, W, 3); stays as it is.
        points: (V, 3), z away from the viewer.
        away: (V, 3) or (3,), directions in which the viewer looks.
        pixels: (V, 2).
        faces: (F, 3).
        colour: Of the mesh under full light.
    """
    faces = outward_faces(points, faces)
    a, b, c = np.moveaxis(points[faces], 1, 0)
    normals = np.cross(b - a, c - a)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    normals = normals / np.maximum(length, 1e-12)
    looks = np.broadcast_to(away, points.shape)[faces].mean(1)
    seen = np.flatnonzero((normals * looks).sum(1) < 0)
    depth = points[faces[seen], 2].mean(1)
    light = (1 - _AMBIENT) * (normals @ _LIGHT).clip(0, 1) + _AMBIENT
    corners = (pixels[faces] + 0.5) * _FINER - 0.5
    corners = np.clip(corners, -4096, 65536) * (1 << _SHIFT)
    corners = np.rint(corners).astype(np.int32)
    canvas = image.repeat(_FINER, 0).repeat(_FINER, 1)
    for face in seen[np.argsort(-depth)]:
        shade = [float(value * light[face]) for value in colour]
        cv2.fillConvexPoly(
            canvas, corners[face], shade, cv2.LINE_8, shift=_SHIFT
        )
    size = (image.shape[1], image.shape[0])
    return cv2.resize(canvas, size, interpolation=cv2.INTER_AREA)


def turntable(
    vertices: npt.ArrayLike,
    faces: npt.ArrayLike,
    count: int = 24,
    size: int = 256,
    colour: Colour = SKIN,
) -> list[Image]:
    """Views of a mesh all around, in parallel projection and one scale.

    Args:
        vertices: (V, 3) in any unit, x right, y down, z away in the first.
        faces: (F, 3).
        count: Views, evenly over a turn about the vertical.
        size: Side of each in pixels.
        colour: Of the mesh under full light.

    Returns:
        `count` times (size, size, 3).
    """
    points = np.asarray(vertices, np.float64)
    points = points - (points.min(0) + points.max(0)) / 2
    radius = np.hypot(points[:, 0], points[:, 2]).max()
    half = max(radius, np.abs(points[:, 1]).max(), 1e-9)
    scale = _FILL * size / (2 * half)
    paper = np.full((size, size, 3), PAPER, np.uint8)
    views = []
    for angle in np.arange(count) * 2 * np.pi / count:
        cos, sin = np.cos(angle), np.sin(angle)
        turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
        turned = points @ turn.T
        pixels = turned[:, :2] * scale + (size - 1) / 2
        away = np.array([0.0, 0, 1])
        views.append(_paint(paper, turned, away, pixels, faces, colour))
    return views


def write_gif(
    path: str | Path, images: Sequence[Image], milliseconds: int = 80
) -> None:
    """Pictures as an endless GIF, written whole.

    Args:
        path: The file.
        images: Each (H, W, 3), of one size.
        milliseconds: Each is shown.
    """
    first, *others = (PillowImage.fromarray(i[..., ::-1]) for i in images)
    buffer = io.BytesIO()
    first.save(
        buffer,
        'GIF',
        save_all=True,
        append_images=others,
        duration=milliseconds,
        loop=0,
    )
    write_bytes(Path(path), buffer.getvalue())
