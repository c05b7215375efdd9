"""Reading photos, and finding them."""

import cv2
import numpy as np
import pytest

from synhand.apis import find_images, read_image


@pytest.fixture
def image():
    noise = np.random.default_rng(0).integers(0, 256, (8, 6, 3), np.uint8)
    return cv2.resize(noise, (48, 64))


def _encoded(image, suffix):
    return cv2.imencode(suffix, image)[1].tobytes()


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.webp', '.bmp', '.tif'])
@pytest.mark.parametrize('share', [0.05, 0.5, 0.97])
def test_whole_files_are_read_and_cut_ones_refused(
    image, suffix, share, tmp_path
):
    path = tmp_path / f'photo{suffix}'
    data = _encoded(image, suffix)
    path.write_bytes(data)
    expected = cv2.imread(str(path))
    np.testing.assert_array_equal(read_image(path), expected)
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ValueError, match=f'photo{suffix}: expected') as error:
        read_image(path)
    assert '\n' not in str(error.value)


def test_progressive_grey_and_followed_files_are_whole(image, tmp_path):
    path = tmp_path / 'photo.jpg'
    progressive = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]
    data = cv2.imencode('.jpg', image, progressive)[1].tobytes()
    for content in (data, _encoded(image[..., 0], '.jpg'), data + b'more'):
        path.write_bytes(content)
        assert read_image(path).shape == image.shape
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match='truncated'):
        read_image(path)


def test_other_files_are_named(tmp_path):
    path = tmp_path / 'notes.jpg'
    with pytest.raises(FileNotFoundError, match='no such image file'):
        read_image(path)
    path.write_bytes(b'')
    with pytest.raises(ValueError, match=r'notes\.jpg: .* empty'):
        read_image(path)
    path.write_text('these are words')
    with pytest.raises(ValueError, match=r'notes\.jpg: .* not an image'):
        read_image(path)
    cv2.imwrite(str(path), np.zeros((1, 20, 3), np.uint8))
    with pytest.raises(ValueError, match=r'notes\.jpg: .* 2 x 2 px'):
        read_image(path)


def test_too_many_pixels(tmp_path, monkeypatch):
    path = tmp_path / 'large.png'
    cv2.imwrite(str(path), np.zeros((90, 100, 3), np.uint8))
    monkeypatch.setattr('PIL.Image.MAX_IMAGE_PIXELS', 4000)
    with pytest.raises(ValueError, match=r'large\.png: .* at most .* pixels'):
        read_image(path)


@pytest.fixture
def folder(tmp_path):
    names = ('b.JPG', 'a.png', 'in/c.jpeg', 'in/deep/d.jpg', 'notes.txt')
    for name in (*names, '.hidden.jpg', '.cache/x.jpg', 'out/a.png'):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'')
    return tmp_path


def _names(found):
    base, images, others = found
    return [
        sorted(p.relative_to(base).as_posix() for p in files)
        for files in (images, others)
    ]


def test_a_folder_is_searched_without_the_results(folder):
    found = find_images(folder, leave_out=folder / 'out')
    images = ['a.png', 'b.JPG', 'in/c.jpeg', 'in/deep/d.jpg']
    assert _names(found) == [images, ['notes.txt']]


def test_a_glob_takes_what_it_matches(folder):
    assert _names(find_images(f'{folder}/*.*')) == [
        ['a.png', 'b.JPG', 'notes.txt'],
        [],
    ]
    assert _names(find_images(f'{folder}/in/**/*.j*')) == [
        ['c.jpeg', 'deep/d.jpg'],
        [],
    ]


def test_a_file_is_relative_to_its_folder(folder):
    assert _names(find_images(folder / 'in' / 'c.jpeg')) == [['c.jpeg'], []]


@pytest.mark.parametrize('pattern', ['none', 'none/*.jpg', '.cache/y*'])
def test_nothing_found_is_an_error(folder, pattern):
    with pytest.raises(FileNotFoundError, match='expected an image'):
        find_images(folder / pattern)
