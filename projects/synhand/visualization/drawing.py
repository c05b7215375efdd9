"""Pictures of hands, with OpenCV alone.

Images are (H, W, 3) uint8 blue, green, red. K = 21 keypoints.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from synhand.skeleton import BONES, FINGERS, PARENTS, ROOT

Image = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]

FINGER_COLOURS: dict[str, Colour] = {
    'thumb': (60, 76, 231),
    'index': (34, 160, 245),
    'middle': (90, 190, 60),
    'ring': (214, 150, 46),
    'little': (190, 80, 160),
}
"""Blue, green, red of each finger."""

PAPER: Colour = (250, 250, 250)
_GRID: Colour = (228, 228, 228)
_INK: Colour = (70, 70, 70)
_WRIST: Colour = (90, 90, 90)

VIEWS = {
    'front': np.eye(3),
    'side': np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]]),
}
"""Rows: the directions right, down and away of a view, camera frame.

`front` is the camera's own; `side` looks from the picture's right, with what
is near the camera on the left.
"""

GRID_MM = 50.0
_SHIFT = 4  # OpenCV's drawing takes 1/16 pixels


def _colour(keypoint: int) -> Colour:
    for finger, chain in FINGERS.items():
        if keypoint in chain:
            return FINGER_COLOURS[finger]
    return _WRIST


def _fixed(point: npt.NDArray) -> list[int]:
    """Pixels in the unit that OpenCV draws in, far ones cut."""
    units = np.clip(point, -4096, 65536) * (1 << _SHIFT)
    return np.rint(units).astype(int).tolist()


def _line(
    image: Image, ends: npt.NDArray, colour: Sequence[float], width: int
) -> None:
    first, second = (_fixed(end) for end in ends)
    cv2.line(image, first, second, colour, width, cv2.LINE_AA, _SHIFT)


def _dot(
    image: Image,
    centre: npt.NDArray,
    radius: float,
    colour: Sequence[float],
) -> None:
    size = round(radius * (1 << _SHIFT))
    cv2.circle(image, _fixed(centre), size, colour, -1, cv2.LINE_AA, _SHIFT)


def draw_hand(
    image: Image,
    keypoints_2d: npt.ArrayLike,
    width: float | None = None,
) -> Image:
    """Draw a skeleton, a colour for each finger.

    Args:
        image: (H, W, 3); stays as it is.
        keypoints_2d: (K, 2) or (K, 3) x, y and, not used, score; pixels.
            Keypoints that are not finite are left out.
        width: Of the lines in pixels; None: by the sizes of hand and image.

    Returns:
        (H, W, 3), a copy.
    """
    image = image.copy()
    points = np.asarray(keypoints_2d, np.float64)[:, :2]
    known = np.isfinite(points).all(-1)
    if not known.any():
        return image
    if width is None:
        width = _line_width(points[known], image)
    thick = max(1, round(width))
    bones = [bone for bone in BONES if known[list(bone)].all()]
    for parent, child in bones:
        _line(image, points[[parent, child]], (0, 0, 0), thick + 2)
    for parent, child in bones:
        _line(image, points[[parent, child]], _colour(child), thick)
    for keypoint in np.flatnonzero(known):
        _dot(image, points[keypoint], 1.1 * width + 1, (0, 0, 0))
        _dot(image, points[keypoint], 1.1 * width, _colour(keypoint))
    return image


def _line_width(points: npt.NDArray, image: Image) -> float:
    """Thin enough for a small hand, thick enough for a large picture."""
    extent = (points.max(0) - points.min(0)).max()
    return float(np.clip(extent / 60, 1, max(1, max(image.shape) / 150)))


def draw_hand_3d(
    keypoints_3d_mm: npt.ArrayLike,
    size: int = 256,
    views: Sequence[str] = ('front', 'side'),
) -> Image:
    """Draw a hand in space, in parallel projection and one scale.

    Near bones are thick and strong, far ones thin and pale. The lines behind
    the hand are `GRID_MM` apart and pass through the wrist.

    Args:
        keypoints_3d_mm: (K, 3) in mm, camera frame, any root.
        size: Side of each view in pixels.
        views: Names in `VIEWS`, from left to right.

    Returns:
        (size, views * size, 3).
    """
    points = np.asarray(keypoints_3d_mm, np.float64)
    low, high = points.min(0), points.max(0)
    scale = size / (1.25 * max((high - low).max(), 2 * GRID_MM))
    panels = []
    for name in views:
        turned = (points - (low + high) / 2) @ VIEWS[name].T
        panels.append(_panel(turned, scale, size, name))
    return np.concatenate(panels, 1)


def _panel(points: npt.NDArray, scale: float, size: int, title: str) -> Image:
    """One view of points (K, 3): right, down, away from the centre in mm."""
    image = np.full((size, size, 3), PAPER, np.uint8)
    pixels = points[:, :2] * scale + (size - 1) / 2
    _grid(image, pixels[ROOT], GRID_MM * scale)
    away = points[:, 2]
    nearness = 0.5 - away / max(float(np.ptp(away)), np.ptp(points) / 2)
    width = size / 90
    for joint in sorted(range(len(points)), key=_bone_depth(away)):
        parent, colour = PARENTS[joint], _colour(joint)
        if parent >= 0:
            near = nearness[[parent, joint]].mean()
            thick = max(1, round(width * (0.7 + 0.9 * near)))
            ends = pixels[[parent, joint]]
            _line(image, ends, _faded(colour, near), thick)
        radius = width * (0.6 + 0.7 * nearness[joint])
        _dot(image, pixels[joint], radius, _faded(colour, nearness[joint]))
    _write(image, title, (size / 32, size / 14), size / 640)
    note = f'grid {GRID_MM:.0f} mm'
    _write(image, note, (size / 32, size - size / 32), size / 800)
    cv2.rectangle(image, (0, 0), (size - 1, size - 1), _GRID)
    return image


def _bone_depth(away: npt.NDArray) -> Callable[[int], float]:
    """Sorts keypoints by their bones, far ones first."""
    return lambda joint: -(away[joint] + away[max(PARENTS[joint], ROOT)])


def _grid(image: Image, origin: npt.NDArray, step: float) -> None:
    size = image.shape[0]
    for axis in range(2):
        for line in np.arange(origin[axis] % step, size, step):
            ends = np.array([[line, 0.0], [line, size]])
            _line(image, ends if axis == 0 else ends[:, ::-1], _GRID, 1)


def _faded(colour: Colour, nearness: float) -> list[float]:
    share = 0.45 + 0.55 * float(nearness)
    return (np.array(colour) * share + np.array(PAPER) * (1 - share)).tolist()


def _write(
    image: Image, text: str, start: tuple[float, float], scale: float
) -> None:
    place = (round(start[0]), round(start[1]))
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, max(scale, 0.3)
    cv2.putText(image, text, place, font, scale, _INK, 1, cv2.LINE_AA)


def prediction_figure(
    image: Image,
    hands: Sequence[tuple[npt.ArrayLike, npt.ArrayLike, str]],
    smallest: int = 384,
    largest: int = 1280,
) -> Image:
    """A photo with skeletons, and beside it the hands in space.

    Args:
        image: (H, W, 3).
        hands: For each hand keypoints (K, 2) or (K, 3) in pixels, (K, 3) in
            mm (see :func:`draw_hand_3d`), and a title.
        smallest: Longer side of the photo in the figure, at least.
        largest: The same, at most.

    Returns:
        (H', W', 3): the photo on the left; for each hand, from top to
        bottom, its front and side on the right.
    """
    side = max(image.shape[:2])
    scale = float(np.clip(side, smallest, largest)) / side
    picture = _scaled(image, scale)
    rows = []
    height = picture.shape[0]
    size = int(np.clip(height / max(len(hands), 1), 192, 480))
    for pixels, points, title in hands:
        pixels = (np.asarray(pixels)[:, :2] + 0.5) * scale - 0.5
        picture = draw_hand(picture, pixels)
        row = draw_hand_3d(points, size)
        _write(row, title, (size / 32, size / 7), size / 640)
        rows.append(row)
    if not rows:
        return picture
    return _beside(picture, np.concatenate(rows, 0))


def _scaled(image: Image, scale: float) -> Image:
    if scale == 1:
        return image.copy()
    shape = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    width, height = (max(1, side) for side in shape)
    return cv2.resize(image, (width, height), interpolation=method)


def _beside(left: Image, right: Image) -> Image:
    height = max(left.shape[0], right.shape[0])
    width = left.shape[1] + right.shape[1]
    sheet = np.full((height, width, 3), PAPER, np.uint8)
    sheet[: left.shape[0], : left.shape[1]] = left
    sheet[: right.shape[0], left.shape[1] :] = right
    return sheet


def contact_sheet(
    images: Sequence[Image],
    columns: int = 4,
    cell: tuple[int, int] | None = None,
    gap: int = 4,
) -> Image:
    """Many pictures as one, row by row.

    Args:
        images: Each (H, W, 3), of any sizes.
        columns: Pictures a row.
        cell: Width and height that each picture is scaled to fit; None: those
            of the first.
        gap: Pixels between pictures.

    Returns:
        (H', W', 3).

    Raises:
        ValueError: There is no image, or no column.
    """
    if not images or columns < 1:
        raise ValueError(
            'contact_sheet: expected at least one image and one column, got '
            f'{len(images)} and {columns}'
        )
    width, height = cell or images[0].shape[1::-1]
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    sheet = np.full(
        (rows * (height + gap) - gap, columns * (width + gap) - gap, 3),
        PAPER,
        np.uint8,
    )
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        scale = min(width / image.shape[1], height / image.shape[0])
        image = _scaled(image, scale)[:height, :width]
        top = row * (height + gap) + (height - image.shape[0]) // 2
        left = column * (width + gap) + (width - image.shape[1]) // 2
        sheet[top : top + image.shape[0], left : left + image.shape[1]] = image
    return sheet
