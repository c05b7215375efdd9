"""Two looks: the window of the first model, the reading of the second."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

import synhand.registry  # noqa: F401
from synhand.models.estimators.two_look_estimator import _mean_reading
from synhand.models.upright import towards_box, upright_windows

_CONFIG = (
    'configs/hand_3d_keypoint/latent25d/'
    'latent25d_2look-res18half-fpn_synhand-192x192.py'
)


@pytest.fixture(scope='module')
def model(root):
    init_default_scope('mmpose')
    torch.manual_seed(0)
    config = Config.fromfile(root / _CONFIG).model
    config.update(turns=(), around=(), bone_stiffness=0.0)
    config.update(side_channels=256, box_side=None, test_cfg=dict(looks=2))
    model = MODELS.build(config)
    for head in (model.head, model.first.head):
        with torch.no_grad():
            for parameter in head.stages.parameters():
                parameter.normal_(0, 0.5)
            head.log_softness.fill_(1.5)
    return model.eval()


def _crops(count: int = 2) -> torch.Tensor:
    torch.manual_seed(1)
    return torch.randn(count, 3, 192, 192)


def _samples(count: int = 2, side: int = 1, **meta) -> list:
    samples = []
    for index in range(count):
        sample = PoseDataSample(
            gt_instances=InstanceData(
                bboxes=np.zeros((1, 4)),
                bbox_scores=np.ones(1),
                hand_side=np.array([side]),
            ),
            metainfo=dict(
                input_size=(192, 192),
                input_center=np.array([96.0, 96.0]),
                input_scale=np.array([192.0, 192.0]),
                ori_shape=(192, 192),
                **meta,
            ),
        )
        sample.gt_instance_labels = InstanceData(
            keypoint_labels=np.random.default_rng(index)
            .uniform(0.3, 0.7, (1, 21, 3))
            .astype(np.float32),
            keypoint_weights=np.ones((1, 21), np.float32),
            depth_weights=np.ones((1, 21), np.float32),
        )
        samples.append(sample)
    return samples


class _FixedHead(torch.nn.Module):
    """A first model's head that sees the same hand everywhere."""

    def __init__(self, pose, decoder):
        super().__init__()
        self.pose, self.decoder = pose, decoder

    def read_out(self, feats):
        return dict(pose=self.pose.expand(len(feats[0]), -1, -1))


@pytest.fixture
def first_pose(model, monkeypatch):
    """What the first model sees: (1, 21, 3)."""
    generator = torch.Generator().manual_seed(2)
    pose = torch.rand(1, 21, 3, generator=generator) * 0.4 + 0.3
    head = _FixedHead(pose, model.first.head.decoder)
    monkeypatch.setitem(model.first._modules, 'head', head)
    return pose


def test_the_result_is_in_the_crop(model, first_pose):
    """What the reader sees in the window comes back to where that lies."""
    crops = _crops()
    with torch.no_grad():
        (sample, _) = model.predict(crops, _samples())
        windows = upright_windows(first_pose[..., :2], model.padding)
        seen = model.head.read_out(
            model.extract_feat(windows.cut(crops[:1], model.window_size))
        )
    expected = windows.outside(seen['pose'][..., :2])[0].numpy()
    found = sample.pred_instances
    # the stock estimator's half pixel: u = 0 and 1 are the box's edges
    np.testing.assert_allclose(found.keypoints[0] / 192, expected, atol=1e-4)
    np.testing.assert_allclose(
        found.keypoints_25d[0, :, 2], seen['pose'][0, :, 2], atol=1e-4
    )


def test_a_mirrored_crop_is_mirrored_back(model):
    crops = _crops()
    with torch.no_grad():
        plain = model.predict(crops, _samples())[0].pred_instances
        other = model.predict(crops, _samples(mirrored=True))[0].pred_instances
    np.testing.assert_allclose(
        other.keypoints[..., 0], 192 - plain.keypoints[..., 0], atol=1e-3
    )


