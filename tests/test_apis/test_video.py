"""Frames in, videos out; `tools/predict.py` on a video."""

import json

import cv2
import numpy as np
import pytest

from model_factory import CONFIG, load_tool, write_checkpoint
from synhand.apis import video


def _write(path, frames=6, size=(96, 64)):
    with video.VideoFile(path, 10.0) as out:
        for number in range(frames):
            out.write(np.full((size[1], size[0], 3), 30 * number, np.uint8))
    return path


def test_a_video_comes_back(tmp_path):
    path = _write(tmp_path / 'clip.mp4')
    with video.open_frames(path) as source:
        assert (source.fps, source.count, source.live) == (10.0, 6, False)
        frames = list(source.frames())
    for number, (image, seconds) in enumerate(frames):
        assert image.shape == (64, 96, 3)
        assert abs(float(image.mean()) - 30 * number) < 6
        assert seconds == pytest.approx(0.1)
    assert [p.name for p in tmp_path.iterdir()] == ['clip.mp4']


def test_after_an_error_there_is_no_video(tmp_path):
    frame = np.zeros((64, 96, 3), np.uint8)
    with (
        pytest.raises(RuntimeError),
        video.VideoFile(tmp_path / 'clip.mp4', 10.0) as out,
    ):
        out.write(frame)
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_recording_stays(tmp_path):
    with (
        pytest.raises(KeyboardInterrupt),
        video.VideoFile(tmp_path / 'clip.mp4', 10.0) as out,
    ):
        out.write(np.zeros((64, 96, 3), np.uint8))
        raise KeyboardInterrupt
    assert [p.name for p in tmp_path.iterdir()] == ['clip.mp4']


def test_what_is_no_video_is_named(tmp_path):
    with (
        pytest.raises(FileNotFoundError, match='none.mp4: no such video'),
        video.open_frames(tmp_path / 'none.mp4'),
    ):
        pass
    bad = tmp_path / 'bad.mp4'
    bad.write_bytes(b'no frames here')
    with (
        pytest.raises(ValueError, match='bad.mp4: expected a video file'),
        video.open_frames(bad),
    ):
        pass
    with (
        pytest.raises(ValueError, match='webcam 97: expected a camera'),
        video.open_frames(97),
    ):
        pass


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp('model') / 'random.pth')


@pytest.fixture
def predict(checkpoint, monkeypatch):
    tool = load_tool('predict')

    def run(*arguments):
        argv = ['predict.py', '--config', CONFIG, '--checkpoint', checkpoint]
        argv += ['--whole-image']
        monkeypatch.setattr('sys.argv', [str(a) for a in (*argv, *arguments)])
        return tool.main()

    return run


def test_predict_follows_a_video(predict, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr('synhand.apis.tracking.MIN_SCORE', 0.0)
    path = _write(tmp_path / 'clip.mp4', frames=5)
    out = tmp_path / 'out'
    assert predict(path, '--out', out, '--frames', 4, '--hand', 'left') == 0
    entries = json.loads((out / 'predictions.json').read_text())
    assert {e['image'] for e in entries} == {'clip.mp4'}
    assert {e['hand'] for e in entries} == {'left'}
    assert set(range(4)) >= {e['frame'] for e in entries} != set()
    assert np.array(entries[0]['keypoints_3d_mm']).shape == (21, 3)
    capture = cv2.VideoCapture(str(out / 'clip.mp4'))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 4
    capture.release()
    assert 'in 1 videos' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['clip.mp4', '--webcam', '0'], 'INPUT or --webcam, got both'),
        ([], 'expected INPUT or --webcam'),
        (['clip.mp4', 'photo.jpg'], 'of videos or of images, got both'),
        (['gone.mp4'], 'gone.mp4: no such video'),
    ],
)
def test_wrong_inputs(predict, tmp_path, capsys, arguments, message):
    assert predict(*arguments, '--out', tmp_path) == 1
    assert message in capsys.readouterr().err


def test_a_video_is_never_replaced(predict, tmp_path, capsys):
    path = _write(tmp_path / 'clip.mp4', frames=2)
    before = path.read_bytes()
    assert predict(path, '--out', tmp_path) == 1
    assert 'would replace a video' in capsys.readouterr().err
    assert path.read_bytes() == before
