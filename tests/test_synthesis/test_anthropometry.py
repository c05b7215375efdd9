"""Sampled hands beside published lengths of people's hands."""

from dataclasses import replace

import numpy as np
import pytest

from synhand.hands.anny_hand import default_hand
from synhand.skeleton import BONES
from synhand.synthesis.anthropometry import (
    HAND_LENGTHS_MM,
    PUBLISHED_BONES_MM,
)
from synhand.synthesis.config import SynthesisConfig
from synhand.synthesis.scene_hands import sample_person

# The model's thumb has a short metacarpal and its fingers have long tips.
KNOWN = {(1, 2), (7, 8), (11, 12), (15, 16)}


@pytest.fixture(scope='module')
def lengths():
    """(200, 20) mm of adults' bones."""
    config = replace(SynthesisConfig(), child_share=0.0)
    rng, hand = np.random.default_rng(0), default_hand()
    found = []
    for _ in range(200):
        person = sample_person(rng, config, hand)
        points = person.rest.keypoints['anatomical']
        found.append([np.linalg.norm(points[c] - points[p]) for p, c in BONES])
    return np.array(found)


def test_adults_bones_are_those_of_people(lengths):
    """Means within two published deviations, the known ones within three."""
    for bone, (mean, deviation) in PUBLISHED_BONES_MM.items():
        found = lengths[:, BONES.index(bone)]
        limit = 3 if bone in KNOWN else 2
        assert abs(found.mean() - mean) < limit * deviation, bone
        assert 0.3 * deviation < found.std() < 2 * deviation, bone


def test_adults_hands_are_as_long_as_peoples(lengths):
    along = lengths[:, 8:12].sum(1)
    men, women = HAND_LENGTHS_MM['men'], HAND_LENGTHS_MM['women']
    assert women[0] < along.mean() < men[0]
    assert 0.7 * men[1] < along.std() < 1.7 * men[1]
