"""`tools/benchmarks/changed_photos.py`: the changes, and a small run."""

import sys

import numpy as np
import pytest

import synhand.registry  # noqa: F401
from model_factory import CONFIG, load_tool, write_checkpoint
from photo_factory import write_photo_sets


@pytest.fixture
def tool(root, monkeypatch):
    monkeypatch.syspath_prepend(root / 'tools' / 'benchmarks')
    monkeypatch.setattr('sys.path', list(sys.path))
    return load_tool('benchmarks/changed_photos')


def test_changes_are_what_they_are_called(tool):
    image = np.random.default_rng(0).uniform(0, 255, (64, 48, 3))
    np.testing.assert_allclose(tool.gamma(1.0)(image), image)
    assert tool.gamma(0.7)(image).mean() > image.mean()
    grey = tool.saturation(0.0)(image)
    np.testing.assert_allclose(grey, image.mean(-1, keepdims=True) + 0 * grey)
    low, high = (tool.contrast(factor)(image) for factor in (0.5, 2.0))
    assert low.std() == pytest.approx(image.std() / 2)
    assert high.mean() == pytest.approx(image.mean())
    blurred, sharp = tool.blur(1.5)(image), tool.sharpness(1.0)(image)
    assert blurred.std() < image.std() < sharp.std()
    np.testing.assert_allclose(sharp + blurred, 2 * image, atol=1e-9)
    assert (tool.noise(5.0)(image) - image).std() == pytest.approx(5, rel=0.05)


@pytest.mark.parametrize('side', range(4))
def test_a_photo_that_ends_is_black_beyond_its_box(tool, side):
    box = np.array([10.0, 20.0, 60.0, 80.0], np.float32)
    crop = tool.Crop(
        image=np.full((100, 90, 3), 255, np.uint8),
        corner=np.zeros(2, int),
        box=box,
        box_known=True,
        hand='left',
        camera=None,
    )
    ended = tool.ends(side, 0.2)(crop)
    assert (crop.image == 255).all()
    np.testing.assert_array_equal(crop.box, box)
    moved = {0: 20.0, 1: 32.0, 2: 50.0, 3: 68.0}[side]
    expected = box.copy()
    expected[side] = moved
    np.testing.assert_allclose(ended.box, expected)
    rows, columns = np.nonzero(ended.image[..., 0])
    left = [columns.min(), rows.min(), columns.max(), rows.max()]
    whole = [0, 0, 89, 99]
    whole[side] = moved
    np.testing.assert_array_equal(left, whole)


def test_a_row_for_each_change(tool, tmp_path, monkeypatch, capsys):
    sets = write_photo_sets(tmp_path / 'sets')
    checkpoint = write_checkpoint(tmp_path / 'model.pth')
    monkeypatch.setitem(tool.CHANGES, 'again', tool.CHANGES['none'])
    command = ['--data', str(sets), '--limit', '2', '--model']
    command.append(f'tiny={CONFIG},{checkpoint}')
    for name in ('none', 'saturation x 0', 'again'):
        command += ['--change', name]
    tool.main(command)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith('| tiny, ')
    rows = [line.split('|')[1:-1] for line in lines[2:]]
    assert [row[0].strip() for row in rows] == [
        'none',
        'saturation x 0',
        'again',
    ]
    assert rows[0][1:] == rows[2][1:] != rows[1][1:]


def test_a_missing_set_is_named(tool, tmp_path):
    with pytest.raises(SystemExit, match='error: .*nowhere'):
        tool.main(['--data', str(tmp_path / 'nowhere')])
