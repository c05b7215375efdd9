"""Colour, blur, noise and occlusion on a crop: uint8, in OpenCV."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

from synhand.datasets.transforms.background import BackgroundSource

Image = npt.NDArray[np.uint8]
_LEVELS = np.linspace(0, 1, 256, dtype=np.float32)[:, None]
_GRAY = np.array([0.114, 0.587, 0.299], np.float32)  # of blue, green, red
_NOISE_LEVELS = 16
_NOISE_SIZE = 1 << 19


def _symmetric(amount: float, size: int | None = None) -> npt.NDArray:
    return np.random.uniform(-amount, amount, size)


@TRANSFORMS.register_module()
class PhotometricJitter(BaseTransform):
    """Tone, colour, blur, noise and JPEG of a crop, each at random.

    Required and Modified Key: `img` (H, W, 3) uint8, blue, green, red.

    Args:
        tone: Probability of brightness, contrast, gamma and channel gains.
        brightness: Largest shift, of the whole range.
        contrast: Largest relative change of contrast.
        gamma: Largest change of log2(gamma).
        gain: Largest relative change of a colour channel.
        colour: Probability of a change of saturation and hue.
        saturation: Largest relative change.
        colourless: Probability, of those, that no colour is left.
        hue: Largest rotation about the gray axis, in degrees.
        blur: Probability of blur, half Gaussian and half along a line.
        blur_sigma: Largest sigma in pixels; lines are four times as long.
        noise: Probability of noise.
        noise_sigma: Largest sigma in levels of 255.
        jpeg: Probability of JPEG compression.
        jpeg_quality: Lowest and highest quality.
    """

    def __init__(
        self,
        tone: float = 0.8,
        brightness: float = 0.2,
        contrast: float = 0.35,
        gamma: float = 0.6,
        gain: float = 0.15,
        colour: float = 0.5,
        saturation: float = 0.5,
        colourless: float = 0.0,
        hue: float = 12.0,
        blur: float = 0.25,
        blur_sigma: float = 1.2,
        noise: float = 0.35,
        noise_sigma: float = 12.0,
        jpeg: float = 0.15,
        jpeg_quality: tuple[int, int] = (25, 85),
    ) -> None:
        self.tone, self.brightness, self.contrast = tone, brightness, contrast
        self.gamma, self.gain = gamma, gain
        self.colour, self.saturation, self.hue = colour, saturation, hue
        self.colourless = colourless
        self.blur, self.blur_sigma = blur, blur_sigma
        self.noise, self.noise_sigma = noise, noise_sigma
        self.jpeg, self.jpeg_quality = jpeg, jpeg_quality
        self._noise: list[npt.NDArray[np.int8]] = []

    def __getstate__(self) -> dict:
        return {**self.__dict__, '_noise': []}

    def transform(self, results: dict) -> dict:
        image = results['img']
        chances = np.random.rand(5)
        if chances[0] < self.blur:
            image = self._blur(image)
        if chances[1] < self.colour:
            image = cv2.transform(image, self._colour_matrix())
        if chances[2] < self.tone:
            image = cv2.LUT(image, self._tone_table())
        if chances[3] < self.noise:
            image = self._add_noise(image)
        if chances[4] < self.jpeg:
            image = self._compress(image)
        results['img'] = image
        return results

    def _tone_table(self) -> Image:
        """(1, 256, 3) levels after gamma, contrast, brightness, gains."""
        levels = _LEVELS ** (2.0 ** _symmetric(self.gamma))
        levels = (levels - 0.5) * (1 + _symmetric(self.contrast)) + 0.5
        levels = levels + _symmetric(self.brightness)
        levels = levels * (255 * (1 + _symmetric(self.gain, 3)))
        return np.clip(levels, 0, 255).astype(np.uint8)[None]

    def _colour_matrix(self) -> npt.NDArray[np.float32]:
        """(3, 3): rotation about gray, then saturation about luminance."""
        angle = np.radians(_symmetric(self.hue))
        third, root = (1 - np.cos(angle)) / 3, np.sin(angle) / np.sqrt(3)
        rotation = np.full((3, 3), third) + np.eye(3) * np.cos(angle)
        rotation += root * np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])
        share = 1 + _symmetric(self.saturation)
        if np.random.rand() < self.colourless:
            share = 0.0
        saturation = np.eye(3) * share + (1 - share) * _GRAY[None]
        return (saturation @ rotation).astype(np.float32)

    def _blur(self, image: Image) -> Image:
        sigma = np.random.uniform(0.3, self.blur_sigma)
        if np.random.rand() < 0.5:
            size = 2 * int(np.ceil(2 * sigma)) + 1
            return cv2.GaussianBlur(image, (size, size), sigma)
        return cv2.filter2D(image, -1, line_kernel(4 * sigma))

    def _add_noise(self, image: Image) -> Image:
        if not self._noise:
            unit = np.random.standard_normal(_NOISE_SIZE)
            self._noise = [
                np.rint(np.clip(unit * sigma, -127, 127)).astype(np.int8)
                for sigma in self.noise_sigma
                * np.arange(1, _NOISE_LEVELS + 1)
                / _NOISE_LEVELS
            ]
        bank = self._noise[np.random.randint(_NOISE_LEVELS)]
        if image.size > bank.size:
            bank = np.resize(bank, image.size)
        start = np.random.randint(bank.size - image.size + 1)
        noise = bank[start : start + image.size].reshape(image.shape)
        return cv2.add(image, noise, dtype=cv2.CV_8U)

    def _compress(self, image: Image) -> Image:
        low, high = self.jpeg_quality
        quality = int(np.random.randint(low, high + 1))
        _, data = cv2.imencode(
            '.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, quality]
        )
        return cv2.imdecode(data, cv2.IMREAD_COLOR)


def line_kernel(length: float) -> npt.NDArray[np.float32]:
    """Blur along a line of random direction.

    Args:
        length: Pixels.

    Returns:
        (S, S), sums to 1.
    """
    half = max(1, int(np.ceil(length / 2)))
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    angle = np.random.uniform(0, np.pi)
    step = length / 2 * np.array([np.cos(angle), np.sin(angle)])
    start, end = np.rint(half - step), np.rint(half + step)
    cv2.line(kernel, start.astype(int).tolist(), end.astype(int).tolist(), 1)
    return kernel / kernel.sum()


@TRANSFORMS.register_module()
class SpectrumJitter(BaseTransform):
    """Changes the amplitude of a crop's spatial frequencies, band by band.

    Rendered images differ from photos in their amplitude spectra, and vary
    less in them. The bands are those of a pyramid of Gaussian blurs, an
    octave each, which costs a tenth of a Fourier transform.

    Required and Modified Key: `img` (H, W, 3) uint8.

    Args:
        prob: Probability of a change.
        amount: Standard deviation of the logarithm of a band's gain.
        bands: Octaves, from the finest; what is coarser stays.
    """

    def __init__(
        self, prob: float = 0.3, amount: float = 0.35, bands: int = 3
    ) -> None:
        self.prob, self.amount, self.bands = prob, amount, bands

    def transform(self, results: dict) -> dict:
        if np.random.rand() < self.prob:
            gains = np.exp(self.amount * np.random.standard_normal(self.bands))
            results['img'] = scale_bands(results['img'], gains)
        return results


def scale_bands(image: Image, gains: npt.NDArray) -> Image:
    """An image whose octaves of spatial frequency are scaled.

    Args:
        image: (H, W, 3).
        gains: Factor of each octave, from the finest.

    Returns:
        (H, W, 3), clipped to 0..255.
    """
    finer = image.astype(np.float32)
    out = np.zeros_like(finer)
    for octave, gain in enumerate(gains):
        coarser = cv2.GaussianBlur(finer, (0, 0), 0.8 * 2**octave)
        out += np.float32(gain) * (finer - coarser)
        finer = coarser
    return np.clip(out + finer + 0.5, 0, 255).astype(np.uint8)


@TRANSFORMS.register_module()
class RandomOcclusion(BaseTransform):
    """Covers part of a crop with a patch: an ellipse or a turned box.

    Labels stay: a covered keypoint is still to be found.

    Required and Modified Key: `img` (H, W, 3) uint8.

    Args:
        prob: Probability of a patch.
        size: Smallest and largest side, of the crop's width.
        folder: Photos to fill patches with, beside colours and noise.
        cache: Photos kept in the memory of each loader process.

    Raises:
        FileNotFoundError: The folder is missing or holds no photo.
    """

    def __init__(
        self,
        prob: float = 0.3,
        size: tuple[float, float] = (0.08, 0.35),
        folder: str | None = None,
        cache: int = 32,
    ) -> None:
        self.prob = prob
        self.size = size
        self.source = BackgroundSource(folder, 0.5, cache)

    def transform(self, results: dict) -> dict:
        if np.random.rand() >= self.prob:
            return results
        image = results['img'].copy()
        height, width = image.shape[:2]
        low, high = self.size
        sides = np.random.uniform(low, high, 2) * width
        centre = np.random.uniform(0.1, 0.9, 2) * (width, height)
        box = (centre.tolist(), sides.tolist(), np.random.uniform(0, 180))
        if np.random.rand() < 0.5:
            mask = _patch_mask(box, height, width)
            cv2.copyTo(self.source.draw(width, height), mask, image)
        else:
            colour = np.random.randint(0, 256, 3).tolist()
            _draw_patch(image, box, colour)
        results['img'] = image
        return results


def _patch_mask(box: tuple, height: int, width: int) -> Image:
    mask = np.zeros((height, width), np.uint8)
    _draw_patch(mask, box, 255)
    return mask


def _draw_patch(image: Image, box: tuple, colour: list | int) -> None:
    if np.random.rand() < 0.5:
        cv2.ellipse(image, box, colour, -1, cv2.LINE_AA)
    else:
        corners = np.rint(cv2.boxPoints(box)).astype(np.int32)
        cv2.fillConvexPoly(image, corners, colour, cv2.LINE_AA)
