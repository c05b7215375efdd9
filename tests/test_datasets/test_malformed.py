"""Bad files of each layout: one line that names the file and the field."""

import json
import pickle
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from benchmark_factory import WRITERS, write_dexycb
from synhand import recipes
from synhand.datasets import (
    CocoWholeBodyHands,
    DexYcbDataset,
    FreiHand3DDataset,
    HandJsonDataset,
    HiuDmtlDataset,
    Ho3DDataset,
    InterHandSingleDataset,
    OneHand10KHands,
    PanopticHands,
    Rhd3DDataset,
    StbDataset,
)
from synhand.datasets.transforms import LoadHandImage


def interhand(root, **kwargs):
    options = dict(recipes.BENCHMARKS['interhand'].dataset, **kwargs)
    options.pop('type')
    return InterHandSingleDataset(root, **options)


def coco_style(kind, name):
    def make(root):
        options = dict(recipes.BENCHMARKS[name].dataset)
        options.pop('type')
        return kind(data_root=root, **options)

    return make


MAKERS = {
    'freihand': FreiHand3DDataset,
    'interhand2.6m': interhand,
    'rhd': Rhd3DDataset,
    'ho3d_v2': Ho3DDataset,
    'stb': StbDataset,
    'hiu_dmtl': HiuDmtlDataset,
    'ge2019': HandJsonDataset,
    'coco': coco_style(CocoWholeBodyHands, 'coco_wholebody_hand'),
    'onehand10k': coco_style(OneHand10KHands, 'onehand10k'),
    'panoptic': coco_style(PanopticHands, 'panoptic'),
}
META = 'evaluation/ABF1/meta/0001.pkl'
DATA, CAMERA, JOINTS = (
    f'annotations/test/InterHand2.6M_test_{part}.json'
    for part in ('data', 'camera', 'joint_3d')
)
RHD = 'annotations/rhd_test.json'
COCO = 'annotations/coco_wholebody_val_v1.0.json'
PANOPTIC = 'annotations/panoptic_test.json'


def refusal(name, folder, kind=(ValueError, OSError)):
    """The one line that opening a set ends in."""
    make = MAKERS[name]
    with pytest.raises(kind) as caught:
        dataset = (
            make(data_root=str(folder))
            if make is HandJsonDataset
            else make(str(folder))
        )
        len(dataset)
    message = str(caught.value)
    assert '\n' not in message
    return message


def edit(path, change):
    """Changes the content of a JSON file or pickle."""
    if path.suffix == '.pkl':
        content = pickle.loads(path.read_bytes())
        change(content)
        path.write_bytes(pickle.dumps(content, protocol=2))
        return
    content = json.loads(path.read_text())
    part = change(content)
    content = content if part is None else part
    path.write_text(json.dumps(content))


def put(*keys, value):
    """Sets content[keys...] to a value; `...` deletes it."""

    def change(content):
        for key in keys[:-1]:
            content = content[key]
        if value is ...:
            del content[keys[-1]]
        else:
            content[keys[-1]] = value

    return change


def first(count):
    return lambda content: content[:count]


