"""Folders of photos, to put behind hands or to light them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

PHOTO_SUFFIXES = ('.jpg', '.jpeg', '.png', '.webp')


def find_files(
    folder: str | Path, suffixes: Collection[str], what: str
) -> list[Path]:
    """The files of a folder and those below it, in a fixed order.

    Args:
        folder: Where to look.
        suffixes: What their names end in, in small letters.
        what: They are to be, for the error.

    Raises:
        FileNotFoundError: The folder is missing or holds none.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(
            f'{folder}: no such folder; expected one of {what}'
        )
    files = sorted(
        path for path in folder.rglob('*') if path.suffix.lower() in suffixes
    )
    if not files:
        raise FileNotFoundError(
            f'{folder}: no {what} in it; expected files ending in '
            f'{", ".join(suffixes)}'
        )
    return files


def background_photos(folder: str | Path) -> list[Path]:
    """The photos of a folder and those below it, in a fixed order.

    Raises:
        FileNotFoundError: The folder is missing or holds no photo.
    """
    return find_files(folder, PHOTO_SUFFIXES, 'photos to put behind hands')


def read_small(path: Path, longest_side: int) -> npt.NDArray[np.uint8]:
    """A photo, shrunk where its longer side has more pixels than that.

    Returns:
        (H, W, 3) blue, green, red.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no image.
    """
    data = np.frombuffer(path.read_bytes(), np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if image is None:
        raise ValueError(f'{path}: not a readable image; expected a photo')
    scale = longest_side / max(image.shape[:2])
    if scale < 1:
        area = cv2.INTER_AREA
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=area)
    return image
