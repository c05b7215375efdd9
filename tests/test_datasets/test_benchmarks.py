"""The public sets: official files in, samples of the contract out."""

import numpy as np
import pytest

from benchmark_factory import (
    WRITERS,
    write_dexycb,
    write_freihand,
    write_freihand_meshes,
    write_ho3d,
    write_interhand,
    write_rhd,
    write_stb,
)
from synhand import recipes
from synhand.datasets import (
    CocoWholeBodyHands,
    DexYcbDataset,
    FreiHand3DDataset,
    HiuDmtlDataset,
    Ho3DDataset,
    InterHandSingleDataset,
    OneHand10KHands,
    PanopticHands,
    Rhd3DDataset,
    StbDataset,
)
from synhand.datasets.transforms import LoadHandImage, PackHandInputs
from synhand.geometry.cameras import project
from synhand.skeleton import ORDERS

INTERHAND = {
    key: value
    for key, value in recipes.BENCHMARKS['interhand'].dataset.items()
    if key != 'type'
}
SAMPLES = dict(
    ann_file='test_interhand2.6m_data.json',
    camera_param_file='test_interhand2.6m_camera.json',
    joint_file='test_interhand2.6m_joint_3d.json',
)


def samples(dataset):
    return [dataset.get_data_info(i) for i in range(len(dataset))]


def stacked(dataset, key):
    return np.concatenate([sample[key] for sample in samples(dataset)])


def check_projection(dataset, pixels):
    """K times the 3D labels are the 2D labels, on all samples."""
    for sample in samples(dataset):
        seen = project(sample['keypoints_cam'], sample['camera_matrix'])
        assert np.abs(seen - sample['keypoints']).max() < pixels


def curls(dataset):
    """+1 for a bent right hand, -1 for a bent left one, 0 if not bent."""
    signs = []
    for points in stacked(dataset, 'keypoints_cam').astype(float):
        palm = np.cross(points[5] - points[0], points[17] - points[0])
        bent = (points[[8, 12, 16, 20]] - points[[5, 9, 13, 17]]).mean(0)
        sine = palm @ bent / np.linalg.norm(palm) / np.linalg.norm(bent)
        signs.append(np.sign(sine) * (abs(sine) > 0.6))
    return np.array(signs)


# FreiHAND ------------------------------------------------------------------


def test_freihand_is_read_in_mm_with_its_scale(tmp_path):
    points = write_freihand(tmp_path)
    dataset = FreiHand3DDataset(str(tmp_path))
    np.testing.assert_allclose(
        stacked(dataset, 'keypoints_cam'), points, atol=1e-3
    )
    bones = np.linalg.norm(points[:, 10] - points[:, 9], axis=-1)
    np.testing.assert_allclose(stacked(dataset, 'bone_scale'), bones, 1e-5)
    assert stacked(dataset, 'bbox').tolist() == [[0, 0, 223, 223]] * 3
    assert (stacked(dataset, 'hand_side') == 1).all()
    check_projection(dataset, 1e-3)


def test_freihand_training_has_four_versions_of_each_hand(tmp_path):
    points = write_freihand(tmp_path)
    dataset = FreiHand3DDataset(str(tmp_path), 'training')
    assert len(dataset) == 4 * len(points)
    for number, sample in enumerate(samples(dataset)):
        assert sample['img_id'] == number
        assert sample['img_path'].endswith(f'rgb/{number:08d}.jpg')
        hand = number % 3
        assert sample['mask_path'].endswith(f'mask/{hand:08d}.jpg')
        np.testing.assert_allclose(
            sample['keypoints_cam'][0], points[hand], atol=1e-3
        )
    part = FreiHand3DDataset(str(tmp_path), 'training', versions=(2,))
    assert [s['img_id'] for s in samples(part)] == [6, 7, 8]
    tight = FreiHand3DDataset(str(tmp_path), 'training', box='keypoints')
    low = stacked(tight, 'keypoints').min(1)
    np.testing.assert_allclose(stacked(tight, 'bbox')[:, :2], low)
    assert (stacked(tight, 'bbox_score') == 1).all()
    assert (stacked(part, 'bbox_score') == 0).all()  # whole images


