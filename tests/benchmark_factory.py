"""Public sets in their official layouts, drawn here and tiny.

Each `write_NAME(folder)` makes one under `folder` as it is distributed:
files, units, frames and orders are the set's own, of hands in standard
order that it returns as (N, 21, 3) mm in the camera frame.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from scipy.io import savemat

from helpers import random_hands
from synhand.datasets.dexycb import CAMERAS, SUBJECTS
from synhand.datasets.freihand import MANO_VERTICES
from synhand.datasets.stb import SEQUENCES
from synhand.geometry.cameras import project
from synhand.skeleton import from_standard

SIZE = 64
OPENGL = np.array([1, -1, -1])


def hands(count: int, side: str = 'right') -> tuple:
    """(N, 21, 3) mm and cameras (N, 3, 3) of images of `SIZE` px."""
    points, cameras = random_hands(np.random.default_rng(count), count)
    if side == 'left':
        points = points * [-1, 1, 1]
    cameras[:, :2] *= SIZE / 256
    return points, cameras


def draw(path: Path, size: int = SIZE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(len(path.name))
    image = rng.integers(0, 256, (size, size, 3), dtype=np.uint8)
    cv2.imwrite(str(path), image)


def dump(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def write_freihand(folder: Path, count: int = 3) -> np.ndarray:
    points, cameras = hands(count)
    cameras[:, :2] *= 224 / SIZE
    scale = np.linalg.norm(points[:, 10] - points[:, 9], axis=-1) / 1000
    for split, versions in (('training', 4), ('evaluation', 1)):
        dump(folder / f'{split}_K.json', cameras.tolist())
        dump(folder / f'{split}_scale.json', scale.tolist())
        dump(folder / f'{split}_xyz.json', (points / 1000).tolist())
        for i in range(count * versions):
            draw(folder / split / 'rgb' / f'{i:08d}.jpg', 224)
    for i in range(count):
        draw(folder / 'training' / 'mask' / f'{i:08d}.jpg', 224)
    return points


def write_freihand_meshes(folder: Path, points: np.ndarray) -> np.ndarray:
    """Vertices (N, 778, 3) mm about the keypoints of `write_freihand`."""
    rng = np.random.default_rng(0)
    nearest = points[:, rng.integers(0, 21, MANO_VERTICES)]
    vertices = nearest + rng.normal(0, 5, nearest.shape)
    content = (vertices / 1000).tolist()
    dump(folder / 'evaluation_verts.json', content)
    return vertices


def write_interhand(folder: Path, split: str = 'test') -> np.ndarray:
    """An image of a right, a left and two interacting hands."""
    right, cameras = hands(3)
    left = right * [-1, 1, 1] + [0, 0, 5]
    kinds = ('right', 'left', 'interacting')
    valid = [[1] * 21 + [0] * 21, [0] * 21 + [1] * 21, [1] * 42]
    rotation = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    position = np.array([10.0, 20, -30])
    start = folder / f'annotations/{split}/InterHand2.6M_{split}'
    both = np.concatenate(
        [from_standard(hand, 'interhand') for hand in (right, left)], axis=1
    )
    world = both @ rotation + position
    camera = dict(
        focal={'40': cameras[0, [0, 1], [0, 1]].tolist()},
        princpt={'40': cameras[0, :2, 2].tolist()},
        camrot={'40': rotation.tolist()},
        campos={'40': position.tolist()},
    )
    dump(Path(f'{start}_camera.json'), {'0': camera})
    joints = {str(i): {'world_coord': world[i].tolist()} for i in range(3)}
    dump(Path(f'{start}_joint_3d.json'), {'0': joints})
    images, annotations = [], []
    for i, kind in enumerate(kinds):
        name = f'image{i}.jpg'
        draw(folder / 'images' / split / name)
        images.append(
            dict(
                id=i,
                file_name=name,
                width=SIZE,
                height=SIZE,
                capture=0,
                camera='40',
                frame_idx=i,
            )
        )
        annotations.append(
            dict(
                id=i,
                image_id=i,
                bbox=[8, 8, 40, 40],
                joint_valid=[[v] for v in valid[i]],
                hand_type=kind,
                hand_type_valid=1,
            )
        )
    content = dict(images=images, annotations=annotations)
    dump(Path(f'{start}_data.json'), content)
    return np.stack([right[0], left[1], right[2], left[2]])


def write_rhd(folder: Path, split: str = 'test') -> np.ndarray:
    points, cameras = hands(2)
    points[1] *= [-1, 1, 1]
    images, annotations = [], []
    for i, (hand, camera) in enumerate(zip(points, cameras, strict=True)):
        name = f'evaluation/color/{i:05d}.png'
        draw(folder / name)
        pixels = project(hand, camera)
        labels = np.concatenate([pixels, np.ones((21, 1))], 1)
        low, high = pixels.min(0), pixels.max(0)
        focal, centre = camera[[0, 1], [0, 1]], camera[:2, 2]
        parameters = dict(focal=focal.tolist(), princpt=centre.tolist())
        images.append(dict(id=i, file_name=name, cam_param=parameters))
        annotations.append(
            dict(
                id=i,
                image_id=i,
                bbox=[*low, *(high - low)],
                keypoints=from_standard(labels, 'rhd').tolist(),
                joint_cam=from_standard(hand, 'rhd').tolist(),
                hand_type=('right', 'left')[i],
            )
        )
    content = dict(images=images, annotations=annotations)
    dump(folder / f'annotations/rhd_{split}.json', content)
    return points


def write_ho3d(folder: Path, ending: str = '.png') -> np.ndarray:
    points, cameras = hands(3)
    theirs = from_standard(points * OPENGL / 1000, 'ho3d')
    for split in ('train', 'evaluation'):
        names = [f'ABF1/{i:04d}' for i in range(3)]
        (folder / split / 'ABF1' / 'meta').mkdir(parents=True)
        (folder / f'{split}.txt').write_text('\n'.join(names) + '\n')
        for i in range(3):
            draw(folder / split / 'ABF1' / 'rgb' / f'{i:04d}{ending}')
            pixels = project(points[i], cameras[i])
            meta = dict(
                camMat=cameras[i],
                objName='002_master_chef_can',
                handJoints3D=theirs[i],
            )
            if split == 'evaluation':
                meta['handJoints3D'] = theirs[i, 0]
                box = [*pixels.min(0), *pixels.max(0)]
                meta['handBoundingBox'] = np.array(box).astype(int).tolist()
            path = folder / split / 'ABF1' / 'meta' / f'{i:04d}.pkl'
            path.write_bytes(pickle.dumps(meta, protocol=2))
    dump(folder / 'evaluation_xyz.json', theirs.tolist())
    return points


def write_dexycb(folder: Path) -> np.ndarray:
    """Subject 3 alone, one frame of each camera of its test sequences."""
    points, _ = hands(160)
    points = points.reshape(20, 8, 21, 3)
    for serial in CAMERAS:
        path = folder / f'calibration/intrinsics/{serial}_640x480.yml'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            'color:\n  fx: 120.0\n  fy: 121.0\n  ppx: 32.5\n  ppy: 31.0\n'
        )
    for number in range(100):
        sequence = folder / SUBJECTS[2] / f'20200820_{number:06d}'
        sequence.mkdir(parents=True)
        if number % 5 != 4:
            continue
        side = ('right', 'left')[number // 5 % 2]
        (sequence / 'meta.yml').write_text(
            f'num_frames: 1\nmano_sides:\n- {side}\n'
        )
        for camera, serial in enumerate(CAMERAS):
            (sequence / serial).mkdir()
            labels = points[number // 5, camera][None] / 1000
            if number == 9 and camera == 3:
                labels = np.full((1, 21, 3), -1.0)
            file = sequence / serial / 'labels_000000.npz'
            np.savez(file, joint_3d=labels.astype(np.float32))
            draw(sequence / serial / 'color_000000.jpg', 16)
    return points


def write_stb(folder: Path, count: int = 2) -> np.ndarray:
    """Keypoint 0 of what it returns is the palm's centre, as in the file."""
    points, _ = hands(count, 'left')
    theirs = from_standard(points, 'stb').transpose(2, 1, 0)
    for sequence in (*SEQUENCES['test'], *SEQUENCES['train']):
        for kind in ('BB', 'SK'):
            path = folder / 'labels' / f'{sequence}_{kind}.mat'
            path.parent.mkdir(parents=True, exist_ok=True)
            savemat(path, {'handPara': theirs})
    for sequence in SEQUENCES['test']:
        for start in ('SK_color', 'BB_left', 'BB_right'):
            for i in range(count):
                draw(folder / 'images' / sequence / f'{start}_{i}.png')
    return points


