"""Pictures: the right colours at the right places."""

import numpy as np
import pytest

from shard_factory import skeleton_mm
from synhand.skeleton import BONES, FINGERS
from synhand.visualization import (
    FINGER_COLOURS,
    contact_sheet,
    draw_hand,
    draw_hand_3d,
    prediction_figure,
)
from synhand.visualization.drawing import VIEWS


@pytest.fixture
def hand_mm():
    return skeleton_mm(np.random.default_rng(0))


@pytest.fixture
def hand_2d(hand_mm):
    return hand_mm[:, :2] * 0.8 + [110, 190]


def _near(image, point, colour, radius=2):
    """Whether the colour is found around a point."""
    x, y = np.rint(point).astype(int)
    patch = image[y - radius : y + radius + 1, x - radius : x + radius + 1]
    return (np.abs(patch.astype(int) - colour).sum(-1) < 12).any()


def test_bones_have_the_colour_of_their_finger(hand_2d):
    image = np.full((240, 240, 3), 255, np.uint8)
    drawn = draw_hand(image, hand_2d)
    assert (image == 255).all()
    for finger, chain in FINGERS.items():
        for child in chain:
            assert _near(drawn, hand_2d[child], FINGER_COLOURS[finger])
        for parent, child in BONES:
            if child in chain[1:]:
                middle = hand_2d[[parent, child]].mean(0)
                assert _near(drawn, middle, FINGER_COLOURS[finger])


def test_drawing_stays_near_the_hand(hand_2d):
    drawn = draw_hand(np.zeros((240, 400, 3), np.uint8), hand_2d, width=2)
    rows, columns = drawn.any(-1).nonzero()
    low, high = hand_2d.min(0), hand_2d.max(0)
    assert columns.min() >= low[0] - 5 and columns.max() <= high[0] + 5
    assert rows.min() >= low[1] - 5 and rows.max() <= high[1] + 5


def test_unknown_and_far_keypoints_are_left_out(hand_2d):
    image = np.zeros((240, 240, 3), np.uint8)
    assert not draw_hand(image, np.full((21, 2), np.nan)).any()
    hand_2d[8] = np.nan
    hand_2d[12] = [1e9, -1e9]
    assert draw_hand(image, hand_2d).any()


def test_lines_grow_with_hand_and_picture(hand_2d):
    small = draw_hand(np.zeros((240, 240, 3), np.uint8), hand_2d)
    large = draw_hand(np.zeros((960, 960, 3), np.uint8), 4 * hand_2d)
    # Lines of one width would cover four times as many pixels.
    assert large.any(-1).sum() > 6 * small.any(-1).sum()


@pytest.mark.parametrize('view', VIEWS)
def test_views_are_rotations_that_keep_down(view):
    turn = VIEWS[view]
    np.testing.assert_allclose(turn @ turn.T, np.eye(3))
    assert np.linalg.det(turn) == pytest.approx(1)
    np.testing.assert_array_equal(turn[1], [0, 1, 0])


def test_views_show_depth_from_the_side():
    """A fingertip between wrist and camera: apart in the side view."""
    points = np.zeros((21, 3))
    points[4] = [0, 0, -100]
    panel = draw_hand_3d(points, size=200)
    assert panel.shape == (200, 400, 3)
    coloured = np.ptp(panel.astype(int), axis=-1) > 20
    front, side = coloured[:, :200], coloured[:, 200:]
    assert np.ptp(front.nonzero()[1]) < 20
    assert np.ptp(side.nonzero()[1]) > 80
    assert side.nonzero()[1].min() < 40  # what is near is on the left


def test_one_scale_for_all_hands_and_views(hand_mm):
    whole = draw_hand_3d(hand_mm, size=128)
    np.testing.assert_array_equal(
        whole, draw_hand_3d(hand_mm + [30, -10, 500], size=128)
    )
    turned = hand_mm @ VIEWS['side'].T
    assert np.abs(
        whole[20:100, 128:].astype(int)
        - draw_hand_3d(turned, 128, ['front'])[20:100].astype(int)
    ).mean() == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize('side', [64, 256, 4000])
def test_figures_have_a_useful_size(side, hand_2d, hand_mm):
    image = np.zeros((side // 2, side, 3), np.uint8)
    hands = [(hand_2d * side / 240, hand_mm, 'left 0.9')]
    figure = prediction_figure(image, hands)
    photo = min(max(side, 384), 1280)
    assert photo < figure.shape[1] < 3 * photo
    assert figure.shape[0] >= photo // 2
    assert prediction_figure(image, []).shape[1] == photo


def test_figures_scale_keypoints_with_the_photo(hand_2d, hand_mm):
    image = np.zeros((240, 240, 3), np.uint8)
    hands = [(hand_2d, hand_mm, '')] * 3
    figure = prediction_figure(image, hands, smallest=480)
    assert figure.shape[0] >= 3 * 160
    tip = (hand_2d[20] + 0.5) * 2 - 0.5
    assert _near(figure, tip, FINGER_COLOURS['little'])


def test_contact_sheet_is_a_grid():
    images = [np.full((20, 30, 3), 10 * n, np.uint8) for n in range(5)]
    images[3] = np.full((60, 60, 3), 30, np.uint8)
    sheet = contact_sheet(images, columns=2, gap=4)
    assert sheet.shape == (3 * 24 - 4, 2 * 34 - 4, 3)
    for number in (0, 1, 2, 4):
        row, column = divmod(number, 2)
        cell = sheet[24 * row :, 34 * column :][:20, :30]
        assert (cell == 10 * number).all()
    square = sheet[24:44, 34:64]
    assert (square[:, 5:25] == 30).all() and (square[:, :4] == 250).all()
    assert contact_sheet(images[:1], columns=4).shape == (20, 30, 3)
    assert contact_sheet(images[:1], cell=(15, 15)).shape == (15, 15, 3)


@pytest.mark.parametrize(('count', 'columns'), [(0, 4), (1, 0)])
def test_empty_contact_sheets_are_refused(count, columns):
    with pytest.raises(ValueError, match='at least one image'):
        contact_sheet([np.zeros((4, 4, 3), np.uint8)] * count, columns)
