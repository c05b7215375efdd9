"""ColorHandPose3D: canonical frame, lifting, masks, and all as one."""

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from scipy.spatial.transform import Rotation

import synhand.registry  # noqa: F401
from helpers import random_local_hands, random_rotations
from model_factory import ROOT, load_tool
from shard_factory import SIZE, write_shards
from synhand import recipes
from synhand.models.color_hand_pose import (
    CanonicalPoseHead,
    ScoreMapRenderer,
    join_parts,
)
from synhand.models.color_hand_pose.canonical import (
    from_articulation,
    from_canonical,
    to_articulation,
    to_canonical,
)
from synhand.models.color_hand_pose.segmenter import mask_parts
from synhand.skeleton import BONES
from training_factory import small_config, train_and_test

_FOLDER = 'hand_3d_keypoint/colorhandpose3d'
_VARIANTS = ('proposed', 'direct', 'bottleneck', 'local')


def _hands(count=6):
    """Right hands in all directions, (N, 21, 3) in reference bones."""
    rng = np.random.default_rng(0)
    local = random_local_hands(rng, count) / 40
    return torch.from_numpy(local @ random_rotations(rng, count))


# ---- the canonical frame ----


def test_the_canonical_frame_is_that_of_the_paper():
    right = torch.tensor([True, False] * 3)
    hands = _hands()
    canonical, rotation = to_canonical(hands, right)
    np.testing.assert_allclose(canonical[:, 0], 0, atol=1e-9)
    np.testing.assert_allclose(canonical[:, 9, [0, 2]], 0, atol=1e-9)
    assert (canonical[:, 9, 1] > 0).all()
    np.testing.assert_allclose(canonical[:, 17, 2], 0, atol=1e-9)
    assert (canonical[:, 17, 0] > 0).all()
    np.testing.assert_allclose(torch.linalg.det(rotation), 1, atol=1e-9)
    back = from_canonical(canonical, rotation, right)
    np.testing.assert_allclose(back, hands, atol=1e-9)


def test_mirrored_hands_are_the_same_canonical_hand():
    hands = _hands()
    right = torch.ones(len(hands), dtype=torch.bool)
    mirrored = hands * torch.tensor([-1.0, 1, 1])
    one, _ = to_canonical(hands, right)
    other, _ = to_canonical(mirrored, ~right)
    np.testing.assert_allclose(one, other, atol=1e-9)


def test_articulation_is_a_chain_of_turns():
    right = torch.ones(6, dtype=torch.bool)
    canonical, _ = to_canonical(_hands(), right)
    bones = to_articulation(canonical)
    np.testing.assert_allclose(from_articulation(bones), canonical, atol=1e-9)
    start, end = np.array(BONES).T
    lengths = (canonical[:, end] - canonical[:, start]).norm(dim=-1)
    np.testing.assert_allclose(bones[..., 0], lengths, atol=1e-9)


def _slow_chain(bones):
    """One hand by rotation matrices of scipy, bone by bone."""
    points, frames = np.zeros((21, 3)), {0: np.eye(3)}
    for (parent, child), (length, flexion, abduction) in zip(
        BONES, bones.tolist(), strict=True
    ):
        turn = Rotation.from_euler('XZ', [flexion, -abduction]).as_matrix()
        frames[child] = frames[parent] @ turn
        points[child] = points[parent] + length * frames[child][:, 1]
    return points


def test_the_chain_against_rotations_one_by_one():
    bones = torch.rand(2, 20, 3, generator=torch.Generator().manual_seed(0))
    found = from_articulation(bones.double())
    for one, hand in zip(bones.double(), found, strict=True):
        np.testing.assert_allclose(hand, _slow_chain(one), atol=1e-9)


# ---- score maps and lifting ----


def test_score_maps_peak_at_their_keypoints():
    renderer = ScoreMapRenderer((16, 16), sigma=1.0)
    inputs = torch.zeros(1, 3, 21, 1)
    inputs[0, 0], inputs[0, 1], inputs[0, 2] = 3 / 15, 10 / 15, 1
    inputs[0, 2, 5] = 0
    inputs[0, :2, 5] = torch.nan
    (maps,) = renderer.eval()(inputs)
    assert maps.shape == (1, 21, 16, 16)
    assert maps[0, 0].argmax().item() == 10 * 16 + 3
    assert maps[0, 0].max() == 1
    assert maps[0, 5].abs().max() == 0
    (noisy,) = renderer.train()(inputs)
    assert not torch.equal(noisy, maps)


