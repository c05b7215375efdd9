"""A tiny synthetic set without a renderer: drawn hands that are right.

The keypoints of a rough skeleton are turned, put before a camera and drawn;
images, coverage and labels agree, as those of the real generator do.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from synhand.geometry.cameras import project
from synhand.skeleton import BONES, FINGERS, MEAN_BONE_LENGTHS_MM
from synhand.synthesis.shards import write_shard

SIZE = 128


def skeleton_mm(rng: np.random.Generator) -> np.ndarray:
    """(21, 3) in mm, wrist at the origin: a left hand, fingers bent."""
    points = np.zeros((21, 3))
    fan = np.radians([50, 18, 4, -9, -24])
    for angle, chain in zip(fan, FINGERS.values(), strict=True):
        curl, parent = 0.0, 0
        for joint in chain:
            curl += rng.uniform(0, 0.5) if parent else 0
            length = MEAN_BONE_LENGTHS_MM[BONES.index((parent, joint))]
            direction = [
                np.sin(angle) * np.cos(curl),
                -np.cos(angle) * np.cos(curl),
                np.sin(curl),
            ]
            points[joint] = points[parent] + length * np.array(direction)
            parent = joint
    return points


def _draw(pixels: np.ndarray, rng: np.random.Generator) -> tuple:
    image = np.full((SIZE, SIZE, 3), rng.integers(0, 256, 3), np.uint8)
    alpha = np.zeros((SIZE, SIZE), np.uint8)
    for parent, child in BONES:
        ends = [
            np.rint(pixels[k]).astype(int).tolist() for k in (parent, child)
        ]
        colour = [60 + 8 * child, 220 - 8 * child, 140]
        cv2.line(image, *ends, colour, 5, cv2.LINE_AA)
        cv2.line(alpha, *ends, 255, 5, cv2.LINE_AA)
    return image, alpha


def make_row(index: int) -> dict:
    """A row as `ShardSet.row` gives it; even rows are right hands."""
    rng = np.random.default_rng(index)
    side = 1 - index % 2
    points = skeleton_mm(rng) * ([-1, 1, 1] if side else [1, 1, 1])
    rotation = Rotation.random(random_state=index).as_matrix()
    points = (points - points[9]) @ rotation.T + [0, 0, rng.uniform(450, 700)]
    focal = 0.75 * SIZE * points[:, 2].mean() / 250
    camera = np.array([[focal, 0, 63.5], [0, focal, 63.5], [0, 0, 1]])
    camera = camera.astype(np.float32)
    pixels = project(points, camera)
    image, alpha = _draw(pixels, rng)
    hand = dict(
        side=side,
        bbox=np.concatenate([pixels.min(0), pixels.max(0)]),
        keypoints_2d=pixels,
        keypoints_cam_anatomical=points,
        keypoints_cam_mano=points + [0, 0, 4.0],
        occluded=np.zeros(21, int),
        kind='random',
        pose=np.zeros(3),
        shape=np.zeros(2),
    )
    quality = [cv2.IMWRITE_JPEG_QUALITY, 95]
    return dict(
        index=index,
        image=cv2.imencode('.jpg', image, quality)[1].tobytes(),
        alpha=cv2.imencode('.png', alpha)[1].tobytes(),
        mask=cv2.imencode('.png', (alpha > 127).astype(np.uint8))[1].tobytes(),
        width=SIZE,
        height=SIZE,
        camera_matrix=camera,
        hands=[hand],
        scene='{}',
    )


def write_shards(folder: Path, count: int = 12, shards: int = 2) -> Path:
    """A folder of `shards` shards with `count` rows in all.

    Returns:
        The folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number, rows in enumerate(np.array_split(np.arange(count), shards)):
        write_shard(
            folder / f'shard-{number:05d}.arrow',
            [make_row(int(i)) for i in rows],
        )
    return folder