@pytest.mark.parametrize(
    ('name', 'file', 'change', 'words'),
    [
        ('freihand', 'evaluation_K.json', first(0), 'the list is empty'),
        ('freihand', 'evaluation_scale.json', first(2), 'expected 3 entries'),
        (
            'freihand',
            'evaluation_xyz.json',
            put(1, 20, value=...),
            r'entry 1: expected 21 x 3 finite numbers, got shape \(20, 3\)',
        ),
        (
            'freihand',
            'evaluation_xyz.json',
            put(2, 0, 0, value=float('nan')),
            'entry 2: .* not finite',
        ),
        (
            'freihand',
            'evaluation_K.json',
            put(1, 0, 0, value=-5),
            'entry 1: .* positive focal',
        ),
        ('interhand2.6m', DATA, put('annotations', value=[]), 'found none'),
        (
            'interhand2.6m',
            DATA,
            put('annotations', 1, 'joint_valid', value=[1] * 41),
            r'annotation 1: joint_valid: expected 42',
        ),
        (
            'interhand2.6m',
            DATA,
            put('annotations', 2, 'hand_type', value='both'),
            'annotation 2: hand_type: expected one of right, left',
        ),
        (
            'interhand2.6m',
            DATA,
            put('annotations', 0, 'image_id', value=77),
            'annotation 0: image_id: no such image',
        ),
        (
            'interhand2.6m',
            CAMERA,
            put('0', 'focal', value=...),
            'capture 0: focal: expected, but it is missing',
        ),
        (
            'interhand2.6m',
            JOINTS,
            put('0', '1', 'world_coord', 3, 0, value=float('inf')),
            'frame 1: world_coord: .* not finite',
        ),
        (
            'rhd',
            RHD,
            put('annotations', 1, 'joint_cam', value=...),
            'annotation 1: joint_cam: expected, but it is missing',
        ),
        (
            'rhd',
            RHD,
            put('annotations', 0, 'hand_type', value='up'),
            'hand_type: expected left or right',
        ),
        (
            'rhd',
            RHD,
            put('images', 1, 'cam_param', value=...),
            'annotation 1: its image: cam_param: expected',
        ),
        ('rhd', RHD, put('annotations', value=[]), 'found none'),
        ('ho3d_v2', META, put('camMat', value=...), 'camMat: expected'),
        (
            'ho3d_v2',
            META,
            put('handBoundingBox', value=[1, 2, 3]),
            'handBoundingBox: expected 4',
        ),
        (
            'ho3d_v2',
            META,
            put('handJoints3D', value=np.zeros((20, 3))),
            'handJoints3D: expected 3',
        ),
        (
            'ho3d_v2',
            META,
            put('objName', value=Path('x')),
            'refused: names pathlib',
        ),
        ('ho3d_v2', 'evaluation_xyz.json', first(2), 'expected 3 entries'),
        (
            'hiu_dmtl',
            'part/1.json',
            put('pts2d_2hand', value=[[1, 2]] * 21),
            'pts2d_2hand: expected 42 x 2',
        ),
        (
            'hiu_dmtl',
            'part/1.json',
            put('hand_type', value=...),
            'hand_type: expected, but it is missing',
        ),
        ('ge2019', 'annotations.json', first(0), 'found none'),
        ('coco', COCO, put('annotations', value=[]), 'found none'),
        (
            'coco',
            COCO,
            put('annotations', 0, 'lefthand_box', value=...),
            'lefthand_box',
        ),
        (
            'panoptic',
            PANOPTIC,
            put('annotations', 1, 'head_size', value=...),
            "lacks the field 'head_size'",
        ),
        (
            'panoptic',
            PANOPTIC,
            put('annotations', 1, 'keypoints', value=[1] * 60),
            'malformed',
        ),
        (
            'panoptic',
            PANOPTIC,
            put('annotations', 1, 'keypoints', 0, value=float('nan')),
            'annotation 1: keypoints: expected finite numbers',
        ),
    ],
)
def test_a_wrong_field_is_named(tmp_path, name, file, change, words):
    WRITERS[name](tmp_path)
    if file == META:
        (tmp_path / 'evaluation_xyz.json').unlink()
    edit(tmp_path / file, change)
    message = refusal(name, tmp_path, ValueError)
    assert Path(file).name in message
    assert re.search(words, message), message


@pytest.mark.parametrize(
    ('name', 'file'),
    [
        ('freihand', 'evaluation_K.json'),
        ('freihand', 'evaluation/rgb/00000000.jpg'),
        ('interhand2.6m', CAMERA),
        ('interhand2.6m', 'images/test/image0.jpg'),
        ('rhd', RHD),
        ('rhd', 'evaluation/color/00000.png'),
        ('ho3d_v2', 'evaluation.txt'),
        ('ho3d_v2', META),
        ('ho3d_v2', 'evaluation/ABF1/rgb/0000.png'),
        ('stb', 'labels/B1Random_SK.mat'),
        ('stb', 'images/B1Counting/SK_color_0.png'),
        ('hiu_dmtl', 'part/2.jpg'),
        ('coco', COCO),
        ('coco', 'val2017/0.jpg'),
        ('onehand10k', 'annotations/onehand10k_test.json'),
        ('panoptic', 'manual_test/0_l.jpg'),
    ],
)
def test_a_missing_file_is_named(tmp_path, name, file):
    WRITERS[name](tmp_path)
    (tmp_path / file).unlink()
    message = refusal(name, tmp_path, FileNotFoundError)
    assert str(tmp_path / file) in message.replace('//', '/')


@pytest.mark.parametrize(
    ('name', 'file', 'content'),
    [
        ('freihand', 'evaluation_K.json', '[['),
        ('rhd', RHD, '[]'),
        ('ho3d_v2', 'evaluation.txt', 'ABF1-0000'),
        ('ho3d_v2', 'evaluation.txt', ''),
        ('stb', 'labels/B1Random_SK.mat', 'no matrix'),
        ('coco', COCO, '{'),
    ],
)
def test_a_file_of_another_kind_is_named(tmp_path, name, file, content):
    WRITERS[name](tmp_path)
    (tmp_path / file).write_text(content)
    message = refusal(name, tmp_path, ValueError)
    assert Path(file).name in message


def test_an_empty_folder_holds_no_hands(tmp_path):
    assert 'found none' in refusal('hiu_dmtl', tmp_path)