def test_a_third_look_starts_from_the_second(model, monkeypatch):
    crops, samples = _crops(), _samples()
    with torch.no_grad():
        windows = model._first_windows(crops, {})
        right = torch.zeros(2, dtype=torch.bool)
        second = model._read(windows, crops, right, {})['pose']
        windows = upright_windows(second[..., :2], model.padding)
        third = model._read(windows, crops, right, {})['pose']
        monkeypatch.setattr(model, 'test_cfg', dict(looks=3))
        found = model.predict(crops, samples)
    np.testing.assert_allclose(
        found[1].pred_instances.keypoints[0] / 192,
        third[1, :, :2],
        atol=1e-4,
    )
    assert not torch.allclose(second, third)


def test_windows_are_drawn_to_known_boxes_but_in_training(
    model, first_pose, monkeypatch
):
    read, seen = model._read, []

    def note(windows, *args):
        seen.append(windows)
        return read(windows, *args)

    monkeypatch.setattr(model, '_read', note)
    monkeypatch.setattr(model, 'box_side', 0.7)
    samples = _samples()
    samples[1].gt_instances.bbox_scores[:] = 0  # the crop is no hand's box
    with torch.no_grad():
        model.predict(_crops(), samples)
    pose = first_pose[..., :2]
    drawn = towards_box(pose, 0.7, torch.tensor([0.75]))
    expected = upright_windows(torch.cat([drawn, pose]), model.padding)
    torch.testing.assert_close(seen[0].side, expected.side)
    torch.testing.assert_close(seen[0].centre, expected.centre)
    monkeypatch.setattr(model, 'test_cfg', dict(looks=3))
    with torch.no_grad():
        model.predict(_crops(), samples)
    torch.testing.assert_close(seen[-1].turn[1], expected.turn[1])
    assert not torch.allclose(seen[-1].turn[0], expected.turn[0])
    found = model._first_windows(_crops(), {})  # as training does
    torch.testing.assert_close(found.side[1:], expected.side[1:])
    torch.testing.assert_close(found.side[0], found.side[1])


def test_only_the_last_look_is_turned(model, monkeypatch):
    monkeypatch.setattr(model, 'turns', (0.0, 20.0, -40.0))
    monkeypatch.setattr(model, 'test_cfg', dict(looks=4))
    read, times = model._read, []

    def count(*args):
        times.append(len(model.turns))
        return read(*args)

    monkeypatch.setattr(model, '_read', count)
    with torch.no_grad():
        model.predict(_crops(), _samples())
        model.predict(_crops(), _samples(side=-1))
        monkeypatch.setitem(model._modules, 'side', None)
        model.predict(_crops(), _samples(side=-1))
    assert times == [1, 1, 3] * 4  # without a classifier as either side


def test_an_unsure_glance_is_from_all_around(model, monkeypatch):
    """The surest direction makes the window; a sure hand is read once."""
    crops, left = _crops(4), torch.zeros(4, dtype=torch.bool)
    angles = (0.0, 90.0, 180.0, -90.0)
    with torch.no_grad():
        windows = model._first_windows(crops, {})
        seen = [
            model._read(windows.turned([angle]), crops, left, {})
            for angle in angles
        ]
        scores = torch.stack([f['scores'].mean(-1) for f in seen])
        threshold = float(scores[0].median())
        monkeypatch.setattr(model, 'around', angles[1:])
        monkeypatch.setattr(model, 'sure', threshold)
        chosen, position = model._glance(windows, crops, left, {})
        with model.single_reading():
            _, single = model._glance(windows, crops, left, {})
    best = scores.argmax(0).where(scores[0] < threshold, 0)
    assert 0 < int((best > 0).sum()) < 4
    for hand, angle in enumerate(best.tolist()):
        expected = windows.turned([angles[angle]])
        torch.testing.assert_close(chosen.turn[hand], expected.turn[hand])
        torch.testing.assert_close(
            position[hand], seen[angle]['pose'][hand, :, :2], atol=1e-4, rtol=0
        )
    torch.testing.assert_close(single, seen[0]['pose'][..., :2])