def test_freihand_without_labels_gives_camera_and_scale(tmp_path):
    write_freihand(tmp_path)
    (tmp_path / 'evaluation_xyz.json').unlink()
    sample = FreiHand3DDataset(str(tmp_path)).get_data_info(1)
    assert np.isnan(sample['keypoints_cam']).all()
    assert not sample['keypoints_visible'].any()
    assert np.isfinite(sample['camera_matrix']).all()
    assert np.isfinite(sample['bone_scale']).all()
    with pytest.raises(ValueError, match="box='keypoints' needs it"):
        len(FreiHand3DDataset(str(tmp_path), box='keypoints'))


def test_freihand_meshes_are_packed_in_mm(tmp_path):
    points = write_freihand(tmp_path)
    pipeline = [LoadHandImage(), PackHandInputs()]
    options = dict(data_root=str(tmp_path), pipeline=pipeline)
    without = FreiHand3DDataset(**options)[1]['data_samples'].gt_instances
    assert 'vertices_cam' not in without
    with pytest.raises(FileNotFoundError, match='evaluation_verts.json'):
        FreiHand3DDataset(**options, vertices=True)
    vertices = write_freihand_meshes(tmp_path, points)
    dataset = FreiHand3DDataset(**options, vertices=True)
    found = dataset[1]['data_samples'].gt_instances.vertices_cam
    assert found.shape == (1, 778, 3)
    np.testing.assert_allclose(found[0], vertices[1], atol=1e-3)
    with pytest.raises(ValueError, match="vertices: .* got 'training'"):
        FreiHand3DDataset(str(tmp_path), 'training', vertices=True)


def test_real_freihand(real_data):
    folder = str(real_data / 'freihand_official_mini')
    assert len(FreiHand3DDataset(folder)) == 60
    train = FreiHand3DDataset(folder, 'training', versions=(0,))
    assert len(train) == 5
    points = stacked(train, 'keypoints_cam')
    assert (points[:, 0, 2] > 500).all() and (points[:, 0, 2] < 1000).all()
    bones = np.linalg.norm(points[:, 10] - points[:, 9], axis=-1)
    np.testing.assert_allclose(stacked(train, 'bone_scale'), bones, 1e-4)
    assert curls(train).max() == 1 and curls(train).min() >= 0
    assert (stacked(train, 'keypoints') > 0).all()
    assert (stacked(train, 'keypoints') < 224).all()


# InterHand2.6M -------------------------------------------------------------


def test_interhand_gives_each_hand_in_its_camera(tmp_path):
    points = write_interhand(tmp_path)
    dataset = InterHandSingleDataset(str(tmp_path), **INTERHAND)
    np.testing.assert_allclose(
        stacked(dataset, 'keypoints_cam'), points, atol=1e-2
    )
    assert stacked(dataset, 'hand_side').tolist() == [1, 0, 1, 0]
    pairs = stacked(dataset, 'interacting')
    assert pairs.tolist() == [False, False, True, True]
    assert [s['img_id'] for s in samples(dataset)] == [0, 1, 2, 2]
    check_projection(dataset, 1e-3)
    for hands, sides in (('single', [1, 0]), ('interacting', [1, 0])):
        part = InterHandSingleDataset(str(tmp_path), hands=hands, **INTERHAND)
        assert stacked(part, 'hand_side').tolist() == sides


def test_real_interhand_agrees_with_the_stock_class(real_data):
    from mmpose.datasets.datasets.hand3d import InterHand3DDataset

    folder = str(real_data / 'mmpose_samples' / 'interhand2.6m')
    dataset = InterHandSingleDataset(folder, **SAMPLES)
    stock = InterHand3DDataset(
        data_root=folder, data_prefix=dict(img=''), **SAMPLES
    )
    theirs = {info['img_id']: info for info in samples(stock)}
    order = np.array(ORDERS['interhand'])
    for sample in samples(dataset):
        whole = theirs[sample['img_id']]
        hand = order + (0 if sample['hand_side'][0] == 1 else 21)
        np.testing.assert_allclose(
            sample['keypoints_cam'][0],
            whole['keypoints_cam'][0][hand],
            atol=1e-2,
        )
        np.testing.assert_allclose(
            sample['keypoints'][0], whole['keypoints'][0, hand, :2], atol=0.01
        )
        assert sample['img_path'] == whole['img_path']
    check_projection(dataset, 1e-3)
    assert len(dataset) == 6


