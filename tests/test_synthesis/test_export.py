"""Export: what stock readers find is what the shards hold."""

import json
from collections import Counter

import cv2
import numpy as np
import pytest
from mmpose.datasets import FreiHandDataset, OneHand10KDataset

from shard_factory import make_row, write_shards
from synhand.skeleton import KEYPOINT_NAMES
from synhand.synthesis.export import ANNOTATIONS, IMAGES, export_coco
from synhand.synthesis.shards import ShardError, ShardSet, write_shard


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return write_shards(tmp_path_factory.mktemp('set'), 12, 2)


@pytest.fixture(scope='module')
def exported(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp('coco') / 'out'
    done = []
    assert export_coco(folder, out, progress=done.append) == 12
    assert done == list(range(1, 13))
    return out


def read(out):
    return json.loads((out / ANNOTATIONS).read_text())


@pytest.mark.parametrize('dataset', [OneHand10KDataset, FreiHandDataset])
def test_stock_datasets_read_our_labels(folder, exported, dataset):
    samples = dataset(
        data_root=str(exported),
        ann_file=ANNOTATIONS.as_posix(),
        data_prefix=dict(img=f'{IMAGES.as_posix()}/'),
    )
    shards = ShardSet(folder)
    assert len(samples) == 12
    assert samples.metainfo['num_keypoints'] == len(KEYPOINT_NAMES)
    for i in range(12):
        sample, row = samples[i], shards.row(i)
        hand = row['hands'][0]
        assert sample['img_id'] == row['index']
        np.testing.assert_array_equal(
            sample['keypoints'][0], hand['keypoints_2d'].astype(np.float32)
        )
        assert (sample['keypoints_visible'] == 1).all()
        with open(sample['img_path'], 'rb') as file:
            assert file.read() == row['image']
        if dataset is OneHand10KDataset:
            expected = np.clip(hand['bbox'], 0, 127)
            np.testing.assert_allclose(sample['bbox'][0], expected, rtol=1e-6)


def test_3d_and_camera_come_back_to_the_last_bit(folder, exported):
    content, shards = read(exported), ShardSet(folder)
    for i, (image, entry) in enumerate(
        zip(content['images'], content['annotations'], strict=True)
    ):
        row = shards.row(i)
        hand = row['hands'][0]
        assert image['id'] == entry['image_id'] == i
        assert len(entry['keypoints']) == 63
        assert entry['category_id'] == content['categories'][0]['id']
        assert entry['hand_side'] == ('left', 'right')[hand['side']]
        np.testing.assert_array_equal(
            np.float32(image['camera_matrix']), row['camera_matrix']
        )
        for key in (
            'keypoints_cam_anatomical',
            'keypoints_cam_mano',
            'pose',
            'shape',
        ):
            np.testing.assert_array_equal(
                np.float32(entry[key]), hand[key].ravel()
            )
        x, y, width, height = entry['bbox']
        np.testing.assert_allclose(
            [x, y, x + width, y + height],
            np.clip(hand['bbox'], 0, 127),
            rtol=1e-6,
        )


def test_hidden_keypoints_and_hands_in_the_image(tmp_path):
    row = make_row(0)
    row['hands'][0]['occluded'][[4, 7]] = 1
    near, far = make_row(1)['hands'][0], make_row(2)['hands'][0]
    far['bbox'] = far['bbox'] + 400
    row['hands'] += [near, far]
    write_shard(tmp_path / 'shard-00000.arrow', [row])
    assert export_coco(tmp_path, tmp_path / 'one') == 1
    assert export_coco(tmp_path, tmp_path / 'all', all_hands=True) == 2
    first, second = read(tmp_path / 'all')['annotations']
    visible = np.array(first['keypoints'])[2::3]
    assert np.flatnonzero(visible == 1).tolist() == [4, 7]
    assert (first['image_id'], second['image_id']) == (0, 0)
    assert (first['id'], second['id']) == (1, 2)


def test_rows_can_be_chosen(folder, tmp_path):
    assert export_coco(folder, tmp_path / 'out', range(4, 7)) == 3
    found = read(tmp_path / 'out')['images']
    assert [image['id'] for image in found] == [4, 5, 6]
    with pytest.raises(ValueError, match='rows 10-12 asked for; .* 0-11'):
        export_coco(folder, tmp_path / 'other', range(10, 13))


def test_existing_folder_is_left_alone(folder, tmp_path):
    (tmp_path / 'mine').write_text('text')
    with pytest.raises(ValueError, match='exists; expected a folder'):
        export_coco(folder, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ['mine']


def test_failure_leaves_nothing(folder, tmp_path):
    """The disk is full at the third image."""

    def fail(done):
        if done == 3:
            raise OSError(28, 'No space left on device')

    with pytest.raises(OSError, match='No space left'):
        export_coco(folder, tmp_path / 'out', progress=fail)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ShardError, match='no such folder'):
        export_coco(tmp_path / 'none', tmp_path / 'out')


def make_frame(index):
    """A picture of 192 x 128 px with 0 to 4 hands, one of them cut off."""
    row = make_row(index)
    pixels = cv2.imdecode(np.frombuffer(row['image'], np.uint8), 1)
    pixels = cv2.copyMakeBorder(pixels, 0, 0, 0, 64, cv2.BORDER_REPLICATE)
    hands = [make_row(10 * index + k)['hands'][0] for k in range(index % 5)]
    for hand in hands[3:]:
        move = [192 - hand['keypoints_2d'][9, 0], 0]
        hand['keypoints_2d'] = hand['keypoints_2d'] + move
        hand['bbox'] = hand['bbox'] + np.tile(move, 2)
        hand['occluded'] = (hand['keypoints_2d'][:, 0] > 191.5).astype(int)
    image = cv2.imencode('.png', pixels)[1].tobytes()
    return {**row, 'image': image, 'width': 192, 'hands': hands}


@pytest.fixture(scope='module')
def frames(tmp_path_factory):
    out = tmp_path_factory.mktemp('frames')
    for number, rows in enumerate((range(0, 6), range(6, 10))):
        path = out / f'shard-{number:05d}.arrow'
        write_shard(path, map(make_frame, rows))
    return out


def test_whole_pictures_have_all_hands_or_none(frames, tmp_path):
    out = tmp_path / 'out'
    assert export_coco(frames, out, all_hands=True) == 2 * (1 + 2 + 3 + 4)
    content, shards = read(out), ShardSet(frames)
    assert len(content['images']) == len(shards) == 10
    by_image = Counter(a['image_id'] for a in content['annotations'])
    assert [by_image[i] for i in range(10)] == [0, 1, 2, 3, 4] * 2
    for image in content['images']:
        assert (image['width'], image['height']) == (192, 128)
    entries = iter(content['annotations'])
    for i in range(10):
        for hand in shards.row(i)['hands']:
            points = np.reshape(next(entries)['keypoints'], (21, 3))
            np.testing.assert_array_equal(
                np.float32(points[:, :2]), hand['keypoints_2d']
            )
            outside = points[:, 0] > 191.5
            assert (points[outside, 2] == 1).all()


def test_stock_datasets_read_whole_pictures(frames, tmp_path):
    out = tmp_path / 'out'
    export_coco(frames, out, all_hands=True)
    samples = OneHand10KDataset(
        data_root=str(out),
        ann_file=ANNOTATIONS.as_posix(),
        data_prefix=dict(img=f'{IMAGES.as_posix()}/'),
    )
    assert len(samples) == 20
    shards = ShardSet(frames)
    for sample in samples:
        hands = shards.row(sample['img_id'])['hands']
        points = [hand['keypoints_2d'] for hand in hands]
        assert (np.float32(points) == sample['keypoints']).all((1, 2)).any()
        assert (sample['bbox'] >= 0).all()
        assert (sample['bbox'] <= [192, 128, 192, 128]).all()


def hugging_face():
    return pytest.importorskip(
        'datasets', reason='Hugging Face datasets is not installed'
    )


def as_columns(row):
    """A row with the numbers of a shard, in its types."""
    return {
        **row,
        'camera_matrix': np.float32(row['camera_matrix']).ravel().tolist(),
        'hands': [
            {
                key: np.asarray(value).ravel().tolist()
                if isinstance(value, np.ndarray)
                else value
                for key, value in hand.items()
            }
            for hand in row['hands']
        ],
    }


@pytest.mark.parametrize('kind', ['folder', 'frames'])
def test_hugging_face_datasets_round_trip(kind, request, tmp_path):
    """Opened from shards, saved, opened as shards: the same rows."""
    datasets = hugging_face()
    folder = request.getfixturevalue(kind)
    paths = sorted(folder.glob('shard-*.arrow'))
    found = datasets.concatenate_datasets(
        [datasets.Dataset.from_file(str(path)) for path in paths]
    )
    shards = ShardSet(folder)
    assert len(found) == len(shards)
    for i in range(len(shards)):
        expected = as_columns(shards.row(i))
        for key, value in found[i].items():
            value = value['bytes'] if isinstance(value, dict) else value
            assert value == expected[key], (i, key)
    found.save_to_disk(tmp_path / 'saved')
    (saved,) = (tmp_path / 'saved').glob('*.arrow')
    saved.rename(tmp_path / 'shard-00000.arrow')
    again = ShardSet(tmp_path)
    assert len(again) == len(shards)
    for i in range(len(shards)):
        assert as_columns(again.row(i)) == as_columns(shards.row(i))


def test_hugging_face_datasets_show_pictures(frames, tmp_path):
    datasets = hugging_face()
    found = datasets.load_dataset(
        'arrow',
        data_files=[str(p) for p in sorted(frames.glob('*.arrow'))],
        split='train',
        cache_dir=str(tmp_path),
    )
    assert [len(hands) for hands in found['hands']] == [0, 1, 2, 3, 4] * 2
    picture = found.cast_column('image', datasets.Image())[3]['image']
    expected = cv2.imdecode(
        np.frombuffer(ShardSet(frames).row(3)['image'], np.uint8), 1
    )
    np.testing.assert_array_equal(np.array(picture)[..., ::-1], expected)
