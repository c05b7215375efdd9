"""Hands that move, meet, leave and come back; keypoints from a stand-in."""

import numpy as np
import pytest

from synhand.apis.finder import FoundHand
from synhand.apis.predictor import HandPrediction
from synhand.apis.tracking import HandTracker
from synhand.geometry.boxes import overlap

_SHAPE = np.random.default_rng(0).uniform(0, 1, (21, 2)).astype(np.float32)
_SHAPE[:2] = [[0, 0], [1, 1]]
_IMAGE = np.zeros((200, 300, 3), np.uint8)


class World:
    """Stands for the predictor and the finder: it knows where hands are."""

    def __init__(self, **hands):
        self.hands = hands  # name: (x, y, size, side)
        self.asked, self.searches = [], 0

    def predict(self, images, boxes=None, hands=None):
        if boxes is None:
            images, boxes, hands = [images], [None], [hands]
        self.asked += hands
        return [
            self._read(box, hand)
            for _, box, hand in zip(images, boxes, hands, strict=True)
        ]

    def read_likely(self, image, places):
        boxes, hands = [p.bbox for p in places], [p.hand for p in places]
        return self.predict([image] * len(places), boxes, hands)

    def _read(self, box, hand):
        whole = np.array([0, 0, 299, 199], np.float32)
        found = sorted(
            self.hands.values(), key=lambda h: -overlap(_box(h), whole)
        )
        if box is not None:
            found = [h for h in found if overlap(_box(h), box) > 0.2]
        if not found:
            return _hand(np.zeros(2), 1, 0.1, hand)
        x, y, size, side = found[0]
        return _hand(
            np.array([x, y]), size, 0.8, side if hand == 'unknown' else hand
        )

    def find(self, image):
        self.searches += 1
        return [FoundHand(_box(h), h[3], 0.9) for h in self.hands.values()]


def _box(hand):
    x, y, size, _ = hand
    return np.array([x, y, x + size, y + size], np.float32)


def _hand(corner, size, score, side):
    pixels = np.column_stack([corner + _SHAPE * size, np.full(21, score)])
    points = np.zeros((21, 3), np.float32)
    box = np.zeros(4, np.float32)
    return HandPrediction(side, box, pixels, points, None, 'assumed')


def _numbers(tracker):
    return [t.number for t in tracker.update(_IMAGE, 1 / 30)]


@pytest.fixture
def two():
    return World(a=(20, 50, 60, 'left'), b=(200, 60, 70, 'right'))


def test_two_hands_keep_their_numbers_while_they_move(two):
    tracker = HandTracker(two, two.find)
    for step in range(12):
        two.hands['a'] = (20 + 6 * step, 50, 60, 'left')
        found = tracker.update(_IMAGE, 1 / 30)
        assert [t.number for t in found] == [0, 1]
        assert [t.prediction.hand for t in found] == ['left', 'right']
    assert two.searches == 1  # then boxes come from keypoints


def test_a_lost_hand_comes_back_under_a_new_number(two):
    tracker = HandTracker(two, two.find, search_every=3)
    assert _numbers(tracker) == [0, 1]
    gone = two.hands.pop('b')
    assert _numbers(tracker) == [0]
    two.hands['b'] = gone
    seen = [_numbers(tracker) for _ in range(3)]
    assert seen[-1] == [0, 2]


def test_two_boxes_on_one_hand_become_one(two):
    tracker = HandTracker(two, two.find)
    assert _numbers(tracker) == [0, 1]
    two.hands['b'] = two.hands['a']
    tracker._tracks[1].box = tracker._tracks[0].box
    assert _numbers(tracker) == [0]


def test_without_a_finder_the_frame_is_looked_at():
    world = World(a=(20, 50, 60, 'left'))
    tracker = HandTracker(world, max_hands=4)
    assert [_numbers(tracker) for _ in range(3)] == [[0]] * 3


def test_an_empty_frame_has_no_hands():
    assert _numbers(HandTracker(World())) == []


def test_a_jump_in_size_ends_a_track(two):
    tracker = HandTracker(two, two.find, search_every=100)
    assert _numbers(tracker) == [0, 1]
    two.hands['a'] = (0, 0, 150, 'left')
    assert _numbers(tracker) == [1]


def test_the_side_is_settled_by_the_first_frames():
    world = World(a=(20, 50, 60, 'left'))
    tracker = HandTracker(world)
    for _ in range(8):
        tracker.update(_IMAGE, 1 / 30)
    assert world.asked[:3] == ['unknown'] * 3
    assert world.asked[-1] == 'left'


def test_a_side_that_is_said_is_kept(two):
    tracker = HandTracker(two, two.find, hand='right')
    found = tracker.update(_IMAGE, 1 / 30)
    assert {t.prediction.hand for t in found} == {'right'}


def test_smoothing_can_be_turned_off():
    world = World(a=(20, 50, 60, 'left'))
    raw, smooth = HandTracker(world, smooth=False), HandTracker(world)
    for step in range(4):
        world.hands['a'] = (20 + step % 2, 50, 60, 'left')
        exact = raw.update(_IMAGE, 1 / 30)[0].prediction.keypoints_2d
        soft = smooth.update(_IMAGE, 1 / 30)[0].prediction.keypoints_2d
    np.testing.assert_allclose(exact[0, 0], 21)
    assert 20.05 < soft[0, 0] < 20.95


def test_frames_without_hands_take_no_numbers():
    world = World()
    tracker = HandTracker(world)
    for _ in range(12):
        assert _numbers(tracker) == []
    world.hands['a'] = (20, 50, 60, 'left')
    seen = [_numbers(tracker) for _ in range(6)]
    assert seen[-1] == [0]