@pytest.mark.parametrize('variant', _VARIANTS)
def test_mirrored_crops_of_left_hands_are_right_hands(variant):
    head = CanonicalPoseHead(variant, map_size=16, width=4).eval()
    maps = torch.rand(2, 21, 32, 32)
    found = head.forward((maps,), torch.tensor([True, False]))['relative']
    alone = head.forward((maps[1:],), torch.tensor([False]))['relative']
    assert found.shape == (2, 21, 3)
    assert (found[:, 0] == 0).all()
    torch.testing.assert_close(found[1:], alone)
    other = head.forward((maps[1:],), torch.tensor([True]))['relative']
    assert not torch.allclose(other, alone)


def test_mirrored_tests_are_refused():
    head = CanonicalPoseHead('proposed', map_size=16, width=4)
    with pytest.raises(ValueError, match='flip_test=False'):
        head.predict([], [], dict(flip_test=True))


@pytest.mark.parametrize('variant', _VARIANTS)
def test_losses_vanish_at_the_labels(variant):
    head = CanonicalPoseHead(variant, map_size=16, width=4)
    hands, right = _hands(), torch.tensor([True, False] * 3)
    known = torch.ones(6, dtype=torch.bool)
    canonical, rotation = to_canonical(hands, right)
    found = dict(
        relative=hands,
        canonical=canonical,
        rotation=rotation,
        bones=to_articulation(canonical),
    )
    losses = head._losses(found, hands, right, known)
    assert set(losses) <= {'loss_pose', 'loss_view'}
    for value in losses.values():
        assert value < 1e-12
    wrong = {name: value + 1 for name, value in found.items()}
    for value in head._losses(wrong, hands, right, known).values():
        assert value == pytest.approx(1, rel=1e-6)
    nan = torch.full_like(hands, torch.nan)
    for value in head._losses(wrong, nan, right, ~known).values():
        assert value == 0


def test_an_unknown_variant():
    with pytest.raises(ValueError, match="variant: expected .* got 'odd'"):
        CanonicalPoseHead('odd')


# ---- masks ----


def test_parts_of_a_mask_are_boxes_the_largest_first():
    probability = np.zeros((40, 50), np.float32)
    probability[2:4, 3:6] = 0.9
    probability[10:21, 20:41] = 0.7
    probability[39, 49] = 1.0
    boxes, scores = mask_parts(probability, min_area=0.001)
    np.testing.assert_array_equal(boxes, [[20, 10, 40, 20], [3, 2, 5, 3]])
    np.testing.assert_allclose(scores, [0.7, 0.9], rtol=1e-5)
    assert len(mask_parts(probability, most=1)[0]) == 1
    assert mask_parts(np.zeros((5, 5), np.float32))[0].shape == (0, 4)


# ---- training the parts, and the whole ----


@pytest.mark.parametrize('variant', ['proposed', 'local', 'bottleneck'])
def test_lifting_trains_and_tests(variant, tmp_path, monkeypatch):
    monkeypatch.setenv('SYNHAND_DATA', str(tmp_path / 'data'))
    config = small_config(
        f'{_FOLDER}/{variant}_small_synhand.py', tmp_path, {}
    )
    config.train_cfg.max_iters = 3
    runner, metrics = train_and_test(config)
    assert np.isfinite(metrics['hand3d/PA-MPJPE'])
    assert metrics['hand3d/misses'] == 0
    # true 2D in, true 2D out: the peaks of drawn maps
    assert metrics['hand2d/EPE'] < 1.0