def write_hiu_dmtl(folder: Path) -> np.ndarray:
    """A photo of the first hand, one of the second, one of both."""
    points, cameras = hands(4)
    pixels = project(points, cameras)
    shown = ((1, 0), (0, 1), (1, 1))
    both = [[pixels[0], 0 * pixels[0] + 2], [0 * pixels[0] + 2, pixels[1]]]
    both.append([pixels[2], pixels[3]])
    for i, kind in enumerate(shown):
        draw(folder / 'part' / f'{i}.jpg')
        draw(folder / 'part' / f'{i}_mask.png')
        content = dict(
            hand_type=kind, pts2d_2hand=np.concatenate(both[i]).tolist()
        )
        dump(folder / 'part' / f'{i}.json', content)
    return pixels


def write_coco_style(folder: Path, file: str, prefix: str, name: str) -> None:
    """A file of MMPose's for 2D hands; one keypoint is not labelled."""
    points, cameras = hands(2)
    images, annotations = [], []
    for i, pixels in enumerate(project(points, cameras)):
        image = name.format(i)
        draw(folder / prefix / image)
        labels = np.concatenate([pixels, np.ones((21, 1))], 1)
        labels[4] = 0
        labels = labels.ravel().tolist()
        box = [8, 8, 40, 44]
        images.append(dict(id=i, file_name=image, width=SIZE, height=SIZE))
        annotation = dict(
            id=i,
            image_id=i,
            category_id=1,
            iscrowd=0,
            area=1600,
            bbox=box,
            segmentation=[],
            head_size=30.0,
            keypoints=labels,
        )
        for k, side in enumerate(('left', 'right')):
            annotation[f'{side}hand_valid'] = k == i
            annotation[f'{side}hand_box'] = box
            annotation[f'{side}hand_kpts'] = labels
        annotations.append(annotation)
    content = dict(
        images=images,
        annotations=annotations,
        categories=[dict(id=1, name='hand')],
    )
    dump(folder / 'annotations' / file, content)


