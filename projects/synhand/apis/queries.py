"""What a predictor is asked: images, boxes, sides and cameras, checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synhand.apis.images import read_image
from synhand.geometry.cameras import check_camera_matrix
from synhand.skeleton import HAND_SIDES

Image = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Query:
    """A hand to find, checked as far as that goes without the pixels."""

    image: str | Path | Image
    box: FloatArray | None
    hand: str
    camera: npt.NDArray[np.float64] | None
    where: str


def hand_queries(
    images: object, boxes: object, hands: object, cameras: object
) -> Iterator[Query]:
    if isinstance(images, (str, Path)) or (
        isinstance(images, np.ndarray) and images.ndim < 4
    ):
        images, boxes, hands, cameras = (
            [value] for value in (images, boxes, hands, cameras)
        )
    count = len(images)
    if isinstance(hands, str):
        hands = [hands] * count
    columns = (
        images,
        one_each(boxes, count, 'boxes'),
        one_each(hands, count, 'hands'),
        one_each(cameras, count, 'camera_matrices'),
    )
    for number, row in enumerate(zip(*columns, strict=True)):
        yield _query(number, *row)


def one_each(values: Sequence | None, count: int, name: str) -> Sequence:
    if values is None:
        return [None] * count
    if len(values) != count:
        raise ValueError(
            f'{name}: expected one for each of {count} images, got '
            f'{len(values)}'
        )
    return values


def _query(
    number: int, image: object, box: object, hand: object, camera: object
) -> Query:
    path = isinstance(image, (str, Path))
    where = f'image {number} ({image})' if path else f'image {number}'
    hand = 'unknown' if hand is None else hand
    if not isinstance(hand, str) or hand not in HAND_SIDES:
        raise ValueError(
            f'{where}: hand: expected left, right or unknown, got {hand!r}'
        )
    if box is not None:
        box = _checked_box(box, where)
    if camera is not None:
        camera = check_camera_matrix(camera, f'{where}: camera matrix')
    return Query(image, box, hand, camera, where)


def _checked_box(box: object, where: str) -> FloatArray:
    try:
        array = np.asarray(box, np.float32)
    except (TypeError, ValueError):
        array = np.empty(0)
    if (
        array.shape == (4,)
        and np.isfinite(array).all()
        and (array[:2] < array[2:]).all()
    ):
        return array
    raise ValueError(
        f'{where}: box: expected x1, y1, x2, y2 with x1 < x2 and y1 < y2, '
        f'got {box}'
    )


def check_box(box: FloatArray, image: Image, where: str) -> None:
    """Raise where a box does not meet its image.

    Args:
        box: (4,) x1, y1, x2, y2 in pixels.
        image: (H, W, 3).
        where: What to name.

    Raises:
        ValueError: The box is beside the image.
    """
    height, width = image.shape[:2]
    if (box[:2] >= (width, height)).any() or (box[2:] <= 0).any():
        raise ValueError(
            f'{where}: expected a box that meets the image of {width} x '
            f'{height} pixels, got {box.tolist()}'
        )


def pixels_of(image: str | Path | Image, where: str) -> Image:
    if isinstance(image, (str, Path)):
        return read_image(image)
    if (
        not isinstance(image, np.ndarray)
        or image.dtype != np.uint8
        or image.ndim != 3
        or image.shape[2] != 3
        or min(image.shape) < 2
    ):
        kind = getattr(image, 'dtype', type(image).__name__)
        raise ValueError(
            f'{where}: expected a path or an array (H, W, 3) of uint8, '
            f'got {kind} {getattr(image, "shape", "")}'
        )
    return image


def shrunk(box: FloatArray, padding: float) -> FloatArray:
    """The box (4,) that becomes `box` once its sides are padded."""
    centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    half = half / padding
    return np.concatenate([centre - half, centre + half])