def test_the_lifting_learns_a_few_hands_by_heart(tmp_path, monkeypatch):
    monkeypatch.setenv('SYNHAND_DATA', str(tmp_path / 'data'))
    config = small_config(f'{_FOLDER}/proposed_small_synhand.py', tmp_path, {})
    steps = config.train_dataloader.dataset.pipeline
    config.train_dataloader.dataset.pipeline = [
        step for step in steps if step['type'] != 'RandomHandBox'
    ]
    config.test_dataloader.dataset.data_root = (
        config.train_dataloader.dataset.data_root
    )
    config.model.backbone.noise = 0.0
    config.model.train_cfg.autocast = None
    config.model.head.update(dropout=0.0, view_dropout=0.0)
    config.param_scheduler = None
    config.train_cfg.max_iters = 150
    config.train_dataloader.batch_size = 6
    config.train_cfg.val_interval = 500
    config.default_hooks.checkpoint.interval = 500
    _, metrics = train_and_test(config)
    assert metrics['hand3d/PA-MPJPE'] < 12
    assert metrics['hand3d/MPJPE'] < 40


def _small_whole():
    """A `ColorHandPose3D` with small parts, on pictures of 64 x 64."""
    init_default_scope('mmpose')
    posenet = recipes.posenet_model(1, (64, 64))
    lifting = recipes.canonical_model(map_size=8, width=4, input_size=(64, 64))
    segmenter = recipes.hand_segmenter(4, (1, 1))
    model = recipes.color_hand_pose_model(
        segmenter, posenet, lifting, 64, 1.25
    )
    return model, MODELS.build(model).eval()


@pytest.fixture(scope='module')
def whole():
    torch.manual_seed(0)
    return _small_whole()


def _batch(indices, folder):
    from mmengine.dataset import pseudo_collate
    from mmpose.registry import DATASETS

    write_shards(folder, 4, 1)
    cfg = recipes.whole_pictures((64, 64), 2)['test_dataloader']['dataset']
    dataset = DATASETS.build(dict(cfg, data_root=str(folder)))
    return pseudo_collate([dataset[i] for i in indices])


class _KnownMask(torch.nn.Module):
    """In the place of HandSegNet: rectangles (x1, y1, x2, y2) px."""

    def __init__(self, boxes):
        super().__init__()
        self.boxes = boxes

    def probability(self, inputs):
        maps = torch.zeros(len(inputs), *inputs.shape[-2:])
        for map_, box in zip(maps, self.boxes, strict=True):
            if box:
                map_[box[1] : box[3] + 1, box[0] : box[2] + 1] = 0.8
        return maps

    def parts(self, probability):
        return [mask_parts(one) for one in probability.numpy()]


def test_pixels_of_hands_weigh_more():
    torch.manual_seed(0)
    model = MODELS.build(recipes.hand_segmenter(4, (1, 1), hand_weight=10.0))
    mask = torch.zeros(1, 16, 16, dtype=torch.uint8)
    mask[:, 4:8, 4:8] = 1
    sample = PoseDataSample(gt_sem_seg=PixelData(sem_seg=mask))
    inputs = torch.randn(1, 3, 16, 16)
    model.autocast = None
    model.eval()
    loss = model(inputs, [sample], 'loss')['loss_mask']
    hand = model.probability(inputs)[mask.bool()]
    rest = 1 - model.probability(inputs)[~mask.bool()]
    expected = -(10 * hand.log().sum() + rest.log().sum())
    torch.testing.assert_close(loss, expected / (10 * 16 + 240))


def test_the_crop_is_around_the_mask(whole, tmp_path):
    model = whole[1]
    trained = model.segmenter
    model.segmenter = _KnownMask([(10, 20, 40, 35), None])
    try:
        with torch.no_grad():
            one, other = model.test_step(_batch([0, 1], tmp_path / 'set'))
    finally:
        model.segmenter = trained
    # a picture of 128 px was brought to 64: pixel p lies at p * 127.. / 63
    step = (SIZE) / 63
    box = np.array([10, 20, 40, 35]) * step - 0.5
    np.testing.assert_allclose(one.pred_instances.bboxes[0], box, atol=1e-3)
    assert one.pred_instances.bbox_scores[0] == pytest.approx(0.8)
    np.testing.assert_allclose(
        one.metainfo['input_center'],
        np.array([25, 27.5]) * step - 0.5,
        atol=1e-3,
    )
    np.testing.assert_allclose(
        one.metainfo['input_scale'], 1.25 * 30 * step, rtol=1e-4
    )
    for sample in (one, other):
        points = sample.pred_instances.keypoints_cam
        assert points.shape == (1, 21, 3)
        assert np.isfinite(points).all()
    assert other.pred_instances.bbox_scores[0] == 0
    np.testing.assert_allclose(
        other.pred_instances.bboxes[0], [-0.5, -0.5, 127.5, 127.5], atol=1e-3
    )