# RHD -----------------------------------------------------------------------


def test_rhd_gives_both_sides(tmp_path):
    points = write_rhd(tmp_path)
    dataset = Rhd3DDataset(str(tmp_path))
    np.testing.assert_allclose(
        stacked(dataset, 'keypoints_cam'), points, atol=1e-3
    )
    assert stacked(dataset, 'hand_side').tolist() == [1, 0]
    check_projection(dataset, 1e-3)


def test_real_rhd(real_data):
    folder = str(real_data / 'mmpose_samples' / 'rhd')
    dataset = Rhd3DDataset(folder, 'test_rhd.json')
    check_projection(dataset, 0.1)
    sides = 2 * stacked(dataset, 'hand_side') - 1
    found = curls(dataset)
    assert (found == sides)[found != 0].all() and found.any()


# HO-3D, DexYCB, STB, HIU-DMTL ----------------------------------------------


@pytest.mark.parametrize('ending', ['.png', '.jpg'])
def test_ho3d_leaves_opengl_behind(tmp_path, ending):
    points = write_ho3d(tmp_path, ending)
    for split in ('train', 'evaluation'):
        dataset = Ho3DDataset(str(tmp_path), split)
        np.testing.assert_allclose(
            stacked(dataset, 'keypoints_cam'), points, atol=1e-3
        )
        check_projection(dataset, 1e-3)
        assert samples(dataset)[2]['img_path'].endswith(f'0002{ending}')
    low = stacked(dataset, 'bbox')[:, :2] - stacked(dataset, 'keypoints').min(
        1
    )
    assert np.abs(low).max() <= 1  # the file's box is of whole pixels


def test_ho3d_without_labels_knows_the_wrist(tmp_path):
    points = write_ho3d(tmp_path)
    (tmp_path / 'evaluation_xyz.json').unlink()
    sample = Ho3DDataset(str(tmp_path)).get_data_info(1)
    assert np.flatnonzero(sample['keypoints_cam_valid'][0]).tolist() == [0]
    np.testing.assert_allclose(sample['keypoints_cam'][0, 0], points[1, 0])
    assert sample['keypoints_visible'][0].sum() == 1


@pytest.fixture(scope='module')
def dexycb(tmp_path_factory):
    folder = tmp_path_factory.mktemp('dexycb')
    return folder, write_dexycb(folder)


def test_dexycb_numbers_images_as_its_toolkit(dexycb):
    folder, points = dexycb
    dataset = DexYcbDataset(str(folder), subjects=[2])
    found = samples(dataset)
    # of 20 sequences of 8 cameras and one frame, one shows no hand
    numbers = [s['img_id'] for s in found]
    assert numbers == [n for n in range(160) if n != 11]
    for sample in found[::13]:
        sequence, camera = divmod(sample['img_id'], 8)
        np.testing.assert_allclose(
            sample['keypoints_cam'][0], points[sequence, camera], atol=1e-3
        )
        assert sample['hand_side'] == 1 - sequence % 2
        assert f'20200820_{5 * sequence + 4:06d}' in sample['img_path']
        assert sample['camera_matrix'][0, 1].tolist() == [0, 121, 31]
    check_projection(dataset, 1e-3)


def test_stb_moves_to_the_camera_and_makes_a_wrist(tmp_path):
    points = write_stb(tmp_path)
    palm = StbDataset(str(tmp_path), cameras=['BB_left'], wrist='palm')
    assert len(palm) == 4
    np.testing.assert_allclose(
        stacked(palm, 'keypoints_cam')[:2], points, atol=1e-3
    )
    assert (stacked(palm, 'hand_side') == 0).all()
    right = StbDataset(str(tmp_path), cameras=['BB_right'], wrist='palm')
    shift = stacked(palm, 'keypoints_cam') - stacked(right, 'keypoints_cam')
    np.testing.assert_allclose(
        shift, np.broadcast_to([120.054, 0, 0], shift.shape), atol=1e-3
    )
    for wrist, base, factor in (('ring', 13, 2), ('bihand', 9, 2.2)):
        made = StbDataset(str(tmp_path), cameras=['BB_left'], wrist=wrist)
        made = stacked(made, 'keypoints_cam')[:2]
        np.testing.assert_allclose(
            made[:, 0] - made[:, base],
            factor * (points[:, 0] - points[:, base]),
            atol=1e-3,
        )
        np.testing.assert_allclose(made[:, 1:], points[:, 1:], atol=1e-3)


