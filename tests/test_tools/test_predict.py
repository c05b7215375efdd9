"""`tools/predict.py`: from files to files, and what it says of bad ones."""

import json
import shutil

import cv2
import numpy as np
import pytest
import torch

from model_factory import CONFIG, load_tool, write_checkpoint, write_photos
from synhand.apis import FoundHand


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp('model') / 'random.pth'
    return write_checkpoint(path)


@pytest.fixture
def predict(checkpoint, monkeypatch, tmp_path):
    """``predict(arguments...)``: exit code and entries, in this process.

    Hands are searched for by `find`, a function from images to boxes, if any.
    """
    tool = load_tool('predict')
    monkeypatch.chdir(tmp_path)

    def run(*arguments, out='out', find=None):
        monkeypatch.setattr(tool, 'HandFinder', lambda *_, **__: find)
        argv = ['predict.py', '--config', CONFIG, '--checkpoint', checkpoint]
        argv += ['--out', out, *arguments, *['--whole-image'] * (not find)]
        monkeypatch.setattr('sys.argv', [str(a) for a in argv])
        code = tool.main()
        path = tmp_path / out / 'predictions.json'
        found = json.loads(path.read_text()) if path.exists() else None
        return code, found

    return run


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / 'photos'
    write_photos(folder / 'in', count=3)
    (folder / 'in' / 'annotations.json').rename(folder / 'hands.json')
    entries = json.loads((folder / 'hands.json').read_text())
    for entry in entries:
        entry['image'] = f'in/{entry["image"]}'
    (folder / 'hands.json').write_text(json.dumps(entries))
    return folder


@pytest.fixture
def annotated(photos):
    """``annotated(change)``: arguments with an annotation file changed."""

    def change(**fields):
        path = photos / 'hands.json'
        entries = json.loads(path.read_text())
        entries[1].update(fields)
        path.write_text(json.dumps(entries))
        return photos, '--annotations', path

    return change


def _lines(capsys, word):
    text = capsys.readouterr().err.replace('\r', '\n')
    return [line for line in text.splitlines() if line.startswith(word)]


def test_annotated_folder(predict, photos, annotated, tmp_path, capsys):
    (photos / 'LICENSE').write_text('words')
    code, found = predict(*annotated())
    assert code == 0
    entries = json.loads((photos / 'hands.json').read_text())
    assert [e['image'] for e in found] == ['in/0.jpg', 'in/1.jpg', 'in/2.jpg']
    for entry, given in zip(found, entries, strict=True):
        assert entry['hand'] == given['hand']
        np.testing.assert_allclose(entry['bbox'], given['bbox'], atol=0.01)
        assert entry['camera'] == 'given'
        for name in ('keypoints_2d', 'keypoints_3d_mm', 'keypoints_cam_mm'):
            assert np.array(entry[name]).shape == (21, 3)
        assert np.all(np.array(entry['keypoints_cam_mm'])[:, 2] > 0)
        picture = tmp_path / 'out' / entry['image'].replace('jpg', 'png')
        assert cv2.imread(str(picture)).shape[1] > 384
    files = [p for p in (tmp_path / 'out').rglob('*') if p.is_file()]
    assert len(files) == 4  # and nothing temporary
    output = capsys.readouterr()
    assert '3 hands in 3 images, 0 skipped' in output.out
    assert 'no images by name: LICENSE\n' in output.err


def test_plain_photo_needs_no_box(predict, photos, tmp_path):
    code, (entry,) = predict(photos / 'in' / '1.jpg', '--no-images')
    assert code == 0
    assert entry['image'] == '1.jpg'
    x1, y1, x2, y2 = entry['bbox']
    assert 0 <= x1 < x2 <= 127
    assert 0 <= y1 < y2 <= 127
    assert entry['hand'] in ('left', 'right')
    assert (entry['camera'], entry['keypoints_cam_mm']) == ('assumed', None)
    assert [p.name for p in (tmp_path / 'out').iterdir()] == [
        'predictions.json'
    ]


def test_every_hand_that_is_found_is_read(predict, photos, capsys):
    boxes = [[10, 10, 60, 60], [70, 70, 120, 110]]
    images = []

    def find(image):
        images.append(image)
        found = boxes if len(images) == 1 else []
        return [FoundHand(np.float32(box)) for box in found]

    code, found = predict(
        *(photos / 'in' / '0.jpg', photos / 'in' / '1.jpg'),
        *('--min-score', 0),
        find=find,
    )
    assert code == 0
    assert sorted(entry['bbox'] for entry in found) == boxes
    assert {entry['image'] for entry in found} == {'0.jpg'}
    assert '2 hands in 1 images, 0 skipped' in capsys.readouterr().out


