"""The check of finished sets: silent on whole ones, a line a damage."""

import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest

from synhand.hands.anatomy import DOF, UPPER
from synhand.synthesis.checks import chirality
from synhand.synthesis.config import SynthesisConfig
from synhand.synthesis.engine import synthesize
from synhand.synthesis.ledger import (
    Manifest,
    SetError,
    read_log,
    write_checksums,
)
from synhand.synthesis.renderer import Renderer, RendererError
from synhand.synthesis.shards import ShardSet, shard_name, write_shard
from synhand.synthesis.verify import MAX_LINES, record, verify

SMALL = SynthesisConfig(seed=2, image_size=48, supersample=1.0)


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    try:
        Renderer(8, 8)
    except RendererError as error:
        pytest.skip(str(error))
    out = tmp_path_factory.mktemp('whole')
    synthesize(out, SMALL, 10, 4, 1)
    return out


@pytest.fixture
def damaged(whole, tmp_path):
    """``damaged(change)``: the set with shard 1's rows (4 to 7) changed."""

    def make(change):
        for path in whole.iterdir():
            shutil.copy(path, tmp_path)
        shards = ShardSet(whole)
        rows = [shards.row(i) for i in range(4, 8)]
        rows = change(rows) or rows
        write_shard(tmp_path / shard_name(1), rows)
        write_checksums(tmp_path, {})
        return tmp_path

    return make


def test_whole_set_has_no_problem(whole):
    done = []
    found = verify(whole, sample=4, progress=done.append)
    assert found.lines == []
    assert (found.shards, found.rows, found.remade) == (3, 10, 4)
    assert found.bitwise == 4
    assert found.hands >= 10
    assert done == [4, 8, 10]


def test_part_of_a_set_is_checked_alone(whole, tmp_path):
    for name in ('set.json', shard_name(1)):
        shutil.copy(whole / name, tmp_path)
    found = verify(tmp_path, shards=range(1, 2), sample=2)
    assert (found.problems, found.rows, found.bitwise) == (0, 4, 2)
    assert verify(tmp_path, sample=0).problems == 2
    with pytest.raises(SetError, match='shards 2-3 asked for'):
        verify(tmp_path, shards=range(2, 4))


def target(rows, number=1):
    return rows[number]['hands'][0]


def shift_pixels(rows):
    target(rows)['keypoints_2d'] += 0.01
    target(rows)['bbox'] += 0.01


def widen_box(rows):
    target(rows)['bbox'][2] += 1


def swap_side(rows):
    for row in rows:
        hand = row['hands'][0]
        if chirality(hand['keypoints_cam_anatomical']):
            hand['side'] = 1 - hand['side']


def spoil_side(rows):
    target(rows)['side'] = 3


def overbend(rows):
    angle = DOF['index_pip_flexion']
    target(rows)['pose'][angle] = UPPER[angle] + 0.02


def drop_angles(rows):
    target(rows)['pose'] = np.zeros(3)


def swap_fingers(rows):
    hand = target(rows)
    order = [*range(5), *range(9, 13), *range(5, 9), *range(13, 21)]
    for key in ('keypoints_2d', 'keypoints_cam_anatomical'):
        hand[key] = hand[key][order]


def hide(rows):
    target(rows)['occluded'][:] = 1


def spoil_flag(rows):
    target(rows)['occluded'][3] = 2


def spoil_3d(rows):
    target(rows)['keypoints_cam_anatomical'][4] = np.nan


def spoil_mano(rows):
    target(rows)['keypoints_cam_mano'][4] = np.inf


def spoil_all_2d(rows):
    target(rows)['keypoints_2d'][:] = np.nan


def drop_hands(rows):
    rows[1]['hands'] = []


def empty_mask(rows):
    rows[1]['mask'] = b''


def repeat_row(rows):
    return [rows[0], rows[0], rows[2], rows[3]]


def leave_row_out(rows):
    return [rows[0], rows[2], rows[3]]


@pytest.mark.parametrize(
    ('change', 'line'),
    [
        (shift_pixels, 'image 5, hand 0: 2D is not the projected 3D'),
        (spoil_3d, 'image 5, hand 0: 2D is not the projected 3D'),
        (spoil_all_2d, 'image 5, hand 0: 2D is not the projected 3D'),
        (widen_box, 'image 5, hand 0: box is not tight'),
        (swap_side, 'side contradicts the 3D hand'),
        (spoil_side, 'image 5, hand 0: side is not 0 or 1'),
        (overbend, 'image 5, hand 0: index_pip_flexion is 117.1 degrees'),
        (drop_angles, 'image 5, hand 0: expected 26 angles'),
        (hide, 'image 5, hand 0: too few of its keypoints are seen'),
        (swap_fingers, 'image 5, hand 0: keypoints are not in the order'),
        (spoil_flag, 'image 5, hand 0: occluded is not 0 or 1'),
        (spoil_mano, 'image 5, hand 0: keypoints of family mano'),
        (drop_hands, 'image 5: no hand'),
        (empty_mask, 'image 5: mask is empty'),
        (repeat_row, 'index 4 where 5 is expected (1 such rows)'),
        (leave_row_out, '3 rows, expected 4'),
    ],
)
def test_damaged_labels_are_named(damaged, change, line):
    found = verify(damaged(change), sample=0)
    assert found.problems
    assert any(line in text for text in found.lines), found.lines
    assert all(shard_name(1) in text for text in found.lines)


