"""From the files of repositories to what `HandJsonDataset` reads."""

import cv2
import numpy as np
from scipy.io import savemat

from benchmark_factory import draw
from helpers import random_hands
from model_factory import load_tool
from synhand.datasets import HandJsonDataset
from synhand.geometry.cameras import project

BOX = np.array([[300, 100, 128, 128], [310, 90, 64, 64]], np.int32)


def write_ge2019(folder):
    """Two photos of 64 px, cut from large images; (2, 21, 3) mm."""
    points, _ = random_hands(np.random.default_rng(0), 2)
    parameters = np.array([[900.0, 901, 330, 150]] * 2)
    for i in range(2):
        draw(folder / f'images/{i:05d}.jpg')
    savemat(
        folder / 'params.mat',
        dict(
            image_path=np.array(['images/00000.jpg', 'images/00001.jpg']),
            cam_param=parameters,
            bbox=BOX,
        ),
    )
    savemat(folder / 'pose_gt.mat', dict(pose_gt=points / 10))
    return points, parameters


def convert(monkeypatch, name, *arguments):
    tool = load_tool(f'dataset_converters/{name}')
    monkeypatch.setattr('sys.argv', [name, *map(str, arguments)])
    return tool.main()


def test_ge2019(tmp_path, monkeypatch, capsys):
    points, parameters = write_ge2019(tmp_path / 'in')
    assert convert(monkeypatch, 'ge2019', tmp_path / 'in', tmp_path) == 0
    dataset = HandJsonDataset(data_root=str(tmp_path))
    assert len(dataset) == 2
    for i in range(2):
        sample = dataset.get_data_info(i)
        np.testing.assert_allclose(
            sample['keypoints_cam'][0], points[i], atol=1e-3
        )
        fx, fy, cx, cy = parameters[i]
        whole = project(points[i], [[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
        cut = (whole - BOX[i, :2]) * 64 / BOX[i, 2]
        np.testing.assert_allclose(sample['keypoints'][0], cut, atol=0.01)
        assert sample['hand_side'] == 0
        assert cv2.imread(sample['img_path']).shape == (64, 64, 3)
    (tmp_path / 'in' / 'images' / '00001.jpg').unlink()
    assert convert(monkeypatch, 'ge2019', tmp_path / 'in', tmp_path) == 1
    assert '00001.jpg: no such file' in capsys.readouterr().err


def test_ti1k(tmp_path, monkeypatch, capsys):
    source = tmp_path / 'in'
    draw(source / 'test' / 'A.jpg', 100)
    draw(source / 'train' / 'B.jpg', 100)
    lines = 'B.jpg 0 0 1 1 0 0 0 0\nA.jpg .1 .2 .9 .8 .3 .4 .5 .25\n'
    (source / 'annotation').mkdir()
    file = source / 'annotation' / 'label.txt'
    file.write_text(lines)
    assert convert(monkeypatch, 'ti1k', source, tmp_path) == 0
    (sample,) = list(HandJsonDataset(data_root=str(tmp_path)))
    assert sample['bbox'].tolist() == [[10, 20, 90, 80]]
    assert np.flatnonzero(sample['keypoints_visible'][0]).tolist() == [4, 8]
    assert sample['keypoints'][0, 4].tolist() == [30, 40]
    assert sample['keypoints'][0, 8].tolist() == [50, 25]
    assert sample['hand_side'] == -1
    for text, words in (
        ('A.jpg 1 2 3\n', 'line 1: expected 8'),
        ('C.jpg 0 0 1 1 0 0 0 0\n', 'expected labelled photos, none'),
    ):
        file.write_text(text)
        assert convert(monkeypatch, 'ti1k', source, tmp_path) == 1
        assert words in capsys.readouterr().err
