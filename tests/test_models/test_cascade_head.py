"""DeepPose's cascade."""

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample
from torch import nn

from synhand.models.heads import DeepPoseHead

_SIZE = (64, 48)
_CODEC = {'type': 'Latent25DLabel', 'input_size': _SIZE}
_REFINER = {'type': 'ResNet', 'depth': 18, 'base_channels': 4}
_REFINER.update(stem_channels=4)


def _head(stages=3, **changes):
    torch.manual_seed(0)
    settings = {
        'refiner': _REFINER,
        'refiner_channels': 32,
        'window_size': 16,
        'decoder': _CODEC,
        **changes,
    }
    return DeepPoseHead(6, _SIZE, num_stages=stages, **settings)


def _feats(batch=2):
    generator = torch.Generator().manual_seed(1)
    return [
        torch.randn(batch, 6, 2, 2, generator=generator),
        torch.randn(batch, 3, 48, 64, generator=generator),
    ]


def _samples(position, weights=None):
    if weights is None:
        weights = np.ones(position.shape[:2])
    samples = []
    for where, weight in zip(position, weights, strict=True):
        labels = InstanceData(
            keypoint_labels=np.asarray(where, np.float32)[None],
            keypoint_weights=np.asarray(weight, np.float32)[None],
        )
        samples.append(PoseDataSample(gt_instance_labels=labels))
    return samples


def _positions(batch=2):
    return np.random.default_rng(0).uniform(0.2, 0.8, (batch, 21, 2))


class _Seeker(nn.Module):
    """Finds the image's centre from windows that show where they are."""

    def forward(self, windows):
        middle = windows[:, :2, 8, 8]  # channels are u and v
        side = windows[:, :2, 8, 16] - windows[:, :2, 8, 0]
        down = windows[:, :2, 16, 8] - windows[:, :2, 0, 8]
        extent = torch.stack([side[:, 0], down[:, 1]], -1)
        return ((0.5 - middle) / extent).view(-1, 21, 2)


def _place_images(batch=2):
    v, u = torch.meshgrid(
        torch.linspace(0, 1, 48), torch.linspace(0, 1, 64), indexing='ij'
    )
    return torch.stack([u, v, u])[None].repeat(batch, 1, 1, 1)


def test_later_stages_see_windows_around_the_earlier_estimate():
    """Windows that tell their place lead every keypoint to the centre."""
    head = _head(stages=2, window_size=17).eval()
    head.refiners[0] = _Seeker()
    first = torch.from_numpy(_positions()).float()
    head._coarse = lambda maps: first
    found = head([None, _place_images()])
    torch.testing.assert_close(found[0], first)
    torch.testing.assert_close(
        found[1], torch.full((2, 21, 2), 0.5), atol=1e-4, rtol=0
    )


def test_stages_of_a_trained_shape():
    head = _head().eval()
    estimates = head(_feats())
    assert [tuple(e.shape) for e in estimates] == [(2, 21, 2)] * 3
    found = head.predict(_feats(), _samples(_positions()))
    np.testing.assert_allclose(
        found[0].keypoints[0], estimates[-1][0].detach() * torch.tensor(_SIZE)
    )
    scores = np.concatenate([p.keypoint_scores for p in found])
    assert (scores >= 0).all()
    assert (scores <= 1).all()
    assert len(np.unique(scores)) > 21


def test_one_stage_is_plain_regression():
    head, samples = _head(stages=1), _samples(_positions())
    losses = head.loss(_feats(), samples)
    assert set(losses) == {'loss_kpt_0'}
    pooled = _feats()[0].mean((-2, -1))
    expected = head.first(pooled).view(2, 21, 2)
    truth = torch.from_numpy(_positions()).float()
    assert losses['loss_kpt_0'].item() == pytest.approx(
        (expected - truth).abs().mean().item(), rel=1e-4
    )
    found = head.predict(_feats(), samples)
    assert (found[0].keypoint_scores == 1).all()


def test_later_stages_train_on_the_errors_of_earlier_ones():
    """The statistics follow the errors, by keypoint, and draws follow them."""
    head = _head(stages=2)
    position = np.full((64, 21, 2), 0.3)
    position[:, 1] = 0.7  # the extent: 0.4 of the width
    samples = _samples(position)
    rng = np.random.default_rng(0)
    side = head._sides(torch.from_numpy(position).float(), torch.ones(64, 21))[
        0, 0
    ]
    mean = torch.tensor([0.25, -0.1]) * side
    feats = [torch.zeros(64, 6, 1, 1), torch.zeros(64, 3, 48, 64)]
    for _ in range(150):
        noise = torch.from_numpy(rng.normal(0, 0.05, (64, 21, 2))).float()
        found = torch.from_numpy(position).float() + mean + noise * side
        head._coarse = lambda maps, found=found: found
        head._offsets = lambda *a: torch.zeros(64, 21, 2)
        losses = head.loss(feats, samples)
    seen = head.error_mean[0]
    assert (seen - torch.tensor([0.25, -0.1])).abs().max() < 0.03
    deviation = head.error_variance[0].sqrt()
    assert (deviation - 0.05).abs().max() < 0.02
    torch.manual_seed(0)
    draws = head._errors(0, torch.ones(4000, 21))
    assert (draws.mean(0) - seen).abs().max() < 0.01
    # A refiner that never moves a keypoint errs by the displacement itself.
    expected = draws.abs().mean().item()
    assert losses['loss_kpt_1'].item() == pytest.approx(expected, rel=0.1)


def test_unknown_keypoints_change_nothing():
    head = _head(stages=2)
    weights = np.ones((2, 21))
    weights[:, 5] = 0
    before = head.error_mean.clone()
    losses = head.loss(_feats(), _samples(_positions(), weights))
    assert (head.error_mean[:, 5] == before[:, 5]).all()
    assert (head.error_mean[:, 6] != before[:, 6]).all()
    losses['loss_kpt_1'].backward()
    gradient = head.refiners[0].weight.grad
    assert (gradient[5] == 0).all()
    assert (gradient[6] != 0).any()