def test_stb_turns_depth_into_colour_coordinates(tmp_path):
    """Back by the published rotation vector and translation."""
    from scipy.spatial.transform import Rotation

    points = write_stb(tmp_path)
    dataset = StbDataset(str(tmp_path), cameras=['SK'], wrist='palm')
    turn = Rotation.from_rotvec([0.00531, -0.01196, 0.00301]).as_matrix()
    back = stacked(dataset, 'keypoints_cam')[:2] @ turn.T
    back = back + [-24.0381, -0.4563, -1.2326]
    np.testing.assert_allclose(back, points, atol=1e-3)
    check_projection(dataset, 1e-3)


def test_hiu_dmtl_gives_the_hands_that_are_labelled(tmp_path):
    pixels = WRITERS['hiu_dmtl'](tmp_path)
    dataset = HiuDmtlDataset(str(tmp_path), first='left')
    np.testing.assert_allclose(stacked(dataset, 'keypoints'), pixels, 1e-5)
    assert stacked(dataset, 'hand_side').tolist() == [0, 1, 0, 1]
    assert [s['img_id'] for s in samples(dataset)] == [0, 1, 2, 2]
    assert samples(dataset)[3]['mask_path'].endswith('2_mask.png')
    unknown = HiuDmtlDataset(str(tmp_path))
    assert (stacked(unknown, 'hand_side') == -1).all()


# Over the stock classes ----------------------------------------------------


@pytest.mark.parametrize(
    ('kind', 'name', 'count', 'sides'),
    [
        (OneHand10KHands, 'onehand10k', 4, {-1}),
        (PanopticHands, 'panoptic', 4, {0, 1}),
        (CocoWholeBodyHands, 'coco', 10, {0, 1}),
    ],
)
def test_real_2d_sets(real_data, kind, name, count, sides):
    file = 'test_coco_wholebody' if name == 'coco' else f'test_{name}'
    folder = real_data / 'mmpose_samples' / name
    dataset = kind(ann_file=f'{file}.json', data_root=str(folder))
    found = samples(dataset)
    assert len(found) == count
    assert {int(s['hand_side'][0]) for s in found} == sides
    stock = kind.__mro__[2](ann_file=f'{file}.json', data_root=str(folder))
    for sample, theirs in zip(found, samples(stock), strict=True):
        seen = sample['keypoints_visible'] > 0
        np.testing.assert_array_equal(seen, theirs['keypoints_visible'] > 0)
        np.testing.assert_array_equal(
            sample['keypoints'][seen], theirs['keypoints'][seen]
        )
        assert np.isnan(sample['keypoints'][~seen]).all()
        np.testing.assert_array_equal(sample['bbox'], theirs['bbox'])
        assert not sample['keypoints_cam_valid'].any()
        if name == 'panoptic':
            assert sample['head_size'] == np.float32(theirs['head_size'])
            letter = sample['img_path'][-5]
            assert sample['hand_side'] == 'lr'.index(letter)


def test_coco_wholebody_names_the_side(tmp_path):
    WRITERS['coco'](tmp_path)
    dataset = CocoWholeBodyHands(
        ann_file='annotations/coco_wholebody_val_v1.0.json',
        data_root=str(tmp_path),
        data_prefix=dict(img='val2017/'),
    )
    assert stacked(dataset, 'hand_side').tolist() == [0, 1]


# Parts of a set ------------------------------------------------------------


def test_parts_and_subsets(tmp_path):
    write_freihand(tmp_path)
    part = FreiHand3DDataset(str(tmp_path), 'training', indices=(3, 6))
    assert [s['img_id'] for s in samples(part)] == [3, 4, 5]
    subset = part.get_subset([2, 0])
    assert [s['img_id'] for s in samples(subset)] == [5, 3]
    assert len(part.get_subset(-1)) == 1
    assert len(part) == 3
    for indices in (13, (0, 13)):
        with pytest.raises(ValueError, match='it holds 12 rows'):
            len(FreiHand3DDataset(str(tmp_path), 'training', indices=indices))
