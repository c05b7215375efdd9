"""`tools/benchmarks/windows.py`: boxes that are off, and a small run."""

import sys
from itertools import pairwise

import numpy as np
import pytest

import synhand.registry  # noqa: F401
from model_factory import CONFIG, load_tool, write_checkpoint
from photo_factory import write_photo_sets

TWO_LOOKS = (
    'configs/hand_3d_keypoint/latent25d/'
    'latent25d_2look-res18half-fpn_synhand-192x192.py'
)


@pytest.fixture
def tool(root, monkeypatch):
    monkeypatch.syspath_prepend(root / 'tools' / 'benchmarks')
    monkeypatch.setattr('sys.path', list(sys.path))
    return load_tool('benchmarks/windows')


def test_boxes_are_off_by_little(tool, tmp_path):
    photos = tool.LABELLED['ge2019'](write_photo_sets(tmp_path), None)
    from _photos import cut  # beside the tool

    crops = [cut(photos, sample) for sample in photos.samples]
    for crop, other in zip(crops, tool.moved(crops), strict=True):
        sides, others = (np.ptp(c.box.reshape(2, 2), 0) for c in (crop, other))
        scale = others / sides
        assert scale[0] == pytest.approx(scale[1], rel=1e-4)
        assert 0.8 <= scale[0] <= 1.25
        away = (other.box - crop.box).reshape(2, 2).mean(0)
        assert 0 < np.abs(away).max() <= 0.1001 * sides.max()


@pytest.fixture
def table(tool, root, tmp_path, capsys):
    """What the tool prints for a tiny model: cells by a row's name."""

    def run(*arguments):
        sets = write_photo_sets(tmp_path / 'sets')
        config = root / TWO_LOOKS
        checkpoint = write_checkpoint(tmp_path / 'model.pth', config=config)
        model = f'tiny={config},{checkpoint}'
        tool.main(
            [*arguments, f'--data={sets}', '--limit=2', '--model', model]
        )
        lines = capsys.readouterr().out.splitlines()[2:]
        cells = [line.split('|') for line in lines]
        return {row[1].strip(): row[2:] for row in cells}

    return run


def test_a_row_for_each_kind_of_window(tool, table, monkeypatch):
    monkeypatch.setattr(tool, '_SHARES', (0.0, 1.0))
    rows = table()
    assert len(rows) == 2 * 2 * 2 + 1
    assert rows['2 looks, drawn by 0'] != rows['2 looks, drawn by 1']
    assert (
        rows['2 looks, drawn by 1'] != rows['2 looks, drawn by 1, boxes off']
    )
    assert rows['true windows'] not in list(rows.values())[:-1]


def test_a_row_for_each_kind_of_reading(tool, table, monkeypatch):
    monkeypatch.setattr(tool, '_PADDINGS', (1.1, 1.4))
    monkeypatch.setattr(tool, '_TURNS', ((20,), (30, 45)))
    rows = table('--of', 'readings')
    assert list(rows) == [
        '1.1, one',
        '1.4, one',
        '1.2, (20,)',
        '1.2, (30, 45)',
        '1.2, (30, 45), glances around',
    ]
    assert all(one != other for one, other in pairwise(rows.values()))


def test_a_model_of_one_look_is_refused(tool, tmp_path):
    sets = write_photo_sets(tmp_path / 'sets')
    checkpoint = write_checkpoint(tmp_path / 'model.pth')
    with pytest.raises(SystemExit, match='expected a model of two looks'):
        tool.main(['--data', str(sets), '--model', f'a={CONFIG},{checkpoint}'])
