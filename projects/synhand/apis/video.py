"""Frames of videos and cameras, and the videos that are written."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from synhand.apis.tracking import HandTracker, TrackedHand
from synhand.visualization import draw_hand

Image = npt.NDArray[np.uint8]

SUFFIXES = ('.mp4', '.mov', '.avi', '.mkv', '.webm', '.m4v', '.mpg', '.mpeg')
"""What a video file's name ends in."""

DEFAULT_FPS = 30.0


@dataclass(frozen=True)
class FrameSource:
    """An opened video or camera.

    Attributes:
        name: The file's name, or `webcam N`.
        fps: Frames a second as the source says, else `DEFAULT_FPS`.
        count: Frames, 0 where unknown.
        live: Frames pass whether they are read or not.
        capture: OpenCV's handle.
    """

    name: str
    fps: float
    count: int
    live: bool
    capture: cv2.VideoCapture

    def frames(self) -> Iterator[tuple[Image, float]]:
        """(H, W, 3) blue, green, red, and seconds since the one before.

        Raises:
            ValueError: No frame can be read.
        """
        number, before = 0, time.monotonic()
        while True:
            read, image = self.capture.read()
            if not read:
                break
            now = time.monotonic()
            passed = now - before if self.live else 1 / self.fps
            before = now
            yield image, max(passed, 1e-3)
            number += 1
        if number == 0:
            raise ValueError(
                f'{self.name}: expected a video, no frame can be read'
            )


@contextmanager
def open_frames(source: Path | int) -> Iterator[FrameSource]:
    """Open a video file or the camera of a number.

    Raises:
        FileNotFoundError: No such file.
        ValueError: It cannot be opened.
    """
    live = isinstance(source, int)
    name = f'webcam {source}' if live else str(source)
    if not live and not source.is_file():
        raise FileNotFoundError(f'{name}: no such video')
    capture = cv2.VideoCapture(source if live else str(source))
    try:
        if not capture.isOpened():
            expected = 'a camera of this number' if live else 'a video file'
            raise ValueError(f'{name}: expected {expected}, cannot be opened')
        fps = capture.get(cv2.CAP_PROP_FPS)
        count = 0 if live else int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        sane = np.isfinite(fps) and 1 <= fps <= 1000
        yield FrameSource(
            name, fps if sane else DEFAULT_FPS, max(count, 0), live, capture
        )
    finally:
        capture.release()


class VideoFile:
    """An MP4 file that has its name once it is complete.

    Args:
        path: Ends in `.mp4`; its folder exists.
        fps: Frames a second.

    Raises:
        OSError: It cannot be written.
    """

    def __init__(self, path: Path, fps: float) -> None:
        self.path, self.fps = path, fps
        # OpenCV tells the format from the end of the name.
        self._part = path.with_name(f'.{path.stem}.part{path.suffix}')
        self._writer: cv2.VideoWriter | None = None

    def __enter__(self) -> VideoFile:
        return self

    def write(self, image: Image) -> None:
        """Append (H, W, 3), of the same size as the first."""
        if self._writer is None:
            size = image.shape[1::-1]
            code = cv2.VideoWriter_fourcc(*'mp4v')
            self._writer = cv2.VideoWriter(
                str(self._part), code, self.fps, size
            )
            if not self._writer.isOpened():
                raise OSError(f'{self.path}: the video cannot be written')
        self._writer.write(image)

    def __exit__(self, kind: object, *_: object) -> None:
        if self._writer is not None:
            self._writer.release()
        # Ctrl-C ends a recording; what was recorded stays.
        if self._writer is not None and kind in (None, KeyboardInterrupt):
            os.replace(self._part, self.path)
        with suppress(OSError):
            self._part.unlink()


def draw_tracked(
    image: Image, hands: list[TrackedHand], fps: float | None = None
) -> Image:
    """A frame with skeletons, their numbers and sides, and the speed."""
    picture = image.copy()
    height = image.shape[0]
    for tracked in hands:
        hand = tracked.prediction
        picture = draw_hand(picture, hand.keypoints_2d[:, :2])
        corner = hand.keypoints_2d[:, :2].min(0)
        _write(picture, f'{tracked.number} {hand.hand}', corner, height)
    if fps is not None:
        place = (height / 60, height / 22)
        _write(picture, f'{fps:.1f} frames/s', place, height)
    return picture


def _write(image: Image, text: str, place: object, height: int) -> None:
    size = height / 700
    x, y = np.rint(place).astype(int)
    for colour, width in ((0, 4), (255, 1)):
        cv2.putText(
            image,
            text,
            (int(max(x, 0)), int(max(y, 24 * size))),
            cv2.FONT_HERSHEY_SIMPLEX,
            size,
            (colour,) * 3,
            max(1, round(width * size)),
            cv2.LINE_AA,
        )


def follow(
    tracker: HandTracker, source: FrameSource
) -> Iterator[tuple[int, Image, list[TrackedHand], float]]:
    """Number, picture, hands and frames a second so far, frame by frame."""
    start = time.monotonic()
    for number, (image, passed) in enumerate(source.frames()):
        hands = tracker.update(image, passed)
        yield number, image, hands, (number + 1) / (time.monotonic() - start)