def write_hand_json(folder: Path, side: str = 'left') -> np.ndarray:
    """Two groups of two photos each."""
    points, cameras = hands(4, side)
    entries = []
    for i, (hand, camera) in enumerate(zip(points, cameras, strict=True)):
        draw(folder / f'images/{i}.jpg')
        pixels = project(hand, camera)
        entries.append(
            dict(
                image=f'images/{i}.jpg',
                hand=side,
                bbox=[*pixels.min(0), *pixels.max(0)],
                keypoints_2d=[[*pixel, 1] for pixel in pixels.tolist()],
                keypoints_3d_mm=hand.tolist(),
                K=camera.tolist(),
                group=str(i // 2),
                view=str(i % 2),
            )
        )
    dump(folder / 'annotations.json', entries)
    return points


WRITERS: dict[str, Callable[[Path], object]] = {
    'freihand': write_freihand,
    'interhand2.6m': write_interhand,
    'rhd': write_rhd,
    'ge2019': write_hand_json,
    'ti1k': write_hand_json,
    'signwriting': write_hand_json,
    'ho3d_v2': write_ho3d,
    'ho3d_v3': lambda folder: write_ho3d(folder, '.jpg'),
    'stb': write_stb,
    'hiu_dmtl': write_hiu_dmtl,
    'coco': lambda folder: write_coco_style(
        folder, 'coco_wholebody_val_v1.0.json', 'val2017', '{}.jpg'
    ),
    'onehand10k': lambda folder: write_coco_style(
        folder, 'onehand10k_test.json', '', 'Test/source/{}.jpg'
    ),
    'panoptic': lambda folder: write_coco_style(
        folder, 'panoptic_test.json', '', 'manual_test/{}_l.jpg'
    ),
}
"""By folder; DexYCB, with many files, is left out."""