def test_pixels_of_the_crop_are_those_of_the_picture(whole):
    model = whole[1]
    picture = np.full((64, 64, 3), 30, np.uint8)
    cv2.circle(picture, (40, 24), 5, (200, 180, 160), -1)
    mean, std = model.data_preprocessor.mean, model.data_preprocessor.std
    pixels = torch.from_numpy(picture).permute(2, 0, 1).float()
    inputs = ((pixels - mean) / std)[None]
    centre = np.array([[40, 24]], np.float32) / 63
    crop = model._cut(inputs, centre, np.float32([[20, 20]]) / 63)
    assert crop[0, 0].flatten().argmax() // 64 in range(10, 54)
    middle = inputs[0, :, 24, 40]
    torch.testing.assert_close(crop[0, :, 31, 31], middle)
    beside = model._cut(inputs, np.float32([[-3, -3]]), np.float32([[1, 1]]))
    torch.testing.assert_close(beside[0, :, 0, 0], (-mean / std).flatten())


def test_the_whole_is_not_trained(whole):
    with pytest.raises(NotImplementedError, match='one by one'):
        whole[1].loss(torch.zeros(1, 3, 64, 64), [])


def test_joined_parts_are_the_whole(whole, tmp_path):
    config, model = whole
    path = tmp_path / 'whole.py'
    Config(dict(model=config)).dump(path)
    state, files = model.state_dict(), []
    for part, prefix in (
        ('segmenter', 'segmenter.'),
        ('posenet', 'backbone.'),
        ('lifting', 'head.'),
    ):
        kept = {k: v for k, v in state.items() if k.startswith(prefix)}
        if part == 'segmenter':
            kept = {k.removeprefix(prefix): v for k, v in kept.items()}
        files.append(tmp_path / f'{part}.pth')
        torch.save(dict(state_dict=kept), files[-1])
    tool = load_tool('join_color_hand_pose')
    names = list(map(str, files))
    out = tmp_path / 'new' / 'whole.pth'
    tool.main([str(path), *names, '--out', str(out)])
    joined = torch.load(out, weights_only=True)['state_dict']
    assert joined.keys() == state.keys()
    assert all(torch.equal(joined[name], state[name]) for name in state)
    with pytest.raises(ValueError, match='of the posenet'):
        join_parts(names[0], names[2], names[2])
    with pytest.raises(SystemExit, match='error: .*'):
        tool.main([str(path), names[1], *names[1:], '--out', str(out)])


def test_frozen_parts_stay(tmp_path):
    init_default_scope('mmpose')
    config = recipes.canonical_model(
        posenet=recipes.cpm(1), map_size=8, width=4, input_size=(64, 64)
    )
    model = MODELS.build(config).train()
    assert not model.backbone.training
    assert model.head.training
    learning = {n for n, p in model.named_parameters() if p.requires_grad}
    assert learning == {f'head.{n}' for n, _ in model.head.named_parameters()}


@pytest.mark.parametrize(
    ('name', 'parameters'),
    [
        ('hand_detection/handsegnet/handsegnet_synhand-256x256', 10_852_802),
        (f'{_FOLDER}/posenet_synhand-256x256', 16_893_439),
        (f'{_FOLDER}/proposed_synhand', 3_874_143),
        (f'{_FOLDER}/direct_synhand', 1_635_740),
        (f'{_FOLDER}/bottleneck_synhand', 1_622_210),
        (f'{_FOLDER}/local_synhand', 3_874_143),
        (f'{_FOLDER}/proposed_posenet_synhand-256x256', 20_767_582),
        (f'{_FOLDER}/colorhandpose3d_synhand-256x256', 31_620_384),
    ],
)
def test_parameter_counts(name, parameters):
    init_default_scope('mmpose')
    config = Config.fromfile(ROOT / 'configs' / f'{name}.py')
    with torch.device('meta'):
        model = MODELS.build(config.model)
    assert sum(p.numel() for p in model.parameters()) == parameters
