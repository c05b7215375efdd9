"""Sets of photos, and the crops of their hands that every model gets."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from synhand.apis import read_image
from synhand.apis.queries import shrunk
from synhand.datasets import (
    FreiHand3DDataset,
    HandJsonDataset,
    OneHand10KHands,
    Rhd3DDataset,
    SyntheticHandDataset,
)
from synhand.datasets.base import HandDataset
from synhand.datasets.transforms import decode_image
from synhand.geometry import cameras
from synhand.geometry.boxes import tight_box
from synhand.recipes import BOX_PADDING
from synhand.skeleton import HAND_SIDES, JOINT_FAMILIES, SIDE_NAMES

Image = npt.NDArray[np.uint8]

CONTEXT = 2.0
"""Side of a crop over the longer side of the set's box."""

_HAND_BOX = 1.25


@dataclass(frozen=True)
class PhotoSet:
    """Hands in photos.

    Attributes:
        name: In commands and files.
        title: In tables.
        samples: As `hand_sample` makes them, with `img_path`; `bbox` is the
            box whose longer side errors are divided by.
        padding: Side of what a model sees over the longer side of `bbox`:
            1.6 for tight boxes, 1.25 for boxes of whole hands, 1 for whole
            images.
        joint_family: Of the labels; own models are asked for these.
    """

    name: str
    title: str
    samples: list[dict]
    padding: float = BOX_PADDING
    joint_family: str = JOINT_FAMILIES[0]

    def tight(self, sample: dict) -> npt.NDArray[np.float32]:
        """(4,) px, the tight box that a model is given."""
        return shrunk(sample['bbox'][0], BOX_PADDING / self.padding)

    def side(self, sample: dict) -> int:
        """Side in px of the crop; a whole image is not made larger."""
        box = sample['bbox'][0]
        longer = float((box[2:] - box[:2]).max())
        context = CONTEXT if self.padding > 1 else 1.0
        return max(1, round(longer * context))

    def corner(self, sample: dict) -> npt.NDArray[np.int64]:
        """(2,) px of the photo, whole numbers, where the crop starts."""
        box = self.tight(sample)
        centre = (box[:2] + box[2:]) / 2
        return np.rint(centre - (self.side(sample) - 1) / 2).astype(int)


@dataclass(frozen=True, eq=False)
class Crop:
    """A hand with its surroundings, black beside the photo.

    Attributes:
        image: (S, S, 3) blue, green, red.
        corner: (2,) px of the photo where it starts, whole numbers.
        box: (4,) px of the crop, tight.
        box_known: Whether anybody said where the hand is.
        hand: `'left'`, `'right'` or `'unknown'`.
        camera: (3, 3) px of the crop, or None.
        joint_family: That the set is labelled with.
    """

    image: Image
    corner: npt.NDArray[np.int64]
    box: npt.NDArray[np.float32]
    box_known: bool
    hand: str
    camera: npt.NDArray[np.float64] | None
    joint_family: str = JOINT_FAMILIES[0]


def cut(photos: PhotoSet, sample: dict) -> Crop:
    """The crop of one hand.

    Raises:
        FileNotFoundError, OSError, ValueError: The photo cannot be read.
    """
    photo = _pixels(sample)
    box = photos.tight(sample)
    side = photos.side(sample)
    corner = photos.corner(sample)
    image = np.zeros((side, side, 3), np.uint8)
    low = np.maximum(corner, 0)
    high = np.minimum(corner + side, photo.shape[1::-1])
    (left, top), (right, bottom) = low - corner, high - corner
    part = photo[low[1] : high[1], low[0] : high[0]]
    image[top:bottom, left:right] = part
    camera = sample['camera_matrix'][0]
    known = bool(np.isfinite(camera).all())
    return Crop(
        image=image,
        corner=corner,
        box=box - np.tile(corner, 2).astype(np.float32),
        box_known=bool(sample['bbox_score'][0] > 0),
        hand=SIDE_NAMES[int(sample['hand_side'][0])],
        camera=cameras.crop(camera, *corner) if known else None,
        joint_family=photos.joint_family,
    )


