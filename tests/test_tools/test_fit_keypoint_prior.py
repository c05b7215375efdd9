"""The tool that says what hands look like."""

import numpy as np
import pytest

from model_factory import load_tool
from shard_factory import make_row, write_shards
from synhand.hands.keypoint_prior import KeypointPrior


@pytest.fixture(scope='module')
def tool():
    return load_tool('fit_keypoint_prior')


def test_left_hands_are_mirrored(tool, tmp_path):
    write_shards(tmp_path, 8)
    hands = tool.right_hands(tmp_path, 8)
    for number, hand in enumerate(hands):
        drawn = make_row(number)['hands'][0]
        given = drawn['keypoints_cam_anatomical']
        mirror = -1 if drawn['side'] == 0 else 1
        np.testing.assert_allclose(hand, given * [mirror, 1, 1], rtol=1e-6)
    prior = KeypointPrior.fit(hands, 3)
    tool.main([str(tmp_path), '--components=3', f'--out={tmp_path}/a.npz'])
    loaded = KeypointPrior.load(tmp_path / 'a.npz')
    np.testing.assert_allclose(loaded.mean, prior.mean, atol=1e-6)


def test_too_few_hands_are_said(tool, tmp_path):
    write_shards(tmp_path, 4)
    with pytest.raises(SystemExit, match='more than 40 images, found 4'):
        tool.main([str(tmp_path), f'--out={tmp_path}/a.npz'])
    assert not (tmp_path / 'a.npz').exists()