def _robust_mean(poses, scores):
    """Of readings (A, K, 3) of one hand with scores (A, K), keypoint-wise."""
    agreement = np.ones(len(poses))
    for last in [False] * 6 + [True]:
        mean = np.empty(poses.shape[1:])
        for k in range(poses.shape[1]):
            weights = agreement * scores[:, k] ** 3
            mean[k, :2] = np.average(poses[:, k, :2], 0, weights)
            mean[k, 2] = np.average(poses[:, k, 2], 0, agreement)
        if last:
            return mean
        apart = np.linalg.norm(poses[..., :2] - mean[:, :2], axis=-1).mean(1)
        agreement = 1 / (1 + (apart / 0.02) ** 2)


def test_a_reading_that_disagrees_hardly_counts():
    torch.manual_seed(0)
    true = torch.rand(2, 21, 3)
    poses = true + 1e-3 * torch.randn(7, 2, 21, 3)
    poses[2, 0] += 0.4  # one hand is misread in one window
    found = _mean_reading(dict(pose=poses, scores=torch.full((7, 2, 21), 0.5)))
    torch.testing.assert_close(found['pose'], true, atol=3e-3, rtol=0)
    (one,) = poses[:1].unbind()
    alone = _mean_reading(dict(pose=one[None], scores=torch.zeros(1, 2, 21)))
    torch.testing.assert_close(alone['pose'], one)


def test_turned_windows_are_read_too(model, monkeypatch):
    crops, left = _crops(), torch.tensor([False, True])
    windows = model._first_windows(crops, {})
    with torch.no_grad():
        readings = [
            model._read(windows.turned([angle]), crops, left, {})
            for angle in (0.0, 20.0, -40.0)
        ]
        monkeypatch.setattr(model, 'turns', (0.0, 20.0, -40.0))
        found = model._read(windows, crops, left, {})
    poses = np.stack([r['pose'].double().numpy() for r in readings])
    scores = np.stack([r['scores'].double().numpy() for r in readings])
    scores = np.maximum(scores, 1e-6)  # random weights are never sure
    expected = [
        _robust_mean(poses[:, hand], scores[:, hand]) for hand in (0, 1)
    ]
    assert np.ptp(poses, 0).max() > 0.01
    np.testing.assert_allclose(found['pose'], expected, atol=2e-3)
    np.testing.assert_allclose(
        found['scores'],
        np.mean([r['scores'].numpy() for r in readings], 0),
        atol=2e-3,
    )


def test_a_single_reading_leaves_turned_windows_out(model, monkeypatch):
    crops, samples = _crops(), _samples()
    with torch.no_grad():
        plain = model.predict(crops, samples)[0].pred_instances.keypoints
        monkeypatch.setattr(model, 'turns', (0.0, 20.0, -40.0))
        with model.single_reading():
            single = model.predict(crops, samples)
        full = model.predict(crops, _samples())[0].pred_instances.keypoints
    np.testing.assert_array_equal(single[0].pred_instances.keypoints, plain)
    assert np.abs(full - plain).max() > 0.1