def test_missing_cut_foreign_and_rotten_shards_are_named(whole, tmp_path):
    for path in whole.iterdir():
        shutil.copy(path, tmp_path)
    shutil.copy(tmp_path / shard_name(2), tmp_path / shard_name(3))
    (tmp_path / shard_name(0)).unlink()
    cut = tmp_path / shard_name(1)
    cut.write_bytes(cut.read_bytes()[:700])
    rotten = tmp_path / shard_name(2)
    data = bytearray(rotten.read_bytes())
    at = bytes(data).index(b'\xff\xd8\xff') + 400  # Inside of a JPEG.
    data[at] ^= 1
    rotten.write_bytes(data)
    lines = verify(tmp_path, sample=0).lines
    assert len(lines) == 4
    for name, text in (
        (shard_name(0), 'no such shard'),
        (shard_name(1), 'not a readable shard'),
        (shard_name(2), 'differs from its checksums.txt'),
        (shard_name(3), 'not in the manifest, which has 3 shards'),
    ):
        assert sum(name in line and text in line for line in lines) == 1


def redraw(rows, change):
    """Change the image of every row, and lose nothing else."""
    lossless = [
        *(cv2.IMWRITE_JPEG_QUALITY, 100),
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    for row in rows:
        image = cv2.imdecode(np.frombuffer(row['image'], np.uint8), 1)
        image = change(image.astype(int)).clip(0, 255).astype(np.uint8)
        row['image'] = cv2.imencode('.jpg', image, lossless)[1].tobytes()


def test_nearly_the_same_image_passes(damaged):
    """As another renderer would draw it."""

    def change(rows):
        redraw(rows, lambda image: image)
        for row in rows:
            hidden = row['hands'][0]['occluded']
            hidden[hidden.argmax()] = 0
            row['hands'][0]['pose'] += 1e-6

    found = verify(damaged(change), sample=10)
    assert found.lines == []
    assert (found.remade, found.bitwise) == (10, 6)
    assert 40 < found.psnr_db < 80


def flip_occlusion(rows):
    for row in rows:
        occluded = row['hands'][0]['occluded']
        hidden = np.flatnonzero(occluded)[:2]
        # a hand must stay seen: hide two keypoints only where few are hidden
        occluded[hidden if len(hidden) == 2 else [2, 3]] ^= 1


def change_shape(rows):
    for row in rows:
        row['hands'][0]['shape'][0] += 0.001


def brighten(rows):
    redraw(rows, lambda image: image + 12)


def grow_mask(rows):
    for row in rows:
        mask = cv2.imdecode(np.frombuffer(row['mask'], np.uint8), 0)
        mask[:3] = 5
        row['mask'] = cv2.imencode('.png', mask)[1].tobytes()


def spoil_image(rows):
    for row in rows:
        row['image'] = b'no picture'


def add_hand(rows):
    for row in rows:
        row['hands'].append(row['hands'][0])


@pytest.mark.parametrize(
    ('change', 'line'),
    [
        (flip_occlusion, 'made again: hand 0 occluded differs'),
        (change_shape, 'made again: hand 0 shape differs'),
        (brighten, 'dB, expected 40'),
        (grow_mask, 'made again: mask differs in more than 1%'),
        (spoil_image, 'PSNR 0.0 dB'),
        (add_hand, 'hands, stored'),
    ],
)
def test_rows_that_come_out_otherwise_are_named(damaged, change, line):
    found = verify(damaged(change), sample=10)
    assert any(line in text for text in found.lines), found.lines
    assert found.problems == 4
    assert found.bitwise == 6


def test_lines_are_few_and_problems_are_counted(damaged):
    def change(rows):
        for row in rows:
            target_hand = row['hands'][0]
            target_hand['pose'] = target_hand['pose'] + 4

    found = verify(damaged(change), sample=0)
    assert found.problems == 4 * 26
    assert len(found.lines) == MAX_LINES


def test_set_of_another_version_is_checked_but_not_made_again(whole, tmp_path):
    for path in whole.iterdir():
        shutil.copy(path, tmp_path)
    manifest = Manifest.read(tmp_path)
    replace(manifest, generator_version=1).write(tmp_path)
    found = verify(tmp_path, sample=4)
    assert found.problems == 1
    assert 'not made again (made by generator version 1' in found.lines[0]
    assert '--sample 0' in found.lines[0]
    assert verify(tmp_path, sample=0).problems == 0


def test_result_is_kept_in_the_log(whole, tmp_path):
    for path in whole.iterdir():
        shutil.copy(path, tmp_path)
    record(tmp_path, verify(tmp_path, sample=1))
    event = read_log(tmp_path)[-1]
    assert event['event'] == 'verify'
    assert (event['rows'], event['remade'], event['problems']) == (10, 1, 0)
