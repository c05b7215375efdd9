"""`tools/browse_dataset.py`: sheets and a page that show the set."""

import cv2
import numpy as np
import pytest

from model_factory import load_tool
from shard_factory import make_row, write_shards
from synhand.synthesis.label_columns import read_labels
from synhand.synthesis.statistics import SetStatistics


@pytest.fixture(scope='module')
def tool():
    return load_tool('browse_dataset')


@pytest.fixture
def browse(tool, monkeypatch, capsys):
    def run(*arguments):
        argv = ['browse_dataset.py', *map(str, arguments)]
        monkeypatch.setattr('sys.argv', argv)
        return tool.main(), capsys.readouterr().err

    return run


def test_sheets_hold_images_evenly_from_the_set(browse, tool, tmp_path):
    folder = write_shards(tmp_path / 'set', 14, 3)
    out = tmp_path / 'out'
    assert browse(folder, '--out', out, '--num', 3, '--draw') == (0, '')
    names = {path.name for path in out.iterdir()}
    assert names == {'images.png', 'labels.png', 'masks.png', 'statistics.png'}
    sheet = cv2.imread(str(out / 'images.png'))
    cell = tool.CELL
    for column, index in enumerate((0, 6, 13)):
        data = np.frombuffer(make_row(index)['image'], np.uint8)
        expected = cv2.resize(cv2.imdecode(data, 1), (cell, cell))
        found = sheet[:cell, column * (cell + 4) :][:, :cell]
        difference = cv2.absdiff(found, expected)
        assert difference.mean() < 4
    page = cv2.imread(str(out / 'statistics.png'))
    assert min(page.shape[:2]) > 1000
    assert page.std() > 20


def test_labels_are_drawn_on_the_zoomed_hand(tool, tmp_path):
    """The overlay of a picture of the hand's own lines covers them."""
    folder = write_shards(tmp_path, 2, 1)
    labels = next(read_labels(folder / 'shard-00000.arrow'))
    chosen = tool.picture(labels, 1)
    points = chosen.keypoints[0]
    canvas = np.zeros_like(chosen.image)
    for point in points:
        cv2.circle(canvas, np.rint(point).astype(int).tolist(), 1, (9, 9, 9))
    plain = tool.Picture(canvas, None, chosen.keypoints, '')
    drawn = tool.drawn(plain)[: tool.CELL]
    bright = np.argwhere(drawn.max(-1) > 50)[:, ::-1]
    low, high = bright.min(0), bright.max(0)
    extent = (points.max(0) - points.min(0)).max()
    scale = tool.CELL / (tool.MARGIN * extent)
    middle = (points.min(0) + points.max(0)) / 2
    expected = (points - middle) * scale + (tool.CELL - 1) / 2
    np.testing.assert_allclose(low, expected.min(0), atol=4)
    np.testing.assert_allclose(high, expected.max(0), atol=4)


def test_many_images_take_many_sheets(browse, tool, tmp_path, monkeypatch):
    monkeypatch.setattr(tool, 'PER_SHEET', 4)
    folder = write_shards(tmp_path / 'set', 9, 1)
    out = tmp_path / 'out'
    assert browse(folder, '--out', out)[0] == 0
    sheets = sorted(path.name for path in out.glob('images*.png'))
    assert sheets == ['images-0.png', 'images-1.png', 'images-2.png']


def test_page_of_a_set_without_facts(tool, tmp_path):
    path = tmp_path / 'page.png'
    tool.statistics_page(SetStatistics(), 'nothing', path)
    assert path.stat().st_size > 10_000


def test_bad_folders_are_one_line(browse, tmp_path):
    code, error = browse(tmp_path, '--out', tmp_path / 'out')
    assert code == 1
    assert error.startswith('error: ')
    assert 'no shard-*.arrow in it' in error
    assert len(error.splitlines()) == 1
    folder = write_shards(tmp_path / 'set', 2, 1)
    (tmp_path / 'file').write_text('')
    code, error = browse(folder, '--out', tmp_path / 'file')
    assert code == 1
    assert len(error.splitlines()) == 1
