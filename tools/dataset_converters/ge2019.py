"""Ge et al. 2019, real-world test set: from its repository to our format.

Reads `data/real_world_testset` of `3d-hand-shape/hand-graph-cnn`, that is
`params.mat`, `pose_gt.mat` and `images/`, and writes `annotations.json` with
the photos into a folder that `HandJsonDataset` reads. Non-commercial research
only.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
from scipy.io import loadmat

from synhand.datasets.reading import existing, field, numbers
from synhand.files import write_text
from synhand.geometry.boxes import tight_box
from synhand.geometry.cameras import crop, project
from synhand.skeleton import NUM_KEYPOINTS

MM_A_CM = 10.0
SIDE = 'left'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('source', type=Path, help='real_world_testset')
    parser.add_argument('out', type=Path, help='folder to be made')
    return parser.parse_args()


def read(path: Path, name: str) -> np.ndarray:
    return np.asarray(field(loadmat(existing(path, name)), name, str(path)))


def entries(source: Path) -> list[dict]:
    """One entry a photo, as `synhand.datasets.hand_json` describes it."""
    params = source / 'params.mat'
    names = [str(name).strip() for name in read(params, 'image_path')]
    count = len(names)
    poses = read(source / 'pose_gt.mat', 'pose_gt')
    poses = numbers(
        poses, (count, NUM_KEYPOINTS, 3), f'{source}/pose_gt.mat: pose_gt'
    )
    cameras = numbers(
        read(params, 'cam_param'), (count, 4), f'{params}: cam_param'
    )
    boxes = numbers(read(params, 'bbox'), (count, 4), f'{params}: bbox')
    return [
        entry(source / name, name, *labels)
        for name, *labels in zip(
            names, poses * MM_A_CM, cameras, boxes, strict=True
        )
    ]


def entry(
    path: Path,
    name: str,
    points: np.ndarray,
    parameters: np.ndarray,
    box: np.ndarray,
) -> dict:
    """An entry of a photo that was cut out by a box and resized.

    Args:
        path: The photo.
        name: Its name in the set.
        points: (K, 3) in mm, camera frame.
        parameters: Focal lengths and principal point of the whole image, px.
        box: x, y, width, height of the part of it that the photo shows.
    """
    image = cv2.imread(str(existing(path, 'a photo of the set')))
    if image is None:
        raise ValueError(f'{path}: not a readable image')
    fx, fy, cx, cy = parameters.astype(float)
    camera = crop([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], *box[:2])
    camera[:2] *= image.shape[0] / float(box[2])
    pixels = project(points, camera)
    return dict(
        image=name,
        hand=SIDE,
        bbox=tight_box(pixels).round(2).tolist(),
        keypoints_2d=[[*pixel, 1] for pixel in pixels.round(3).tolist()],
        keypoints_3d_mm=points.round(4).tolist(),
        K=camera.tolist(),
        source='3d-hand-shape/hand-graph-cnn, real_world_testset',
    )


def main() -> int:
    args = parse_args()
    try:
        found = entries(args.source)
        for one in found:
            target = args.out / one['image']
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(args.source / one['image'], target)
        write_text(args.out / 'annotations.json', json.dumps(found))
    except (ValueError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    print(f'{args.out}: {len(found)} photos')
    return 0


if __name__ == '__main__':
    sys.exit(main())