def test_only_the_reader_learns_and_labels_follow(model, first_pose):
    samples = _samples()
    before = [s.gt_instance_labels.keypoint_labels.copy() for s in samples]
    samples[0].gt_instance_labels.keypoint_labels[0, 3, :2] = 5.0
    model.train()
    assert not model.first.training
    assert model.backbone.training
    losses = model.loss(_crops(), samples)
    sum(losses.values()).backward()
    assert model.backbone.conv1.weight.grad.abs().max() > 0
    assert all(p.grad is None for p in model.first.parameters())
    model.eval().zero_grad()
    windows = upright_windows(first_pose[..., :2], model.padding)
    for sample, labels in zip(samples, before, strict=True):
        about = sample.gt_instance_labels
        known = about.keypoint_weights[0] > 0
        expected = windows.inside(torch.from_numpy(labels[..., :2]))[0]
        np.testing.assert_allclose(
            about.keypoint_labels[0, known, :2], expected[known], atol=1e-5
        )
        np.testing.assert_array_equal(
            about.keypoint_labels[..., 2], labels[..., 2]
        )
    assert samples[0].gt_instance_labels.keypoint_weights[0, 3] == 0
    assert samples[0].gt_instance_labels.depth_weights[0, 3] == 1


def _side_bias(model, logit):
    with torch.no_grad():
        model.side.layer.weight.zero_()
        model.side.layer.bias.fill_(logit)


def test_unknown_sides_are_told_and_read_mirrored(model):
    """A left hand's reading is that of the mirrored crop, mirrored back."""
    crops = _crops()
    known = _samples(side=0, mirrored=True)
    with torch.no_grad():
        _side_bias(model, -2.0)
        told = model.predict(crops, _samples(side=-1))
        windows = model._first_windows(crops, {})
        left = torch.ones(2, dtype=torch.bool)
        mirrored = windows.cut(crops, model.window_size).flip(-1)
        seen = model.head.read_out(model.extract_feat(mirrored))['pose']
        found = model._read(windows, crops, left, {})['pose']
        _side_bias(model, 2.0)
        right = model.predict(crops, _samples(side=-1))
        given = model.predict(crops, known)
    expected = torch.cat([1 - seen[..., :1], seen[..., 1:2]], -1)
    torch.testing.assert_close(
        found[..., :2], windows.outside(expected), atol=1e-5, rtol=0
    )
    assert [int(s.pred_instances.hand_side[0]) for s in told] == [0, 0]
    assert [int(s.pred_instances.hand_side[0]) for s in right] == [1, 1]
    assert [int(s.pred_instances.hand_side[0]) for s in given] == [0, 0]
    assert given[0].pred_instances.hand_side_scores == 1
    assert told[0].pred_instances.hand_side_scores == pytest.approx(
        torch.tensor(2.0).sigmoid().item()
    )


def test_without_a_classifier_the_surer_reading_decides(model, monkeypatch):
    crops = torch.cat([_crops(4), _crops(4).flip(-1)])
    monkeypatch.setitem(model._modules, 'side', None)
    with torch.no_grad():
        windows = model._first_windows(crops, {})
        scores = [
            model._read(windows, crops, torch.full((8,), left), {})['scores']
            for left in (False, True)
        ]
        found = model.predict(crops, _samples(8, side=-1))
    right = scores[0].mean(-1) >= scores[1].mean(-1)
    told = [bool(s.pred_instances.hand_side[0]) for s in found]
    assert told == right.tolist()
    assert len(set(told)) == 2


def test_the_side_is_learnt_alone(root):
    init_default_scope('mmpose')
    torch.manual_seed(0)
    config = Config.fromfile(root / _CONFIG.replace('fpn_', 'fpn_side_'))
    model = MODELS.build(config.model).train()
    assert not model.backbone.training
    learnt = [n for n, p in model.named_parameters() if p.requires_grad]
    assert learnt == ['side.layer.weight', 'side.layer.bias']
    optimiser = torch.optim.SGD(model.side.parameters(), lr=1.0)
    crops, losses = _crops(4), []
    for _ in range(30):
        loss = model.loss(crops, _samples(4))['loss_side']
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss))
    assert losses[-1] < losses[0]


def test_sides_need_a_classifier(root):
    init_default_scope('mmpose')
    config = Config.fromfile(root / _CONFIG).model
    with pytest.raises(ValueError, match='side_channels'):
        MODELS.build({**config, 'side_channels': None, 'learns': 'side'})
