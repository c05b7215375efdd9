"""Benchmarks of finding and of lifting: right counts from known answers."""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.fileio import dump
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

import synhand.registry  # noqa: F401
from helpers import random_hands
from model_factory import ROOT, load_tool, write_photos
from shard_factory import write_shards

_CONFIG = (
    ROOT / 'configs/hand_detection/handsegnet/'
    'handsegnet_quarter_synhand-160x160.py'
)


@pytest.fixture(scope='module')
def finding():
    sys.path.append(str(ROOT / 'tools' / 'benchmarks'))
    return load_tool('benchmarks/finding')


@pytest.fixture(scope='module')
def sets(tmp_path_factory):
    folder = tmp_path_factory.mktemp('sets')
    write_shards(folder / 'frames', 3, 1)
    write_photos(folder / 'photos', 2)
    return folder


def test_true_boxes_are_found_and_others_false(finding, sets):
    pictures = finding.frames(sets / 'frames', None)
    assert [len(p.boxes) + len(p.ignored) for p in pictures] == [1, 1, 1]
    boxes = [p.boxes for p in pictures]
    boxes[1] = boxes[1] + 200  # a miss and a false box
    row = finding.scores(pictures, finding.Answer(boxes, [1.0, 2.0, 9.0]))
    assert row == dict(
        hands=3,
        recall=pytest.approx(2 / 3),
        missed=1,
        false=pytest.approx(1 / 3),
        ms=2.0,
    )


def test_squares_of_palms(finding):
    palm = dict(centre=[10, 20], side=8, turn=0.0)
    np.testing.assert_allclose(finding.square(palm, 0.5), [8, 18, 12, 22])
    turned = finding.square(dict(palm, turn=np.pi / 4), 0.5)
    assert turned[2] - turned[0] == pytest.approx(4 * np.sqrt(2))


def _palms(command):
    """As the driver answers: each palm's square is the true box doubled."""
    folder = command[-1]
    names = json.loads(Path(folder, 'pictures.json').read_text())
    pictures = []
    for name in names:
        assert cv2.imread(f'{folder}/{name}') is not None
        square = dict(centre=[64, 64], side=100.0, turn=0.0, score=1.0)
        pictures.append(dict(palms=[square], hands=[[14, 14, 114, 114]]))
    return dict(version='0', pictures=pictures, ms=[5.0] * len(names))


def test_a_segmenter_beside_mediapipe(
    finding, sets, tmp_path, monkeypatch, capsys
):
    init_default_scope('mmpose')
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(_CONFIG).model)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'model.pth')
    monkeypatch.setattr(finding, 'run', _palms)
    finding.main(
        [
            f'--frames={sets / "frames"}',
            f'--photos={sets / "photos"}',
            f'--finder=mask={_CONFIG},{tmp_path / "model.pth"}',
            '--judge=small-25d',
            '--mediapipe-python=python',
        ]
    )
    lines = capsys.readouterr().out.splitlines()
    rows = [[cell.strip() for cell in x.split('|')[1:-1]] for x in lines]
    rows = [row for row in rows if row and row[0] in ('synthetic', 'TI1K')]
    assert [row[1].split(',')[0] for row in rows] == (
        ['mask', 'mask', 'MediaPipe 0', 'MediaPipe 0'] * 2
    )
    for row in rows:
        assert int(row[2]) == (3 if row[0] == 'synthetic' else 2)
        assert float(row[3]) == pytest.approx(
            1 - int(row[4]) / int(row[2]), abs=1e-3
        )


def test_commands_that_make_no_sense(finding):
    with pytest.raises(SystemExit):
        finding.main(['--finder=finder'])
    with pytest.raises(SystemExit, match='error: odd=file: expected'):
        finding.main(['--photos=none', '--finder=odd=file'])


def test_medians_are_of_the_paper(tmp_path, capsys):
    points, _ = random_hands(np.random.default_rng(0), 30)
    samples = []
    for hand in points:
        wrong = hand.copy()
        wrong[1:11] += [3.0, 0, 4.0]  # 5 mm; the bone keeps its length
        truth = dict(
            keypoints=np.zeros((1, 21, 2)),
            keypoints_visible=np.ones((1, 21)),
            keypoints_cam=hand[None],
            hand_side=np.ones(1),
        )
        samples.append(
            dict(
                gt_instances=truth,
                pred_instances=dict(keypoints_cam=wrong[None]),
            )
        )
    dump(samples, str(tmp_path / 'result.pkl'))
    tool = load_tool('benchmarks/lifting_variants')
    tool.main([str(tmp_path / 'result.pkl')])
    lines = capsys.readouterr().out.splitlines()
    name, *values = (x.strip() for x in lines[2].split('|')[1:-1])
    assert name == 'result'
    median, bone, plain, aligned = map(float, values)
    assert median == pytest.approx(2.5)  # ten of 20 are right
    assert bone == plain == pytest.approx(50 / 21, abs=0.01)
    assert aligned < plain
    assert lines[3].startswith('| constant pose')
    assert float(lines[3].split('|')[-2]) > 0
