"""MMPose's 2D heads with targets on the device."""

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.models.losses import KeypointMSELoss, KLDiscretLoss
from mmpose.structures import PoseDataSample

from synhand.models.gaussian_maps import gaussian_lines, gaussian_maps
from synhand.models.heads import (
    HandHeatmapHead,
    HandSimCCHead,
    HandStagesHead,
)

_SIZE = (64, 48)
_CODEC = {'type': 'Latent25DLabel', 'input_size': _SIZE}
_MAPS = (12, 16)


def _samples(mirrored=(False, True)):
    rng = np.random.default_rng(0)
    samples = []
    for flag in mirrored:
        labels = InstanceData(
            keypoint_labels=rng.uniform(0, 1, (1, 21, 3)).astype(np.float32),
            keypoint_weights=rng.integers(0, 2, (1, 21)).astype(np.float32),
        )
        sample = PoseDataSample(gt_instance_labels=labels)
        sample.set_metainfo({'mirrored': flag})
        samples.append(sample)
    return samples


def _labels(samples):
    labels = [sample.gt_instance_labels for sample in samples]
    position = np.concatenate([a.keypoint_labels[..., :2] for a in labels])
    weights = np.concatenate([a.keypoint_weights for a in labels])
    return torch.from_numpy(position), torch.from_numpy(weights)


def _identity(head, monkeypatch):
    """A head that takes its input for its output."""
    monkeypatch.setattr(head, 'forward', lambda feats: feats)
    return head


def _heatmap_head(monkeypatch):
    head = HandHeatmapHead(21, 21, decoder=_CODEC)
    monkeypatch.setattr(head, 'forward', lambda feats: feats[-1])
    return head


def _stages_head(monkeypatch, **changes):
    head = HandStagesHead(21, 21, num_stages=2, decoder=_CODEC, **changes)
    return _identity(head, monkeypatch)


def _simcc_head(monkeypatch):
    loss = {'type': 'KLDiscretLoss', 'beta': 10.0, 'label_softmax': True}
    head = HandSimCCHead(8, 21, _SIZE, (2, 2), loss=loss, decoder=_CODEC)
    return _identity(head, monkeypatch)


def _lines(position):
    return [
        gaussian_lines(position[..., axis], 2 * _SIZE[axis], 5.66)
        for axis in range(2)
    ]


def _perfect(name, position):
    """What a head that is always right would compute."""
    if name == 'simcc':
        return _lines(position)
    maps = gaussian_maps(position, _MAPS, 2.0)
    return [torch.zeros_like(maps), maps]


_HEADS = {
    'heatmap': _heatmap_head,
    'stages': _stages_head,
    'simcc': _simcc_head,
}


@pytest.mark.parametrize('name', _HEADS)
def test_perfect_outputs_give_true_positions_mirrored_back(name, monkeypatch):
    head, samples = _HEADS[name](monkeypatch), _samples()
    position, _ = _labels(samples)
    found = head.predict(_perfect(name, position), samples)
    position[1, :, 0] = 1 - position[1, :, 0]
    for prediction, true in zip(found, position.numpy(), strict=True):
        assert prediction.keypoints.shape == (1, 21, 2)
        assert 'keypoints_z' not in prediction
        np.testing.assert_allclose(
            prediction.keypoints[0], true * _SIZE, atol=1e-2
        )
        assert (prediction.keypoint_scores > 0.7).all()
        assert (prediction.keypoint_scores <= 1).all()


@pytest.mark.parametrize('name', _HEADS)
def test_flip_test_takes_the_mean_of_both_views(name, monkeypatch):
    head, samples = _HEADS[name](monkeypatch), _samples((False, False))
    one, other = torch.rand(2, 2, 21, 2)
    flipped = torch.stack([1 - other[..., 0], other[..., 1]], -1)
    feats = [_perfect(name, one), _perfect(name, flipped)]
    found = head.predict(feats, samples, {'flip_test': True})
    for index, prediction in enumerate(found):
        mean = (one[index] + other[index]).numpy() / 2 * _SIZE
        np.testing.assert_allclose(prediction.keypoints[0], mean, atol=1e-2)


def test_heatmap_loss_is_the_stock_loss_of_slow_targets(monkeypatch):
    head, samples = _heatmap_head(monkeypatch), _samples()
    position, weights = _labels(samples)
    maps = torch.rand(2, 21, *_MAPS)
    targets = gaussian_maps(position, _MAPS, 2.0)
    expected = KeypointMSELoss(use_target_weight=True)(maps, targets, weights)
    found = head.loss([maps], samples)
    assert found['loss_kpt'].item() == pytest.approx(expected.item())


def test_every_stage_has_its_own_loss(monkeypatch):
    samples = _samples()
    losses = [
        {'type': 'KeypointMSELoss', 'loss_weight': weight}
        for weight in (1.0, 3.0)
    ]
    head = _stages_head(monkeypatch, loss=losses)
    maps = torch.rand(2, 21, *_MAPS)
    found = head.loss([maps, maps], samples)
    assert set(found) == {'loss_kpt_0', 'loss_kpt_1'}
    assert found['loss_kpt_1'].item() == pytest.approx(
        3 * found['loss_kpt_0'].item()
    )


def test_bins_have_the_stock_loss_a_sample(monkeypatch):
    head, samples = _simcc_head(monkeypatch), _samples()
    position, weights = _labels(samples)
    lines = [torch.rand(2, 21, 2 * side) for side in _SIZE]
    expected = KLDiscretLoss(beta=10.0, label_softmax=True)(
        lines, _lines(position), weights
    )
    found = head.loss(lines, samples)['loss_kpt']
    assert found.item() == pytest.approx(expected.item() / 2)
    doubled = head.loss(
        [line.repeat(2, 1, 1) for line in lines], [*samples, *samples]
    )
    assert doubled['loss_kpt'].item() == pytest.approx(found.item())


def test_a_missing_decoder_is_named(monkeypatch):
    head = HandHeatmapHead(4, 21, deconv_out_channels=None)
    feats = [torch.rand(1, 4, 8, 8)]
    with pytest.raises(RuntimeError, match='needs a `decoder`'):
        head.predict(feats, _samples((False,)))
