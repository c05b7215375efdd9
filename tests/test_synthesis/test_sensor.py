"""What a camera does to a picture."""

import cv2
import numpy as np
import pytest

from synhand.synthesis import sensor


@pytest.fixture
def picture():
    """A bright square on a dark ground, with colour."""
    image = np.full((96, 128, 3), 40, np.uint8)
    image[30:70, 40:90] = (220, 150, 120)
    return image


def test_photos_are_a_function_of_the_generator(picture):
    first, again = (
        sensor.expose(np.random.default_rng(5), picture) for _ in range(2)
    )
    np.testing.assert_array_equal(first, again)
    assert first.shape == picture.shape
    assert first.dtype == np.uint8
    assert (sensor.expose(np.random.default_rng(6), picture) != first).any()


def test_a_few_photos_are_grey(picture):
    photos = [
        sensor.expose(np.random.default_rng(i), picture) for i in range(300)
    ]
    spread = [np.ptp(p.mean((0, 1))) for p in photos]
    assert 0 < np.mean(np.array(spread) < 1) < 0.05


def test_highlights_are_bent_not_cut(monkeypatch):
    monkeypatch.setattr(sensor, '_add_noise', lambda rng, image: image)
    ramp = np.tile(np.arange(256, dtype=np.uint8), (16, 1))
    ramp = cv2.merge([ramp] * 3)
    levels = []
    for seed in range(40):
        out = sensor.expose(np.random.default_rng(seed), ramp)
        levels.append((out[8, 150:].max(1) >= 254).mean())
    assert np.mean(np.array(levels) > 0.35) < 0.1


def test_fringe_moves_red_and_blue_at_the_border_only(picture):
    stripes = np.zeros((129, 129, 3), np.uint8)
    stripes[:, ::8] = 255
    out = sensor._fringe(np.random.default_rng(1), stripes)
    np.testing.assert_array_equal(out[..., 1], stripes[..., 1])
    apart = cv2.absdiff(out[..., 0], out[..., 1]).mean(0)
    assert apart[60:69].mean() < 0.3 * apart[:12].mean()


def test_sharpening_leaves_halos_and_even_areas(picture):
    out = sensor._sharpen(np.random.default_rng(0), picture)
    assert out[50, 41, 0] > 221
    assert out[50, 38, 0] < 39
    np.testing.assert_array_equal(out[10, 10], picture[10, 10])


def test_masks_come_back_as_they_were():
    mask = np.zeros((60, 80), np.uint8)
    mask[10:40, 20:60] = 3
    mask[20:30, 30:90] = 17
    data = sensor.encode_png(mask)
    back = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(back, mask)
    assert len(data) < 400
