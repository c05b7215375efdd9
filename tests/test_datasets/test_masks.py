"""Masks go with their pictures; crops of keypoints are those of pixels."""

import cv2
import numpy as np
import pytest
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope

import synhand.registry  # noqa: F401
from shard_factory import make_row, write_shards
from synhand import recipes
from synhand.datasets import SyntheticHandDataset, SyntheticMaskDataset
from synhand.datasets.transforms import masks
from synhand.datasets.transforms.keypoint_crops import (
    CropKeypoints,
    WholePictureBox,
)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return str(write_shards(tmp_path_factory.mktemp('masks') / 'set', 4, 1))


def test_all_hands_are_hand_and_nothing_else_is():
    layers = np.array([[0, 1, 2, 3], [9, 10, 17, 4]], np.uint8)
    data = cv2.imencode('.png', layers)[1].tobytes()
    out = masks.LoadHandMask()(dict(mask_bytes=data, img_path='row'))
    expected = [[0, 255, 0, 0], [255, 0, 255, 0]]
    np.testing.assert_array_equal(out['mask'], expected)
    with pytest.raises(ValueError, match='row: mask'):
        masks.LoadHandMask()(dict(mask_bytes=b'odd', img_path='row'))


def test_masks_follow_the_pixels():
    np.random.seed(1)
    image = np.zeros((160, 200, 3), np.uint8)
    image[60:111, 80:141] = 255
    shared = []
    for _ in range(20):
        step = masks.FrameMaskAffine(input_size=(96, 64), random=True)
        out = step(
            dict(
                img=image,
                mask=image[..., 0],
                hands_keypoints=np.zeros((0, 21, 2), np.float32),
                hands_side=np.zeros(0, np.int64),
                hands_seen=np.zeros(0),
            )
        )
        assert 'mask' not in out
        white, mask = out['img'][..., 0] > 127, out['gt_seg_map'] > 0
        np.testing.assert_array_equal(white, mask)
        shared.append(mask.mean())
    assert max(shared) > 0.1


def test_the_training_pipeline_packs_masks(folder, monkeypatch):
    init_default_scope('mmpose')
    monkeypatch.delenv('SYNHAND_BACKGROUNDS', raising=False)
    np.random.seed(0)
    data = recipes.segmentation_data((64, 64), (64, 64), 2)
    steps = data['train_dataloader']['dataset']['pipeline']
    dataset = SyntheticMaskDataset(folder, pipeline=steps)
    areas = []
    for number in range(4):
        sample = dataset[number]['data_samples']
        mask = sample.gt_sem_seg.sem_seg
        assert mask.shape == (1, 64, 64)
        assert set(np.unique(mask)) <= {0, 1}
        areas.append(float(mask.float().mean()))
    assert max(areas) > 0.01


def _hand(folder, number=1):
    dataset = SyntheticHandDataset(folder)
    sample = dataset[number]
    sample.update(
        bbox_center=np.float32([[60, 66]]),
        bbox_scale=np.float32([[90, 90]]),
        bbox_rotation=np.float32([20]),
    )
    return sample


def test_keypoints_are_cropped_as_pixels_are(folder):
    sample = _hand(folder)
    image = cv2.imdecode(np.frombuffer(make_row(1)['image'], np.uint8), 1)
    whole = dict(sample, img=image)
    init_default_scope('mmpose')
    crop = dict(type='AntialiasedTopdownAffine', input_size=(64, 64))
    pixels = Compose([crop])(whole)['transformed_keypoints'][0]
    out = CropKeypoints((64, 64))(sample)
    assert out['img'].shape == (21, 1, 3)
    np.testing.assert_allclose(out['img'][:, 0, :2] * 63, pixels, atol=1e-3)
    assert (out['img'][..., 2] == 1).all()


def test_noise_is_a_function_of_the_sample(folder):
    clean, one, other = (
        CropKeypoints((64, 64), noise)(_hand(folder))['img']
        for noise in (0.0, 0.1, 0.1)
    )
    np.testing.assert_array_equal(one, other)
    spread = (one - clean)[..., :2].std()
    assert 0.06 < spread < 0.14


def test_a_whole_picture_is_a_box():
    out = WholePictureBox()(dict(img=np.zeros((30, 50, 3)), bbox=None))
    np.testing.assert_array_equal(out['bbox'], [[-0.5, -0.5, 49.5, 29.5]])