def write_crops(folder: Path, crops: Sequence[Crop]) -> None:
    """Crops as files for a model that runs in another process."""
    entries = []
    for number, crop in enumerate(crops):
        name = f'{number:05d}.png'
        cv2.imwrite(str(folder / name), crop.image)
        camera = None if crop.camera is None else crop.camera.tolist()
        entries.append(
            dict(file=name, box=crop.box.tolist(), hand=crop.hand, K=camera)
        )
    (folder / 'crops.json').write_text(json.dumps(entries))


def _pixels(sample: dict) -> Image:
    if 'image_bytes' in sample:
        return decode_image(
            sample['image_bytes'], cv2.IMREAD_COLOR, sample['img_path']
        )
    return read_image(sample['img_path'])


def _samples(dataset: HandDataset, limit: int | None) -> list[dict]:
    """With the tight box where all keypoints are labelled."""
    samples = []
    for number in range(min(len(dataset), limit or len(dataset))):
        sample = dataset.get_data_info(number)
        if (sample['keypoints_visible'] > 0).all():
            sample['bbox'] = tight_box(sample['keypoints'])
        samples.append(sample)
    return samples


def _ge2019(folder: Path, limit: int | None) -> PhotoSet:
    data = HandJsonDataset(data_root=str(folder / 'ge2019'))
    title = 'Ge et al. 2019 (one left hand, one room)'
    return PhotoSet('ge2019', title, _samples(data, limit))


def _freihand(folder: Path, limit: int | None) -> PhotoSet:
    """The frames with 3D of the official layout, then MMPose's with 2D."""
    official = FreiHand3DDataset(
        data_root=str(folder / 'freihand_official_mini'),
        split='training',
        versions=(0,),
        box='keypoints',
    )
    flat = OneHand10KHands(
        data_root=str(folder / 'mmpose_samples' / 'freihand'),
        ann_file='test_freihand.json',
    )
    samples = _samples(official, limit) + _samples(flat, limit)
    for sample in samples:  # all hands of FreiHAND are right ones
        sample['hand_side'] = np.array([HAND_SIDES['right']], np.int8)
    title = 'FreiHAND, training frames'
    return PhotoSet('freihand', title, samples, joint_family='mano')


def _ti1k(folder: Path, limit: int | None) -> PhotoSet:
    data = HandJsonDataset(data_root=str(folder / 'ti1k'))
    title = 'TI1K (thumb and index tip; box of the hand)'
    return PhotoSet('ti1k', title, _samples(data, limit), _HAND_BOX)


def _rhd(folder: Path, limit: int | None) -> PhotoSet:
    data = Rhd3DDataset(
        data_root=str(folder / 'mmpose_samples' / 'rhd'),
        ann_file='test_rhd.json',
    )
    title = 'RHD (rendered by others)'
    return PhotoSet('rhd', title, _samples(data, limit))


def _signwriting(folder: Path, limit: int | None) -> PhotoSet:
    data = HandJsonDataset(data_root=str(folder / 'signwriting'))
    title = 'SignWriting hands (six views each, no labels)'
    return PhotoSet('signwriting', title, _samples(data, limit), 1.0)


def _freihand_evaluation(folder: Path, limit: int | None) -> PhotoSet:
    data = FreiHand3DDataset(
        data_root=str(folder / 'freihand_official_mini'), split='evaluation'
    )
    title = 'FreiHAND, evaluation frames (no labels)'
    samples = _samples(data, limit)
    return PhotoSet('freihand_evaluation', title, samples, 1.0, 'mano')


LABELLED: dict[str, Callable[[Path, int | None], PhotoSet]] = {
    'ge2019': _ge2019,
    'freihand': _freihand,
    'ti1k': _ti1k,
    'rhd': _rhd,
}
"""Readers of the sets with labels: folder of the sets, first hands only."""

UNLABELLED: dict[str, Callable[[Path, int | None], PhotoSet]] = {
    'signwriting': _signwriting,
    'freihand_evaluation': _freihand_evaluation,
}


def synthetic(folder: Path, limit: int) -> PhotoSet:
    """The first hands of a rendered set."""
    data = SyntheticHandDataset(data_root=str(folder))
    return PhotoSet('synthetic', 'synthetic, held out', _samples(data, limit))
