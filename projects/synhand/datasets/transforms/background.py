"""Other backgrounds behind a rendered hand."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

from synhand.photos import background_photos, read_small

Image = npt.NDArray[np.uint8]


class BackgroundSource:
    """Random backgrounds: parts of photos, or procedural ones.

    Photos are decoded when first drawn, shrunk, and kept up to a number;
    when that is reached, a kept photo is now and then exchanged, so that a
    folder of any size is used at bounded memory (at most
    `cache * longest_side**2 * 3` bytes a process).

    Args:
        folder: Folder of photos, searched with its subfolders; None for
            procedural backgrounds only.
        procedural: Share of procedural backgrounds beside photos.
        cache: Photos kept in memory.
        longest_side: Pixels to which photos are shrunk.
        exchange: Probability that a draw exchanges a kept photo.

    Raises:
        FileNotFoundError: The folder is missing or holds no photo.
    """

    def __init__(
        self,
        folder: str | None = None,
        procedural: float = 0.15,
        cache: int = 128,
        longest_side: int = 384,
        exchange: float = 0.005,
    ) -> None:
        self.procedural = procedural
        self.cache = cache
        self.longest_side = longest_side
        self.exchange = exchange
        self._paths = background_photos(folder) if folder else []
        self._kept: list[Image] = []

    def __getstate__(self) -> dict:
        return {**self.__dict__, '_kept': []}

    def draw(self, width: int, height: int) -> Image:
        """A random background.

        Args:
            width: Pixels.
            height: Pixels.

        Returns:
            (height, width, 3) uint8, blue, green, red.
        """
        if not self._paths or np.random.rand() < self.procedural:
            return procedural_background(width, height)
        return _random_part(self._photo(), width, height)

    def _photo(self) -> Image:
        full = len(self._kept) >= min(self.cache, len(self._paths))
        if full and (
            len(self._paths) <= self.cache or np.random.rand() > self.exchange
        ):
            return self._kept[np.random.randint(len(self._kept))]
        if full:
            self._kept.pop(np.random.randint(len(self._kept)))
        if len(self._paths) <= self.cache:
            path = self._paths[len(self._kept)]
        else:
            path = self._paths[np.random.randint(len(self._paths))]
        self._kept.append(read_small(path, self.longest_side))
        return self._kept[-1]


def _random_part(photo: Image, width: int, height: int) -> Image:
    """A part of random size and place, mirrored half of the time."""
    rows, columns = photo.shape[:2]
    fit = min(rows / height, columns / width)
    size = fit * np.random.uniform(0.4, 1.0)
    h, w = max(1, int(size * height)), max(1, int(size * width))
    top = np.random.randint(rows - h + 1)
    left = np.random.randint(columns - w + 1)
    part = photo[top : top + h, left : left + w]
    part = cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR)
    return cv2.flip(part, 1) if np.random.rand() < 0.5 else part


def procedural_background(width: int, height: int) -> Image:
    """Coloured noise of a random coarseness over a random gradient.

    Args:
        width: Pixels.
        height: Pixels.

    Returns:
        (height, width, 3) uint8.
    """
    corners = np.random.randint(0, 256, (2, 2, 3)).astype(np.uint8)
    gradient = cv2.resize(
        corners, (width, height), interpolation=cv2.INTER_LINEAR
    )
    cells = int(2 ** np.random.uniform(2, 6))
    noise = np.random.randint(0, 256, (cells, cells, 3)).astype(np.uint8)
    noise = cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR)
    share = np.random.rand()
    return cv2.addWeighted(gradient, 1 - share, noise, share, 0)


@TRANSFORMS.register_module()
class ReplaceBackground(BaseTransform):
    """Puts another background behind the hand, through its coverage.

    To be used on the crop: there are fewer pixels, and the new background
    also fills what lies outside the rendered image. Which samples get a new
    background is up to `LoadShardImage(coverage=...)`: those that carry
    their coverage.

    Required and Modified Key: `img`, (H, W, 4) uint8 blue, green, red and
    coverage (255 = hand) before, (H, W, 3) after; one of three channels
    stays as it is.

    Args:
        folder: Folder of photos; None for procedural backgrounds only.
        procedural: Share of procedural backgrounds beside photos.
        cache: Photos kept in the memory of each loader process.

    Raises:
        FileNotFoundError: The folder is missing or holds no photo.
    """

    def __init__(
        self,
        folder: str | None = None,
        procedural: float = 0.15,
        cache: int = 128,
    ) -> None:
        self.source = BackgroundSource(folder, procedural, cache)

    def transform(self, results: dict) -> dict:
        image = results['img']
        if image.shape[2] == 4:
            height, width = image.shape[:2]
            results['img'] = composite(
                cv2.cvtColor(image, cv2.COLOR_BGRA2BGR),
                self.source.draw(width, height),
                image[..., 3],
            )
        return results


def composite(front: Image, back: Image, alpha: Image) -> Image:
    """`front` over `back`.

    Args:
        front: (H, W, 3).
        back: (H, W, 3).
        alpha: (H, W), 255 = front, 0 = back.

    Returns:
        (H, W, 3), rounded to the nearest level.
    """
    weight = alpha.astype(np.float32)
    weight *= 1 / 255
    # blendLinear divides by w1 + w2 + 1e-5 and rounds
    return cv2.blendLinear(front, back, weight, 1 - weight)
