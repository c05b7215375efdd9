"""Whole pictures: people with all their hands, labelled and checked."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from synhand.hands.anny_hand import default_hand
from synhand.synthesis import figures, scenes
from synhand.synthesis.config import SynthesisConfig
from synhand.synthesis.engine import synthesize
from synhand.synthesis.generator import Generator
from synhand.synthesis.mask_layers import BODY, LAYERS
from synhand.synthesis.renderer import Renderer, RendererError
from synhand.synthesis.statistics import measure
from synhand.synthesis.verify import verify

FRAMES = SynthesisConfig(
    seed=5, mode='frame', frame_size=(160, 120), supersample=1.0
)


@pytest.fixture(scope='module')
def rows():
    try:
        generator = Generator(FRAMES)
    except RendererError as error:
        pytest.skip(str(error))
    return [generator.row(i) for i in range(16)]


def test_pictures_have_the_asked_size_and_zero_to_four_hands(rows):
    counts = {len(row['hands']) for row in rows}
    assert counts <= {0, 1, 2, 3, 4}
    assert {1, 2} <= counts
    for row in rows:
        assert (row['width'], row['height']) == (160, 120)
        for name in ('image', 'alpha', 'mask'):
            data = np.frombuffer(row[name], np.uint8)
            shape = cv2.imdecode(data, cv2.IMREAD_UNCHANGED).shape
            assert shape[:2] == (120, 160)


def test_masks_show_the_hands_that_are_labelled(rows):
    """A hand whose keypoints are seen has pixels under its own number."""
    for row in rows:
        data = np.frombuffer(row['mask'], np.uint8)
        mask = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
        numbers = set(np.unique(mask[mask % LAYERS != BODY]) // LAYERS)
        for number, hand in enumerate(row['hands']):
            large = np.ptp(hand['keypoints_2d'], axis=0).min() > 12
            if large and (hand['occluded'] == 0).sum() > 10:
                assert number in numbers
        assert all(n < max(len(row['hands']), 1) for n in numbers)


def test_every_labelled_hand_has_a_keypoint_in_the_picture(rows):
    for row in rows:
        for hand in row['hands']:
            x, y = hand['keypoints_2d'].T
            inside = (x >= -0.5) & (x < 159.5) & (y >= -0.5) & (y < 119.5)
            assert inside.any()
            assert (hand['occluded'][~inside] == 1).all()


def test_the_hand_that_takes_most_of_the_picture_is_first(rows):
    for row in rows:
        areas = []
        for hand in row['hands']:
            x, y = hand['keypoints_2d'].T
            inside = (x >= -0.5) & (x <= 159.5) & (y >= -0.5) & (y <= 119.5)
            box = hand['bbox'][2:] - hand['bbox'][:2]
            areas.append(box.prod() * inside.mean())
        assert areas == sorted(areas, reverse=True)


def test_set_of_pictures_is_made_measured_and_verified(tmp_path):
    try:
        Renderer(8, 8)
    except RendererError as error:
        pytest.skip(str(error))
    none = replace(FRAMES, frame_hands=(1.0,), frame_size=(96, 64))
    synthesize(tmp_path, none, 3, 2, 1)
    found = verify(tmp_path, sample=2)
    assert found.lines == []
    assert (found.rows, found.bitwise) == (3, 2)
    statistics = measure(tmp_path)
    assert statistics.image_sizes == {(96, 64): 3}


def scene_samples(config, count):
    for seed in range(count):
        rng = np.random.default_rng(seed)
        yield scenes.sample_scene(rng, config, default_hand())


def test_wanted_numbers_of_hands_are_met_most_of_the_time():
    for wanted in range(5):
        shares = np.eye(5)[wanted]
        config = replace(FRAMES, frame_hands=tuple(shares))
        off = []
        for scene in scene_samples(config, 5):
            found = (
                figures._hands_in(
                    scene.figures, scene.camera, config.frame_size
                )
                if scene.figures
                else 0
            )
            off.append(abs(found - wanted))
        assert np.median(off) == 0


def test_arms_hang_together():
    """Shoulder, elbow and wrist are as far apart as the arm is long."""
    rng = np.random.default_rng(0)
    for scale in (0.6, 1.0):
        for near in (False, True):
            for _ in range(20):
                arms = figures.sample_arms(rng, scale, 224 * scale, near)
                bones = np.linalg.norm(np.diff(arms, axis=1), axis=-1)
                np.testing.assert_allclose(
                    bones, [[290 * scale, 224 * scale]] * 2
                )
                if near:
                    apart = np.linalg.norm(arms[0, 2] - arms[1, 2])
                    assert apart < 400 * scale


def test_hands_are_at_the_ends_of_arms_and_of_the_right_side():
    for scene in scene_samples(replace(FRAMES, frame_egocentric=0.0), 12):
        for hand in scene.hands:
            figure = scene.figures[hand.owner]
            shoulder, elbow, wrist = figure.to_camera(
                figure.arms[figures.SIDES.index(hand.side)]
            )
            np.testing.assert_allclose(hand.shoulder, shoulder)
            found = hand.keypoints['anatomical'][0] - hand.elbow
            cosine = found @ (wrist - elbow)
            cosine /= np.linalg.norm(found) * np.linalg.norm(wrist - elbow)
            # The labelled wrist lies a centimetre from the joint's centre.
            assert cosine > np.cos(np.radians(5))
            left = (shoulder - figure.origin) @ figure.rotation[:, 0] > 0
            assert left == (hand.side == figures.LEFT)


def test_through_a_persons_eyes_there_is_no_own_head(rows):
    config = replace(FRAMES, frame_egocentric=1.0)
    for scene in scene_samples(config, 6):
        if not scene.figures:
            continue
        eyes = scene.figures[0]
        assert eyes.egocentric
        at = -eyes.origin @ eyes.rotation / eyes.scale
        assert np.linalg.norm(at - figures.EYES_MM) < 120


def test_near_hands_touch_or_nearly_do_and_none_penetrate():
    config = replace(FRAMES, frame_hands=(0, 0, 1.0), interacting=1.0)
    gaps, touching = [], 0
    for scene in scene_samples(config, 24):
        if scenes.penetrates(scene) or len(scene.hands) != 2:
            continue
        first, second = (hand.spheres() for hand in scene.hands)
        gaps.append(-scenes.overlap(first, second))
        touching += scene.touching
    assert len(gaps) > 8
    assert min(gaps) > -scenes._SOFT_MM
    assert np.median(gaps) < 60
    assert touching > len(gaps) / 5


def test_facts_say_what_a_picture_shows(rows):
    for row in rows:
        facts = json.loads(row['scene'])
        assert facts['kind'] in ('people', 'egocentric')
        assert facts['attempts'] == 1 + sum(facts['rejected'].values()) or (
            len(facts['rejected']) > 1
        )


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('mode', 'film'),
        ('frame_size', (640, 8)),
        ('frame_hands', (0.2,) * 6),
    ],
)
def test_impossible_settings_are_named(name, value):
    with pytest.raises(ValueError, match=f'{name}: expected'):
        replace(FRAMES, **{name: value})
