"""`tools/benchmarks/real.py` on drawn hands, with a MediaPipe that is not."""

import json
import sys

import cv2
import numpy as np
import pytest

import synhand.registry  # noqa: F401
from model_factory import CONFIG, load_tool, write_checkpoint
from photo_factory import write_photo_sets
from shard_factory import write_shards
from synhand.geometry.cameras import project

MEDIAPIPE = """
from types import SimpleNamespace as Space

__version__ = 'none'
POINTS = {points}


class Hands:
    calls = 0

    def __init__(self, static_image_mode, max_num_hands, model_complexity):
        assert static_image_mode and max_num_hands == model_complexity == 1

    def process(self, image):
        Hands.calls += 1
        if Hands.calls % 3 == 0:
            return Space(multi_hand_landmarks=None)
        drawn = [Space(x=x, y=y, z=0.0) for x, y, _ in POINTS]
        world = [Space(x=x / 10, y=y / 10, z=z / 10) for x, y, z in POINTS]
        return Space(
            multi_hand_landmarks=[Space(landmark=drawn)],
            multi_hand_world_landmarks=[Space(landmark=world)],
        )


solutions = Space(hands=Space(Hands=Hands))
"""


@pytest.fixture
def tool(root, monkeypatch):
    monkeypatch.syspath_prepend(root / 'tools' / 'benchmarks')
    monkeypatch.syspath_prepend(root / 'tools')
    monkeypatch.setattr('sys.path', list(sys.path))
    return load_tool('benchmarks/real')


@pytest.fixture
def sets(tmp_path):
    return write_photo_sets(tmp_path / 'sets')


def arguments(tmp_path, sets, *more):
    checkpoint = write_checkpoint(tmp_path / 'model.pth')
    out = ['--data', str(sets), '--out', str(tmp_path / 'out')]
    return [*out, '--model', f'tiny={CONFIG},{checkpoint}', *map(str, more)]


def test_both_models_get_the_same_crops_and_a_table(
    tool, sets, tmp_path, monkeypatch, capsys
):
    rng = np.random.default_rng(0)
    fake = tmp_path / 'fake'
    fake.mkdir()
    points = rng.uniform(0.3, 0.7, (21, 3)).round(3).tolist()
    (fake / 'mediapipe.py').write_text(MEDIAPIPE.format(points=points))
    monkeypatch.setenv('PYTHONPATH', str(fake))
    val = write_shards(tmp_path / 'val', 4, shards=1)
    chosen = ['ge2019', 'ti1k', 'signwriting', 'freihand_evaluation']
    more = ['--mediapipe-python', sys.executable, '--sets', *chosen]
    more += ['--synthetic', val, '--synthetic-num', 4, '--rounds', 1]
    timed = []

    def run_times(model, crops, cores, rounds):
        timed.append((model.name, cores))
        return [float(cores + len(timed))]

    monkeypatch.setattr(tool, 'times', run_times)
    tool.main(arguments(tmp_path, sets, *more))
    facts = json.loads((tmp_path / 'out' / 'real.json').read_text())
    ours = facts['labelled']['ge2019']['tiny']
    theirs = facts['labelled']['ge2019']['MediaPipe Hands']
    assert (ours['misses'], theirs['misses']) == (0, 1)
    assert 'camera-MPJPE' in ours and 'camera-MPJPE' not in theirs
    assert theirs['PA-MPJPE+'][0] != theirs['PA-MPJPE'][0]
    assert 'PA-MPJPE' not in facts['labelled']['ti1k']['tiny']
    assert facts['signwriting']['MediaPipe Hands']['misses'] == 1
    assert set(facts['analysis']['tiny']['all']) == {'synthetic', 'ge2019'}
    assert timed == [
        (name, cores)
        for name in ('tiny', 'MediaPipe Hands')
        for cores in (1, 2)
    ]
    page = capsys.readouterr().out
    assert 'Which way the errors of tiny point' in page
    assert '| open, ge2019 |' in page
    assert page.count('| MediaPipe Hands |') == 4
    for name in ('ge2019-2d.svg', 'ge2019-3d.svg', 'ti1k-2d.svg'):
        assert '</svg>' in (tmp_path / 'out' / name).read_text()
    for name in ('tiny', 'mediapipe-hands'):
        path = tmp_path / 'out' / f'freihand_evaluation-{name}.jpg'
        assert cv2.imread(str(path)).shape == (224, 2 * 224 + 4, 3)


