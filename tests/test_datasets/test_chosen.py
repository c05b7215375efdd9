"""Parts of a synthetic set by what they show."""

import json

import cv2
import numpy as np
import pytest

from shard_factory import make_row
from synhand.datasets import ChosenSyntheticHands
from synhand.datasets.transforms import PlainBackground
from synhand.synthesis.shards import shard_name, write_shard


def _write(folder, count=6):
    """Row i has tone i + 1 and length 150 + 10 i; its left half is an arm."""
    rows = []
    for i in range(count):
        row = make_row(i)
        row['scene'] = json.dumps({'tone': i + 1.0})
        row['hands'][0]['shape'] = np.array([0.0, 150.0 + 10 * i])
        mask = np.ones((row['height'], row['width']), np.uint8)
        mask[:, : row['width'] // 2] = 2
        row['mask'] = cv2.imencode('.png', mask)[1].tobytes()
        full = np.full_like(mask, 255)
        row['alpha'] = cv2.imencode('.png', full)[1].tobytes()
        rows.append(row)
    folder.mkdir()
    write_shard(folder / shard_name(0), rows)
    return str(folder)


def _alpha(sample):
    return cv2.imdecode(np.frombuffer(sample['alpha_bytes'], np.uint8), 0)


def test_rows_are_chosen_by_tone_and_length(tmp_path):
    folder = _write(tmp_path / 'set')
    for choice, expected in (
        (dict(tones=(2, 4)), [1, 2, 3]),
        (dict(lengths_mm=(170, 185)), [2, 3]),
        (dict(tones=(1, 3), lengths_mm=(165, 200)), [2]),
        (dict(tones=(2, 4), indices=3), [1, 2]),
        ({}, [0, 1, 2, 3, 4, 5]),
    ):
        data = ChosenSyntheticHands(data_root=folder, **choice)
        found = [data.get_data_info(i)['img_id'] for i in range(len(data))]
        assert found == expected
    with pytest.raises(ValueError, match='no image with tones'):
        ChosenSyntheticHands(data_root=folder, tones=(11, 12))


def test_a_row_without_a_tone_is_named(tmp_path):
    folder = tmp_path / 'set'
    folder.mkdir()
    write_shard(folder / shard_name(0), [make_row(0)])
    with pytest.raises(ValueError, match='row 0: scene: expected a tone'):
        ChosenSyntheticHands(data_root=str(folder), tones=(1, 2))


def test_what_is_left_out_is_not_covered(tmp_path):
    folder = _write(tmp_path / 'set', 1)
    whole = _alpha(ChosenSyntheticHands(data_root=folder).get_data_info(0))
    assert (whole == 255).all()
    data = ChosenSyntheticHands(data_root=folder, left_out=(2,))
    alpha = _alpha(data.get_data_info(0))
    half = alpha.shape[1] // 2
    assert (alpha[:, :half] == 0).all() and (alpha[:, half:] == 255).all()


def test_a_plain_background_is_one_colour():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (8, 8, 4), dtype=np.uint8)
    image[..., 3] = 0
    image[2:4, 2:4, 3] = 255
    done = PlainBackground().transform(dict(img=image.copy()))['img']
    np.testing.assert_array_equal(done[2:4, 2:4], image[2:4, 2:4, :3])
    behind = done[image[..., 3] == 0]
    assert (behind == behind[0]).all()
    three = image[..., :3].copy()
    assert PlainBackground().transform(dict(img=three))['img'] is three
