"""Hands from frame to frame of a video."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from synhand.apis.finder import FoundHand
from synhand.apis.predictor import (
    MIN_SCORE,
    HandPrediction,
    HandPredictor,
)
from synhand.apis.smoothing import OneEuroFilter
from synhand.geometry.boxes import overlap, tight_box, without_overlaps

Image = npt.NDArray[np.uint8]
Finder = Callable[[Image], Sequence[FoundHand]]

HAND_SIZE_MM = 180.0
_MIN_SIDE = 8.0  # px
_DUPLICATE = 0.6  # overlap of boxes
_VOTES = 5
_PROPOSALS = 2  # places that are read for each hand that may be there
_MAX_GROWTH = 1.6  # of the box's side, a frame


@dataclass(frozen=True, eq=False)
class TrackedHand:
    """A hand in a frame.

    Attributes:
        number: The same in all frames, from 0.
        prediction: Smoothed unless the tracker was told not to.
    """

    number: int
    prediction: HandPrediction


@dataclass(eq=False)
class _Track:
    box: npt.NDArray[np.float32]
    side: str
    number: int = -1
    votes: dict[str, float] = field(default_factory=dict)
    pixels: OneEuroFilter = field(default_factory=OneEuroFilter)
    points: OneEuroFilter = field(default_factory=OneEuroFilter)
    seen: int = 0


class HandTracker:
    """Follows hands: boxes come from the keypoints of the last frame.

    New hands come from `find`, asked whenever fewer than `max_hands` are
    followed, but not more often than every `search_every` frames. Without
    it the whole frame is looked at (see `HandPredictor`), which finds one
    hand. A hand is lost where its keypoints' mean score falls below
    `MIN_SCORE`, it leaves the frame, its box in there is narrower than 8 px
    or changes by a factor of more than 1.6 from one frame to the next, or two
    boxes come to lie on one hand.
    Where the side is not said it is decided by the first frames of a hand.

    Args:
        predictor: Finds keypoints in boxes.
        find: Finds boxes.
        hand: `'left'` or `'right'` where all hands are of one side.
        max_hands: Followed at a time.
        smooth: Smooth keypoints over time.
        search_every: Frames between searches.
    """

    def __init__(
        self,
        predictor: HandPredictor,
        find: Finder | None = None,
        hand: str = 'unknown',
        max_hands: int = 2,
        smooth: bool = True,
        search_every: int = 5,
    ) -> None:
        self.predictor = predictor
        self.find = find
        self.hand = hand
        self.max_hands = max_hands if find else 1
        self.smooth = smooth
        self.search_every = search_every
        self._tracks: list[_Track] = []
        self._number = 0
        self._since_search = search_every

    def update(self, image: Image, seconds: float) -> list[TrackedHand]:
        """Hands in the next frame.

        Args:
            image: (H, W, 3) blue, green, red.
            seconds: Since the last frame.

        Returns:
            In the order in which the hands appeared.
        """
        self._since_search += 1
        found = self._follow(image)
        if (
            len(found) < self.max_hands
            and self._since_search >= self.search_every
        ):
            found += self._search(image, found)
        boxes = [track.box for track, _ in found]
        kept = without_overlaps(boxes, _DUPLICATE)[: self.max_hands]
        found = [found[number] for number in kept]
        self._tracks = [track for track, _ in found]
        return [
            TrackedHand(
                self._numbered(track), self._smoothed(track, hand, seconds)
            )
            for track, hand in found
        ]

    def _follow(self, image: Image) -> list[tuple[_Track, HandPrediction]]:
        tracks = self._tracks
        hands = self.predictor.predict(
            [image] * len(tracks),
            [track.box for track in tracks],
            [track.side for track in tracks],
        )
        return [
            (track, hand)
            for track, hand in zip(tracks, hands, strict=True)
            if _keep(track, hand, image)
        ]

    def _search(self, image: Image, known: list) -> list:
        self._since_search = 0
        if self.find is None:
            hands = [self.predictor.predict(image, hands=self.hand)[0]]
        else:
            places = [
                replace(place, hand=self._side(place))
                for place in self.find(image)
                if _is_new(place, known)
            ]
            hands = self.predictor.read_likely(
                image, places[: _PROPOSALS * self.max_hands]
            )
        started = [(_Track(hand.bbox, self.hand), hand) for hand in hands]
        return [
            (track, hand)
            for track, hand in started
            if _keep(track, hand, image)
        ]

    def _side(self, place: FoundHand) -> str:
        return place.hand if self.hand == 'unknown' else self.hand

    def _numbered(self, track: _Track) -> int:
        if track.number < 0:
            track.number, self._number = self._number, self._number + 1
        return track.number

    def _smoothed(
        self, track: _Track, hand: HandPrediction, seconds: float
    ) -> HandPrediction:
        if not self.smooth:
            return hand
        side = float((track.box[2:] - track.box[:2]).max())
        pixels = hand.keypoints_2d.copy()
        pixels[:, :2] = track.pixels(pixels[:, :2], seconds, side)
        points = track.points(hand.keypoints_3d_mm, seconds, HAND_SIZE_MM)
        return replace(hand, keypoints_2d=pixels, keypoints_3d_mm=points)


def _keep(track: _Track, hand: HandPrediction, image: Image) -> bool:
    """Whether the hand is still there; moves its box and weighs its side."""
    height, width = image.shape[:2]
    box = tight_box(hand.keypoints_2d[:, :2]).astype(np.float32)
    inside = np.clip(box, 0, [width - 1, height - 1] * 2)
    if hand.score < MIN_SCORE or (inside[2:] - inside[:2]).min() < _MIN_SIDE:
        return False
    before = (track.box[2:] - track.box[:2]).max()
    after = (inside[2:] - inside[:2]).max()
    if track.seen and not before / _MAX_GROWTH < after < before * _MAX_GROWTH:
        return False
    track.box, track.seen = inside, track.seen + 1
    track.votes[hand.hand] = track.votes.get(hand.hand, 0) + hand.score
    if track.side == 'unknown' and track.seen >= _VOTES:
        track.side = max(track.votes, key=track.votes.get)
    return True


def _is_new(place: FoundHand, known: list) -> bool:
    return all(
        overlap(place.bbox, track.box) < _DUPLICATE for track, _ in known
    )