def test_perfect_answers_score_zero_in_every_set(tool, sets):
    answers, photos_of = load_tool('benchmarks/_answers'), tool.LABELLED
    for name, count in (('ge2019', 4), ('freihand', 3), ('rhd', 2)):
        photos = photos_of[name](sets, 2 if name == 'freihand' else None)
        assert len(photos.samples) >= count
        found = []
        for sample in photos.samples:
            crop = tool.cut(photos, sample)
            assert crop.image.shape[0] == photos.side(sample)
            pixels = sample['keypoints'][0] - crop.corner
            points = sample['keypoints_cam'][0]
            if crop.camera is not None:  # the crop's camera sees them there
                again = project(points, crop.camera)
                np.testing.assert_allclose(again, pixels, atol=0.05)
                low, high = crop.box[:2], crop.box[2:]
                np.testing.assert_allclose(low, pixels.min(0), atol=0.01)
                np.testing.assert_allclose(high, pixels.max(0), atol=0.01)
            answer = answers.Answer(pixels, points, True)
            found.append(answers.data_sample(sample, crop, answer))
        scores = tool.Found.of(found).scores
        assert scores['NME'].mean() == pytest.approx(0, abs=1e-6)
        assert scores['PCK@0.05'].mean() == 1
        assert scores['PA-MPJPE'].mean() == pytest.approx(0, abs=1e-3)
        assert scores['camera-MPJPE'].mean() == pytest.approx(0, abs=1e-3)


def test_the_drivers_report_times(tool, sets, tmp_path, monkeypatch, capsys):
    photos = tool.LABELLED['ge2019'](sets, 1)
    answers = load_tool('benchmarks/_answers')
    crops = [tool.cut(photos, photos.samples[0])]
    answers.write_crops(tmp_path, crops)
    driver = load_tool('benchmarks/estimators/with_synhand')
    checkpoint = write_checkpoint(tmp_path / 'model.pth')
    files = [f'--config={CONFIG}', f'--checkpoint={checkpoint}']
    driver.main([str(tmp_path), '--rounds=2', *files])
    ms = json.loads(capsys.readouterr().out.splitlines()[-1])['ms']
    assert len(ms) == 2 and min(ms) > 0
    script = tmp_path / 'timed.py'
    script.write_text(
        'import json, os, sys\n'
        'assert sys.argv[2:] == ["--cores=1", "--rounds=3", "--model=x"]\n'
        'assert os.path.isfile(sys.argv[1] + "/crops.json")\n'
        'print("warning")\nprint(json.dumps(dict(ms=[1.0, 2.0, 3.0])))\n'
    )
    command = (sys.executable, str(script), '--model=x')
    model = answers.Model('x', None, command)
    assert answers.times(model, crops, cores=1, rounds=3) == [1, 2, 3]


def test_wrong_requests_are_one_line(tool, sets, tmp_path, capsys):
    out = ['--data', str(sets), '--out', str(tmp_path / 'out')]
    with pytest.raises(SystemExit):
        tool.main(out)
    assert 'expected --model or --mediapipe-python' in capsys.readouterr().err
    for model, said in (
        ('giant', "no released model 'giant'"),
        ('x=config.py', 'expected NAME or NAME=CONFIG,CHECKPOINT'),
    ):
        with pytest.raises(SystemExit, match=said):
            tool.main([*out, '--model', model])
    broken = ['--mediapipe-python', 'false', '--sets', 'ge2019']
    with pytest.raises(SystemExit, match='with_mediapipe.py: failed'):
        tool.main([*out, *broken])
