"""Dumps as `tools/test.py --dump` leaves them, of random hands."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.evaluator import DumpResults
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from helpers import random_hands
from synhand.geometry.cameras import project

SIZE = 96


def write_dump(
    path: Path,
    count: int = 12,
    noise: float = 10.0,
    name: str = 'freihand',
    seed: int = 0,
    has_3d: bool = True,
    has_2d: bool = True,
) -> Path:
    """Write a dump with predictions that are off by noise.

    Args:
        path: `MODEL@BENCHMARK.pkl`; photos go beside it.
        count: Samples.
        noise: Of the prediction, in mm and, a tenth of it, in px.
        name: The metainfo's `dataset_name`.
        seed: Of the hands; equal seeds and counts give equal hands.
        has_3d: The truth has 3D.
        has_2d: The truth has 2D.
    """
    rng = np.random.default_rng(seed)
    true, cameras = random_hands(rng, count)
    pixels = project(true, cameras) * SIZE / 256
    errors = np.random.default_rng(seed + 100)
    samples = []
    for n in range(count):
        photo = path.parent / f'{n}.jpg'
        if n % 2:  # half of the photos cannot be read
            cv2.imwrite(str(photo), np.full((SIZE, SIZE, 3), 90, np.uint8))
        sample = PoseDataSample(
            metainfo=dict(id=n, img_path=str(photo), dataset_name=name)
        )
        low, high = pixels[n].min(0), pixels[n].max(0)
        sample.gt_instances = InstanceData(
            keypoints=pixels[n : n + 1].astype(np.float32),
            keypoints_visible=np.full((1, 21), has_2d, np.float32),
            keypoints_cam=true[n : n + 1],
            keypoints_cam_valid=np.full((1, 21), has_3d, np.float32),
            bboxes=np.concatenate([low, high])[None],
            hand_side=np.ones(1, np.int8),
        )
        sample.pred_instances = InstanceData(
            keypoints=pixels[n : n + 1]
            + errors.normal(0, noise / 10, (1, 21, 2)),
            keypoints_cam=true[n : n + 1]
            + errors.normal(0, noise, (1, 21, 3)),
            keypoint_scores=torch.ones(1, 21),
        )
        samples.append(sample.to_dict())
    metric = DumpResults(str(path))
    metric.process(None, samples)
    metric.evaluate(count)
    return path
