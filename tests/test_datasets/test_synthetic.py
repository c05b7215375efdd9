"""The synthetic set as MMPose sees it."""

import pickle
from operator import itemgetter

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS
from torch.utils.data import DataLoader

import synhand.registry  # noqa: F401
from shard_factory import make_row, write_shards
from synhand.datasets import SyntheticHandDataset, hand_metainfo
from synhand.geometry.cameras import project
from synhand.skeleton import BONES, KEYPOINT_NAMES
from synhand.synthesis.shards import shard_name, write_shard


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return write_shards(tmp_path_factory.mktemp('set'), count=10, shards=3)


def test_a_sample_holds_what_was_written(folder):
    dataset = SyntheticHandDataset(str(folder))
    assert len(dataset) == 10
    for number in (0, 5, 9):
        sample, row = dataset.get_data_info(number), make_row(number)
        hand = row['hands'][0]
        np.testing.assert_allclose(
            sample['keypoints'][0], hand['keypoints_2d'], atol=1e-4
        )
        np.testing.assert_allclose(
            sample['keypoints_cam'][0],
            hand['keypoints_cam_anatomical'],
            atol=1e-3,
        )
        assert sample['hand_side'][0] == hand['side']
        assert sample['img_path'] == f'{folder}#{number}'
        assert sample['image_bytes'] == row['image']


def test_shapes_and_no_given_scale(folder):
    sample = SyntheticHandDataset(str(folder)).get_data_info(3)
    shapes = {
        'bbox': (1, 4),
        'keypoints': (1, 21, 2),
        'keypoints_visible': (1, 21),
        'keypoints_occluded': (1, 21),
        'keypoints_cam': (1, 21, 3),
        'keypoints_cam_valid': (1, 21),
        'camera_matrix': (1, 3, 3),
        'hand_side': (1,),
        'bone_scale': (1,),
    }
    for key, shape in shapes.items():
        assert sample[key].shape == shape, key
    # A benchmark may give models the scale; here they have to find it.
    assert np.isnan(sample['bone_scale']).all()


def test_the_mano_family_projects_onto_its_own_keypoints(folder):
    dataset = SyntheticHandDataset(str(folder), joint_family='mano')
    sample = dataset.get_data_info(1)
    pixels = project(sample['keypoints_cam'], sample['camera_matrix'])
    np.testing.assert_allclose(sample['keypoints'], pixels, atol=1e-2)
    other = SyntheticHandDataset(str(folder)).get_data_info(1)
    assert np.abs(sample['keypoints'] - other['keypoints']).max() > 0.01


@pytest.mark.parametrize(
    ('indices', 'rows'),
    [
        (None, range(10)),
        (4, range(4)),
        (-3, range(7, 10)),
        ((2, 6), range(2, 6)),
        ([6, 10], range(6, 10)),
    ],
)
def test_indices_choose_a_part(folder, indices, rows):
    dataset = SyntheticHandDataset(str(folder), indices=indices)
    found = [dataset.get_data_info(i)['img_id'] for i in range(len(dataset))]
    assert found == list(rows)


@pytest.mark.parametrize('indices', [0, 11, (3, 3), (4, 12), (1, 2, 3)])
def test_senseless_indices_are_named(folder, indices):
    with pytest.raises(ValueError, match='indices'):
        SyntheticHandDataset(str(folder), indices=indices)


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
    """Rows 1, 3, 4 and 8 of 10 show a hand, row 3 two of them."""
    rows = [make_row(number) for number in range(10)]
    for row in rows:
        row['hands'] *= {1: 1, 3: 2, 4: 1, 8: 1}.get(row['index'], 0)
    folder = tmp_path_factory.mktemp('pictures')
    write_shard(folder / shard_name(0), rows[:4])
    write_shard(folder / shard_name(1), rows[4:])
    return folder


@pytest.mark.parametrize(
    ('indices', 'rows'),
    [(None, [1, 3, 4, 8]), (2, [1, 3]), ((1, 4), [3, 4, 8])],
)
def test_rows_without_a_hand_are_left_out(pictures, indices, rows):
    dataset = SyntheticHandDataset(
        str(pictures), indices=indices, pipeline=[itemgetter('img_id')]
    )
    assert list(dataset) == rows
    assert pickle.loads(pickle.dumps(dataset))[1] == rows[1]
    assert list(dataset.get_subset([1])) == rows[1:2]


def test_more_hands_than_rows_with_one_are_not_to_be_had(pictures):
    with pytest.raises(ValueError, match='holds 4 rows'):
        SyntheticHandDataset(str(pictures), indices=5)


def test_a_set_without_a_hand_is_named(tmp_path):
    write_shard(tmp_path / shard_name(0), [{**make_row(0), 'hands': []}])
    with pytest.raises(ValueError, match=f'{tmp_path}: none of its 1 rows'):
        SyntheticHandDataset(str(tmp_path))


def test_subsets_leave_the_set_as_it_is(folder):
    dataset = SyntheticHandDataset(str(folder), indices=(2, 9))
    subset = dataset.get_subset([0, 6])
    assert [subset.get_data_info(i)['img_id'] for i in (0, 1)] == [2, 8]
    assert len(dataset.get_subset(-2)) == 2
    assert len(dataset) == 7


def test_pickled_set_is_small_and_works(folder):
    dataset = SyntheticHandDataset(str(folder))
    dataset.get_data_info(0)
    data = pickle.dumps(dataset)
    assert len(data) < 50_000
    again = pickle.loads(data)
    assert again.get_data_info(9)['img_id'] == 9


@pytest.mark.parametrize('method', ['fork', 'spawn'])
def test_workers_read_the_same_rows(folder, method):
    dataset = SyntheticHandDataset(
        str(folder), pipeline=[itemgetter('img_id')]
    )
    dataset.get_data_info(0)  # opens the shards in this process
    loader = DataLoader(
        dataset,
        batch_size=5,
        num_workers=1,
        multiprocessing_context=method,
        collate_fn=list,
    )
    assert sum(loader, []) == list(range(10))


def test_missing_and_damaged_sets_are_named(tmp_path):
    with pytest.raises(ValueError, match='no such folder'):
        SyntheticHandDataset(str(tmp_path / 'absent'))
    folder = write_shards(tmp_path / 'set', count=4, shards=1)
    path = next(folder.iterdir())
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match=path.name):
        SyntheticHandDataset(str(folder))


def test_unknown_joint_family_is_named(folder):
    with pytest.raises(ValueError, match="joint_family.*'openpose'"):
        SyntheticHandDataset(str(folder), joint_family='openpose')


def test_metainfo_describes_the_skeleton(folder):
    init_default_scope('mmpose')
    dataset = DATASETS.build(
        {'type': 'SyntheticHandDataset', 'data_root': str(folder)}
    )
    meta = dataset.metainfo
    assert [meta['keypoint_id2name'][k] for k in range(21)] == list(
        KEYPOINT_NAMES
    )
    assert [tuple(link) for link in meta['skeleton_links']] == list(BONES)
    assert meta['flip_indices'] == list(range(21))
    assert len(set(map(tuple, meta['keypoint_colors']))) == 6
    assert meta['dataset_name'] == 'synhand'
    assert hand_metainfo('other')['dataset_name'] == 'other'