def test_a_hand_that_is_searched_for_twice_is_there_once(predict, photos):
    path = photos / 'both.json'
    path.write_text(json.dumps([{'image': 'in/0.jpg'}] * 2))

    def find(image):
        return [FoundHand(np.float32([10, 10, 60, 60]))]

    options = ['--annotations', path, '--no-images', '--min-score', 0]
    code, found = predict(photos / 'in' / '0.jpg', *options, find=find)
    assert (code, len(found)) == (0, 1)


def test_photos_do_not_wait_for_the_last_one(predict, photos, tmp_path):
    written = []

    def find(image):
        written.append(len(list((tmp_path / 'out').rglob('*.png'))))
        return [FoundHand(np.float32([10, 10, 60, 60]))]

    options = ['--batch-size', 1, '--min-score', 0]
    predict(photos / 'in', *options, find=find)
    assert written == [0, 1, 2]


def test_places_with_unsure_keypoints_are_no_hands(predict, photos):
    def find(image):
        return [FoundHand(np.float32([10, 10, 60, 60]))]

    photo = photos / 'in' / '0.jpg'
    assert predict(photo, '--min-score', 1, find=find) == (0, [])
    assert len(predict(photo, '--min-score', 1)[1]) == 1  # the whole image


def test_boxes_that_are_given_are_not_searched_for(predict, annotated):
    def find(image):
        raise AssertionError

    code, found = predict(*annotated(), '--no-images', find=find)
    assert (code, len(found)) == (0, 3)


@pytest.mark.parametrize(
    'arguments', [['--finder', 'a', 'b', 'c'], ['--finder', 'a']]
)
def test_a_finder_is_a_name_or_two_files(predict, arguments, capsys):
    with pytest.raises(SystemExit):
        predict('photos', *arguments)
    assert 'error: ' in capsys.readouterr().err


def test_glob_and_several_inputs(predict, photos):
    _, found = predict(f'{photos}/in/[01].jpg', '--no-images')
    assert [e['image'] for e in found] == ['0.jpg', '1.jpg']
    files = [photos / 'in' / f'{n}.jpg' for n in (2, 0)]
    _, found = predict(*files, '--no-images')
    assert [e['image'] for e in found] == ['2.jpg', '0.jpg']


def test_two_hands_in_an_image(predict, photos, tmp_path):
    entries = [
        dict(image='in/0.jpg', bbox=[10, 10, 60, 60], hand='left'),
        dict(image='in/0.jpg', bbox=[50, 50, 120, 110], hand='right'),
    ]
    path = photos / 'two.json'
    path.write_text(json.dumps(entries))
    code, found = predict(photos / 'in' / '0.jpg', '--annotations', path)
    assert code == 0
    assert [e['hand'] for e in found] == ['left', 'right']
    assert (tmp_path / 'out' / '0.png').exists()


def test_batches_do_not_change_the_order(predict, annotated):
    _, one = predict(*annotated(), '--no-images', '--batch-size', 1)
    _, all_ = predict(*annotated(), '--no-images')
    assert len(one) == len(all_) == 3
    for first, second in zip(one, all_, strict=True):
        assert first['image'] == second['image']
        np.testing.assert_allclose(
            first['keypoints_2d'], second['keypoints_2d'], atol=0.05
        )


def test_annotations_of_another_folder_are_of_input(predict, photos, tmp_path):
    path = tmp_path / 'elsewhere' / 'hands.json'
    path.parent.mkdir()
    shutil.move(photos / 'hands.json', path)
    code, found = predict(photos, '--annotations', path, '--no-images')
    assert code == 0
    assert {e['camera'] for e in found} == {'given'}


