"""`tools/benchmarks/windows.py`: boxes that are off, and a small run."""

import sys

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


def test_a_row_for_each_kind_of_window(
    tool, root, tmp_path, monkeypatch, capsys
):
    sets = write_photo_sets(tmp_path / 'sets')
    config = root / TWO_LOOKS
    checkpoint = write_checkpoint(tmp_path / 'model.pth', config=config)
    monkeypatch.setattr(tool, '_SHARES', (0.0, 1.0))
    arguments = ['--data', str(sets), '--limit', '2']
    tool.main([*arguments, '--model', f'tiny={config},{checkpoint}'])
    lines = capsys.readouterr().out.splitlines()
    rows = {
        cells[1].strip(): cells[2:]
        for cells in (line.split('|') for line in lines[2:])
    }
    assert len(rows) == 2 * 2 * 2 + 1
    assert rows['2 looks, drawn by 0'] != rows['2 looks, drawn by 1']
    assert (
        rows['2 looks, drawn by 1'] != rows['2 looks, drawn by 1, boxes off']
    )
    assert rows['true windows'] not in list(rows.values())[:-1]


def test_a_model_of_one_look_is_refused(tool, tmp_path):
    sets = write_photo_sets(tmp_path / 'sets')
    checkpoint = write_checkpoint(tmp_path / 'model.pth')
    with pytest.raises(SystemExit, match='expected a model of two looks'):
        tool.main(['--data', str(sets), '--model', f'a={CONFIG},{checkpoint}'])
