"""Folders of photos: which files, in which order, how large."""

import cv2
import numpy as np
import pytest

from synhand.datasets.transforms.background import BackgroundSource
from synhand.photos import background_photos, find_files, read_small
from synhand.synthesis.config import SynthesisConfig


def test_training_and_rendering_use_the_same_photos(tmp_path):
    (tmp_path / 'below').mkdir()
    names = ('b.jpg', 'a.PNG', 'below/c.webp', 'd.Jpeg')
    for name in (*names, 'notes.txt', 'e.hdr'):
        (tmp_path / name).write_bytes(b'x')
    expected = sorted(tmp_path / name for name in names)
    assert background_photos(tmp_path) == expected
    assert BackgroundSource(str(tmp_path))._paths == expected
    config = SynthesisConfig(backgrounds=str(tmp_path))
    assert config.background_files() == expected


def test_folders_without_such_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='away: no such folder; .* x'):
        find_files(tmp_path / 'away', ('.a', '.b'), 'x')
    with pytest.raises(FileNotFoundError, match=r'no x in it; .* \.a, \.b'):
        find_files(tmp_path, ('.a', '.b'), 'x')


def test_photos_are_shrunk_and_never_enlarged(tmp_path):
    path = tmp_path / 'a.png'
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    cv2.imwrite(str(path), image)
    np.testing.assert_array_equal(read_small(path, 60), image)
    # Areas of 2 x 2 pixels become their mean.
    means = image.reshape(20, 2, 30, 2, 3).mean((1, 3))
    small = read_small(path, 30).astype(float)
    np.testing.assert_allclose(small, means, atol=0.51)


@pytest.mark.parametrize('content', [b'', b'nothing'])
def test_what_is_no_photo_is_named(tmp_path, content):
    path = tmp_path / 'a.jpg'
    path.write_bytes(content)
    with pytest.raises(ValueError, match='a.jpg: not a readable image'):
        read_small(path, 30)
