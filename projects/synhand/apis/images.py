"""Photos from files: which there are, and their pixels."""

from __future__ import annotations

import glob
import io
import os
import warnings
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

SUFFIXES = (
    *('.jpg', '.jpeg', '.jpe', '.png', '.webp', '.bmp'),
    *('.tif', '.tiff', '.ppm', '.pgm'),
)
"""What an image file's name ends in, where a folder is searched."""

# Pillow refuses images of more.
_MOST_PIXELS = 2 * (Image.MAX_IMAGE_PIXELS or 0)


def read_image(path: str | Path) -> npt.NDArray[np.uint8]:
    """Read a photo, turned as its EXIF orientation says.

    Args:
        path: An image file.

    Returns:
        (H, W, 3) blue, green, red.

    Raises:
        FileNotFoundError: No such file.
        OSError: It cannot be read.
        ValueError: It is empty, truncated or not an image.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such image file')
    try:
        data = path.read_bytes()
    except OSError as error:
        raise OSError(f'{path}: cannot be read ({error.strerror})') from error
    if not data:
        raise ValueError(f'{path}: expected an image, the file is empty')
    _check_whole(data, path)
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f'{path}: expected an image, it cannot be decoded')
    if min(image.shape[:2]) < 2:
        raise ValueError(f'{path}: expected an image of 2 x 2 px or more')
    return image


def _check_whole(data: bytes, path: Path) -> None:
    """Pillow says when a file ends early; OpenCV may fill in gray."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            with Image.open(io.BytesIO(data)) as image:
                image.draft('L', (1, 1))  # a JPEG at 1/8 of its size: fast
                image.load()
    except Image.DecompressionBombError:
        raise ValueError(
            f'{path}: expected an image of at most {_MOST_PIXELS:,} pixels'
        ) from None
    except Exception as error:  # a damaged file may break the reader anyhow
        reason = (
            'truncated or damaged'
            if not isinstance(error, Image.UnidentifiedImageError)
            else 'not an image, or its start is damaged'
        )
        raise ValueError(
            f'{path}: expected a whole image, the file is {reason}'
        ) from None


def find_images(
    pattern: str | Path, leave_out: Path | None = None
) -> tuple[Path, list[Path], list[Path]]:
    """Image files that an argument of a command line means.

    Args:
        pattern: A file, a folder (searched with all folders in it for names
            that end as `SUFFIXES` do) or a glob (`**` for any folders).
        leave_out: A folder whose files are not meant, unless it is the
            searched one.

    Returns:
        The folder that names are relative to; the files in order; and other
        files of a folder, which are no images by their names.

    Raises:
        FileNotFoundError: Nothing is there.
    """
    path = Path(pattern)
    if path.is_file():
        return path.parent, [path], []
    if path.is_dir():
        files = sorted(_files_below(path, leave_out))
        images = [f for f in files if f.suffix.lower() in SUFFIXES]
        others = [f for f in files if f.suffix.lower() not in SUFFIXES]
        base = path
    else:
        found = sorted(glob.glob(str(pattern), recursive=True))
        images = [Path(name) for name in found if Path(name).is_file()]
        base, others = _fixed_part(path), []
    if not images:
        raise FileNotFoundError(
            f'{pattern}: expected an image, a folder of images or a glob that '
            'matches some, found none'
        )
    return base, images, others


def _files_below(folder: Path, leave_out: Path | None) -> list[Path]:
    skip = leave_out.resolve() if leave_out else None
    found = []
    for name, folders, files in os.walk(folder):
        here = Path(name)
        if skip is not None and here != folder and here.resolve() == skip:
            folders.clear()
            continue
        folders[:] = [f for f in folders if not f.startswith('.')]
        found += [here / f for f in files if not f.startswith('.')]
    return found


def _fixed_part(pattern: Path) -> Path:
    """The folders of a glob before the first with a wildcard."""
    fixed = []
    for part in pattern.parts[:-1]:
        if glob.has_magic(part):
            break
        fixed.append(part)
    return Path(*fixed)