@pytest.mark.parametrize(
    ('values', 'words'),
    [
        ({'hands': np.zeros(3)}, 'handPara: expected, but it is missing'),
        ({'handPara': np.zeros((3, 20, 4))}, 'handPara: expected 3 x 21 x 4'),
        ({'handPara': np.full((3, 21, 4), np.nan)}, 'handPara: .*not finite'),
    ],
)
def test_stb_labels(tmp_path, values, words):
    WRITERS['stb'](tmp_path)
    savemat(tmp_path / 'labels' / 'B1Random_SK.mat', values)
    with pytest.raises(ValueError, match=f'B1Random_SK.mat: {words}'):
        len(StbDataset(str(tmp_path)))


def test_dexycb_files(tmp_path):
    """One set, broken in one place after the other; the last comes first."""
    write_dexycb(tmp_path)
    sequence = tmp_path / '20200820-subject-03' / '20200820_000004'
    labels = sequence / '836212060125' / 'labels_000000.npz'
    intrinsics = tmp_path / 'calibration/intrinsics/836212060125_640x480.yml'

    def check(words, kind=ValueError):
        with pytest.raises(kind, match=words) as caught:
            len(DexYcbDataset(str(tmp_path), subjects=[2]))
        assert '\n' not in str(caught.value)

    (sequence / '836212060125' / 'color_000000.jpg').unlink()
    check('color_000000.jpg: no such file', FileNotFoundError)
    np.savez(labels, joint_3d=np.zeros((1, 20, 3)))
    check('labels_000000.npz: joint_3d: expected 1 x 21 x 3')
    np.savez(labels, joint_2d=np.zeros((1, 21, 2)))
    check('joint_3d: expected, but it is missing')
    labels.write_bytes(b'PK\x03\x04')
    check('not a readable npz')
    labels.unlink()
    check('labels_000000.npz: no such file', FileNotFoundError)
    meta = sequence / 'meta.yml'
    meta.write_text('num_frames: 1\nmano_sides: []\n')
    check('meta.yml: mano_sides: expected left or right')
    meta.write_text('num_frames: many\n')
    check('meta.yml: num_frames: expected a number')
    meta.write_text('a: [')
    check('meta.yml: not valid YAML')
    meta.write_text('- 1\n')
    check('meta.yml: expected an object')
    sequence.rename(tmp_path / 'elsewhere')
    check('expected 100 sequences, got 99')
    intrinsics.write_text('color:\n  fx: 1.0\n')
    check('color: fy: expected, but it is missing')
    intrinsics.write_text('color: {fx: 1, fy: 1, ppx: 0, ppy: 0}')
    (tmp_path / '20200820-subject-03').rename(tmp_path / 'other')
    check('subject-03: no such folder', FileNotFoundError)


@pytest.mark.parametrize(
    ('make', 'words'),
    [
        (lambda: FreiHand3DDataset('x', 'test'), 'split: expected one of'),
        (lambda: FreiHand3DDataset('x', box='tight'), 'box: expected'),
        (lambda: FreiHand3DDataset('x', versions=(4,)), 'versions: expected'),
        (lambda: interhand('x', hands='both'), 'hands: expected one of'),
        (lambda: Ho3DDataset('x', 'test'), 'split: expected one of'),
        (lambda: DexYcbDataset('x', 's1'), 'split: expected one of'),
        (lambda: DexYcbDataset('x', 'val', [5]), 'subjects: expected some'),
        (lambda: StbDataset('x', 'val'), 'split: expected train, test'),
        (lambda: StbDataset('x', cameras=['BB']), 'cameras: expected SK'),
        (lambda: StbDataset('x', wrist='elbow'), 'wrist: expected middle'),
        (lambda: HiuDmtlDataset('x', first='up'), 'first: expected one of'),
    ],
)
def test_a_wrong_argument_is_named(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_images_and_masks_that_cannot_be_read(tmp_path):
    photo, mask = str(tmp_path / 'a.jpg'), str(tmp_path / 'm.png')
    sample = dict(img_path=photo, mask_path=mask)
    load = LoadHandImage(coverage=1.0)
    with pytest.raises(FileNotFoundError, match=r'a\.jpg: no such image'):
        load(dict(sample))
    Path(photo).write_text('text')
    with pytest.raises(ValueError, match=r'a\.jpg: .* cannot be decoded'):
        load(dict(sample))
    cv2.imwrite(photo, np.zeros((8, 9, 3), np.uint8))
    with pytest.raises(FileNotFoundError, match=r'm\.png: no such image'):
        load(dict(sample))
    cv2.imwrite(mask, np.zeros((8, 8), np.uint8))
    with pytest.raises(ValueError, match=r'm\.png: expected the size'):
        load(dict(sample))
    cv2.imwrite(mask, np.full((8, 9), 255, np.uint8))
    image = load(dict(sample))['img']
    assert image.shape == (8, 9, 4)
    assert (image[..., 3] == 255).all()
    assert LoadHandImage()(dict(sample))['img'].shape == (8, 9, 3)
    assert load(dict(img_path=photo, mask_path=''))['img'].shape == (8, 9, 3)
