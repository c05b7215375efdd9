"""Tiny synthetic sets whose hands are those of the hand model; labels."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample
from scipy.spatial.transform import Rotation

import synhand.registry  # noqa: F401
from shard_factory import SIZE, make_row
from synhand.geometry.cameras import project
from synhand.hands.anatomy import LOWER, UPPER
from synhand.hands.anny_hand import default_hand
from synhand.synthesis.mask_layers import HAND
from synhand.synthesis.shards import write_shard


def mesh_row(index: int) -> dict:
    """A row of a posed hand, drawn as its silhouette; even ones are right.

    `vertices` (V, 3) of the target hand are beside what a shard holds.
    """
    rng = np.random.default_rng(index)
    row, hand = make_row(index), default_hand()
    shape = rng.normal(0, 0.5, hand.num_components) * hand.people.std(0)
    pose = rng.uniform(LOWER, UPPER)
    posed = hand.pose(hand.rest(shape, 180.0), pose)
    side = 1 - index % 2
    turn = Rotation.random(random_state=index).as_matrix()
    turn = turn @ np.diag([1 if side else -1, 1, 1])
    camera = row['camera_matrix']
    distance = camera[0, 0] * 250 / (0.75 * SIZE)
    move = [0, 0, distance] - turn @ posed.keypoints['anatomical'][9]
    points = {k: v @ turn.T + move for k, v in posed.keypoints.items()}
    vertices = posed.vertices @ turn.T + move
    image, mask = _draw(project(vertices, camera), hand.faces)
    pixels = project(points['anatomical'], camera)
    row['hands'][0] |= dict(
        side=side,
        bbox=np.concatenate([pixels.min(0), pixels.max(0)]),
        keypoints_2d=pixels,
        **{f'keypoints_cam_{k}': v for k, v in points.items()},
        pose=pose,
        shape=np.append(shape, 180.0),
    )
    row['image'] = cv2.imencode('.jpg', image)[1].tobytes()
    row['alpha'] = cv2.imencode('.png', 255 * mask)[1].tobytes()
    row['mask'] = cv2.imencode('.png', mask)[1].tobytes()
    return dict(row, vertices=vertices)


def _draw(pixels: np.ndarray, faces: np.ndarray) -> tuple:
    mask = np.zeros((SIZE, SIZE), np.uint8)
    for face in np.rint(pixels[faces]).astype(np.int32):
        cv2.fillConvexPoly(mask, face, HAND)
    image = np.full((SIZE, SIZE, 3), (90, 60, 40), np.uint8)
    image[mask > 0] = (150, 180, 220)
    return image, mask


def write_mesh_shard(folder: Path, count: int) -> Path:
    """One shard of `count` rows; takes the place of one that is there."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [mesh_row(i) for i in range(count)]
    for row in rows:
        row.pop('vertices')
    write_shard(folder / 'shard-00000.arrow', rows)
    return folder


def make_samples(batch=2, mask=1.0, mirrored=(False, True)):
    """Random labels of `HandMeshLabel`; maps that are u itself."""
    rng = np.random.default_rng(2)
    samples = []
    ramp = np.tile(np.linspace(0, 1, 24), (24, 1))
    for b in range(batch):
        labels = dict(
            keypoint_labels=rng.uniform(0, 1, (1, 21, 3)),
            keypoint_weights=rng.integers(0, 2, (1, 21)),
            relative_labels=rng.normal(size=(1, 21, 3)),
            relative_weights=rng.integers(0, 2, (1, 21)),
            pose_labels=np.zeros((1, 26)),
            shape_labels=np.zeros((1, 40)),
            mesh_weights=np.ones(1),
            outside_map=ramp[None],
            outside_weights=np.full(1, mask),
        )
        labels = {k: v.astype(np.float32) for k, v in labels.items()}
        sample = PoseDataSample(gt_instance_labels=InstanceData(**labels))
        sample.set_metainfo(dict(mirrored=mirrored[b]))
        samples.append(sample)
    return samples


def stacked(samples, name):
    """A label of all samples, (B, ...)."""
    found = [s.gt_instance_labels[name] for s in samples]
    return torch.from_numpy(np.concatenate(found))
