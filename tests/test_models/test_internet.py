"""The stock InterNet on samples of one hand."""

import numpy as np
import pytest
from mmengine.registry import build_from_cfg, init_default_scope
from mmengine.structures import InstanceData
from mmpose.codecs import Hand3DHeatmap
from mmpose.registry import DATASETS, MODELS, TRANSFORMS

import synhand.registry  # noqa: F401
from shard_factory import write_shards
from synhand import recipes
from synhand.datasets.transforms import AsTwoHands
from synhand.recipes.internet import internet_codec
from synhand.skeleton import NUM_KEYPOINTS

_SIZE = (64, 64)
_BONE = 40.0


def _sample(side=1, mirrored=False, seed=0):
    rng = np.random.default_rng(seed)
    points = rng.uniform(-60, 60, (1, NUM_KEYPOINTS, 3)) + [0, 0, 500]
    return dict(
        transformed_keypoints=rng.uniform(8, 56, (1, NUM_KEYPOINTS, 2)),
        keypoints_visible=np.ones((1, NUM_KEYPOINTS), np.float32),
        keypoints_cam=points,
        keypoints_cam_valid=np.ones((1, NUM_KEYPOINTS), np.float32),
        hand_side=np.array([side]),
        mirrored=mirrored,
    )


def _head():
    settings = recipes.internet_model(recipes.resnet(18), 512, _SIZE)['head']
    settings.update(bone_mm=_BONE)
    settings['keypoint_head_cfg'].update(
        deconv_out_channels=(8,), deconv_kernel_sizes=(4,)
    )
    init_default_scope('mmpose')
    return MODELS.build(settings)


@pytest.mark.parametrize('side', [0, 1])
@pytest.mark.parametrize('mirrored', [False, True])
def test_one_hand_there_and_back(side, mirrored):
    """Stock targets of a sample, read as the head reads volumes."""
    sample = _sample(side, mirrored)
    truth = {k: np.array(v) for k, v in sample.items()}
    two = AsTwoHands().transform(sample)
    codec = Hand3DHeatmap(
        **{k: v for k, v in internet_codec(_SIZE).items() if k != 'type'}
    )
    right = (side == 1) != mirrored
    assert two['hand_type'].tolist() == [[float(right), float(not right)]]
    encoded = codec.encode(
        two['transformed_keypoints'],
        two['keypoints_visible'],
        None,
        **{
            name: two[name]
            for name in (
                'rel_root_depth',
                'rel_root_valid',
                'hand_type',
                'hand_type_valid',
                'focal',
                'principal_pt',
            )
        },
    )
    volumes = encoded['heatmaps'].reshape(42, 64, 16, 16)
    kept = encoded['keypoint_weights'][0].reshape(2, -1)
    assert kept[int(not right)].all() and not kept[int(right)].any()
    keypoints, scores, depth, kind = codec.decode(
        volumes, np.zeros(1), two['hand_type'][0] - 0.5
    )
    found = _head()._one_hand(
        InstanceData(
            keypoints=keypoints,
            keypoint_scores=scores,
            rel_root_depth=depth,
            hand_type=kind,
        )
    )
    assert found.hand_side.tolist() == [int(right)]
    # a cell is 4 px wide and 6.25 mm deep; the stock decoding takes whole ones
    on_crop = found.keypoints * (63 / 64)  # what the stock estimator divides
    error = on_crop - truth['transformed_keypoints']
    assert np.abs(error).max() <= 4
    assert np.abs(error.mean((0, 1))).max() < 1
    z = truth['keypoints_cam'][..., 2]
    z = (z - z[:, :1]) / _BONE
    assert np.abs(found.keypoints_z - z).max() <= 2 * 6.25 / _BONE
    assert found.keypoint_scores.min() > 0.5


def test_unknown_sides_and_depths_are_not_trained():
    two = AsTwoHands().transform(_sample(side=-1))
    assert two['keypoints_visible'].sum() == two['hand_type_valid'].sum() == 0
    sample = _sample()
    sample['keypoints_cam'][:] = np.nan
    two = AsTwoHands().transform(sample)
    assert two['keypoints_visible'].sum() == 0
    assert np.isfinite(two['transformed_keypoints']).all()


def test_without_a_clear_type_the_scores_decide():
    scores = np.full((1, 42), 100.0)
    scores[:, 21:] = 200
    found = _head()._one_hand(
        InstanceData(
            keypoints=np.zeros((1, 42, 3)),
            keypoint_scores=scores,
            rel_root_depth=np.zeros(1),
            hand_type=np.array([[1, 1]]),
        )
    )
    assert found.hand_side.tolist() == [0]


def test_it_trains_and_predicts_on_the_synthetic_set(tmp_path, monkeypatch):
    monkeypatch.setenv('SYNHAND_DATA', str(tmp_path))
    for part in ('train', 'val'):
        write_shards(tmp_path / 'synhand' / part, 2, shards=1)
    init_default_scope('mmpose')
    data = recipes.internet_data(_SIZE, 2)
    config = recipes.internet_model(recipes.resnet(18), 512, _SIZE)
    config['head']['keypoint_head_cfg'].update(deconv_out_channels=(32,) * 3)
    model = MODELS.build(config)
    batches = []
    for part in ('train', 'test'):
        dataset = data[f'{part}_dataloader']['dataset']
        dataset = build_from_cfg(dataset, DATASETS)
        samples = [dataset[i] for i in range(2)]
        batches.append({k: [s[k] for s in samples] for k in samples[0]})
    losses = model(**model.data_preprocessor(batches[0], True), mode='loss')
    assert {'loss_kpt', 'loss_hand_type'} <= set(losses)
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    for sample in model.eval().test_step(batches[1]):
        assert sample.pred_instances.keypoints_cam.shape == (1, 21, 3)
        assert np.isfinite(sample.pred_instances.keypoints_cam).all()


def test_flip_tests_are_refused():
    with pytest.raises(ValueError, match='flip_test=False'):
        _head().predict((), [], {'flip_test': True})


def test_stock_samples_agree_with_those_made_of_single_hands(real_data):
    """MMPose's own dataset and ours, on a single hand of InterHand2.6M."""
    init_default_scope('mmpose')
    folder = real_data / 'mmpose_samples' / 'interhand2.6m'
    files = {
        'ann_file': 'test_interhand2.6m_data.json',
        'camera_param_file': 'test_interhand2.6m_camera.json',
        'joint_file': 'test_interhand2.6m_joint_3d.json',
    }
    stock = DATASETS.build(
        dict(
            type='InterHand3DDataset',
            data_root=str(folder),
            data_prefix={'img': ''},
            pipeline=[],
            **files,
        )
    )
    ours = DATASETS.build(
        dict(type='InterHandSingleDataset', data_root=str(folder), **files)
    )
    singles = {
        int(s['img_id']): s
        for s in (ours.get_data_info(i) for i in range(len(ours)))
        if not s['interacting'][0]
    }
    compared = 0
    for index in range(len(stock)):
        theirs = stock.get_data_info(index)
        mine = singles.get(int(theirs['img_id']))
        if mine is None:
            continue
        sample = dict(mine, transformed_keypoints=mine['keypoints'])
        two = TRANSFORMS.build(dict(type='AsTwoHands')).transform(sample)
        kept = two['keypoints_visible'][0] > 0
        assert kept.sum() > 10
        np.testing.assert_allclose(
            two['transformed_keypoints'][0, kept],
            theirs['keypoints'][0, kept],
            atol=0.51,  # the stock projection adds half a pixel
        )
        assert two['hand_type'].tolist() == theirs['hand_type'].tolist()
        compared += 1
    assert compared