def test_bad_files_are_named_and_the_rest_written(predict, photos, capsys):
    good = (photos / 'in' / '0.jpg').read_bytes()
    (photos / 'cut.jpg').write_bytes(good[: len(good) // 2])
    (photos / 'empty.png').write_bytes(b'')
    (photos / 'words.jpg').write_text('words')
    code, found = predict(photos)
    assert code == 1
    assert len(found) == 3
    skipped = _lines(capsys, 'skipped: ')
    assert len(skipped) == 3
    for name in ('cut.jpg', 'empty.png', 'words.jpg'):
        assert sum(name in line for line in skipped) == 1


def test_only_bad_files_give_an_empty_list(predict, tmp_path):
    (tmp_path / 'empty.png').write_bytes(b'')
    assert predict(tmp_path / 'empty.png') == (1, [])


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        (dict(K=[[1, 0], [0, 1]]), 'entry 1: K: expected a 3x3 camera'),
        (dict(bbox=[9, 9, 2, 2]), 'entry 1: bbox: expected x1 < x2'),
        (dict(bbox=[1, 2, 3]), 'entry 1: bbox: expected 4 finite numbers'),
        (dict(hand='both'), 'entry 1: hand: expected left, right or unknown'),
        (dict(image=7), 'entry 1: image: expected a file name'),
    ],
)
def test_wrong_annotations_end_in_one_line(
    predict, annotated, fields, message, capsys
):
    assert predict(*annotated(**fields)) == (1, None)
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith('error: ')
    assert f'hands.json: {message}' in line


def test_entries_without_an_image_are_named(predict, annotated, capsys):
    code, found = predict(*annotated(image='in/gone.jpg'), '--no-images')
    assert code == 1
    (line,) = _lines(capsys, 'skipped: ')
    assert 'hands.json: entry 1: image: expected an image file' in line
    assert 'gone.jpg' in line
    assert [e['camera'] for e in found] == ['given', 'assumed', 'given']


def test_boxes_beside_their_image_are_named(predict, annotated, capsys):
    code, found = predict(*annotated(bbox=[400, 1, 500, 9]), '--no-images')
    assert code == 1
    (line,) = _lines(capsys, 'skipped: ')
    assert 'hands.json: entry 1: bbox: expected a box that meets' in line
    assert [e['image'] for e in found] == ['in/0.jpg', 'in/2.jpg']


def test_annotations_of_other_images_are_refused(
    predict, photos, tmp_path, capsys
):
    write_photos(tmp_path / 'other', count=1)
    code, _ = predict(
        photos, '--annotations', tmp_path / 'other' / 'annotations.json'
    )
    assert code == 1
    assert 'none of the 1 entries' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['nothing'], 'nothing: expected an image'),
        (['photos', '--annotations', 'none.json'], 'none.json: no such'),
        (['photos', '--model', 'big'], 'name of a model, or a config'),
        (['photos', '--device', 'abacus'], "got 'abacus'"),
        (['photos', '--batch-size', '0'], 'batch_size: expected 1'),
    ],
)
def test_wrong_arguments_end_in_one_line(
    predict, photos, arguments, message, capsys
):
    assert predict(*arguments) == (1, None)
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line


def test_useless_checkpoints_end_in_one_line(
    predict, photos, checkpoint, tmp_path, capsys
):
    content = torch.load(checkpoint)
    content['state_dict']['head.log_softness'][:] = np.nan
    torch.save(content, tmp_path / 'nan.pth')
    code, found = predict(photos, '--checkpoint', tmp_path / 'nan.pth')
    assert (code, found) == (1, None)
    assert _lines(capsys, 'error: the model gives values') != []


def test_photos_are_never_replaced(predict, tmp_path, capsys):
    write_photos(tmp_path / 'photos', count=1, name='.png')
    before = (tmp_path / 'photos' / '0.png').read_bytes()
    assert predict('photos', out='photos') == (1, None)
    assert 'would replace a photo' in capsys.readouterr().err
    assert (tmp_path / 'photos' / '0.png').read_bytes() == before


def test_results_inside_the_input_are_not_read_again(predict, photos):
    for _ in range(2):
        code, found = predict('photos', out='photos/out')
        assert (code, len(found)) == (0, 3)


def test_names_that_differ_in_the_suffix_keep_both(predict, tmp_path):
    write_photos(tmp_path / 'photos', count=1, name='.png')
    write_photos(tmp_path / 'photos', count=1, name='.jpg')
    _, found = predict('photos')
    assert len(found) == 2
    pictures = {p.name for p in (tmp_path / 'out').glob('*.png')}
    assert pictures == {'0.png.png', '0.jpg.png'}


def test_real_photos_of_left_hands(predict, real_data, tmp_path):
    source = real_data / 'ge2019'
    entries = json.loads((source / 'annotations.json').read_text())[:4]
    for entry in entries:
        entry['image'] = str(source / entry['image'])
    path = tmp_path / 'hands.json'
    path.write_text(json.dumps(entries))
    code, found = predict(
        f'{source}/images/0000[0-3].jpg', '--annotations', path
    )
    assert (code, len(found)) == (0, 4)
    assert {e['hand'] for e in found} == {'left'}
