"""Sampled hands beside published lengths of people's hands."""

from dataclasses import replace

import numpy as np
import pytest

from synhand.geometry.pose25d import bone_lengths
from synhand.hands.anny_hand import default_hand
from synhand.skeleton import BONES, FINGERS
from synhand.synthesis.anthropometry import (
    HAND_LENGTHS_MM,
    PUBLISHED_BONES_MM,
)
from synhand.synthesis.config import SynthesisConfig
from synhand.synthesis.scene_hands import sample_person

# The thumb's base lies where real sets label it, not at the metacarpal's end.
KNOWN = {(1, 2): 4}


@pytest.fixture(scope='module')
def hands():
    """(200, 21, 3) mm of adults at rest; the wrist joint is the origin."""
    config = replace(SynthesisConfig(), child_share=0.0)
    rng, hand = np.random.default_rng(0), default_hand()
    found = []
    for _ in range(200):
        person = sample_person(rng, config, hand)
        found.append(person.rest.keypoints['anatomical'])
    return np.array(found)


def test_adults_bones_are_those_of_people(hands):
    """Means within two published deviations, the known ones within more."""
    lengths = bone_lengths(hands)
    for bone, (mean, deviation) in PUBLISHED_BONES_MM.items():
        found = lengths[:, BONES.index(bone)]
        limit = KNOWN.get(bone, 2)
        assert abs(found.mean() - mean) < limit * deviation, bone
        assert 0.3 * deviation < found.std() < 2 * deviation, bone


def test_adults_hands_are_as_long_as_peoples(hands):
    """From the wrist's joint, at its crease, along the middle finger."""
    palm = np.linalg.norm(hands[:, FINGERS['middle'][0]], axis=1)
    along = palm + bone_lengths(hands)[:, 9:12].sum(1)
    men, women = HAND_LENGTHS_MM['men'], HAND_LENGTHS_MM['women']
    assert women[0] < along.mean() < men[0]
    assert 0.7 * men[1] < along.std() < 1.7 * men[1]
