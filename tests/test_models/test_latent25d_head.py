"""The latent 2.5D head."""

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from synhand.models.heads import Latent25DHead
from synhand.models.heads.latent25d_head import collect_labels

_SIZE = (64, 48)
_CODEC = {'type': 'Latent25DLabel', 'input_size': _SIZE}


def _head(**changes):
    torch.manual_seed(0)
    head = Latent25DHead(in_channels=4, decoder=_CODEC, **changes)
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return head.eval()


def _feats(count=1, batch=2, dtype=torch.float32):
    generator = torch.Generator().manual_seed(1)
    return [
        torch.randn(batch, 4, 12, 16, generator=generator).to(dtype)
        for _ in range(count)
    ]


def _samples(batch=2, numpy=False, mirrored=(False, True)):
    rng = np.random.default_rng(2)
    samples = []
    for b in range(batch):
        labels = {
            'keypoint_labels': rng.uniform(0, 1, (1, 21, 3)),
            'keypoint_weights': rng.integers(0, 2, (1, 21)),
            'depth_weights': rng.integers(0, 2, (1, 21)),
        }
        instance = InstanceData()
        for name, value in labels.items():
            value = value.astype(np.float32)
            instance[name] = value if numpy else torch.from_numpy(value)
        sample = PoseDataSample(gt_instance_labels=instance)
        sample.set_metainfo({'mirrored': mirrored[b], 'input_size': _SIZE})
        samples.append(sample)
    return samples


def _slow_read_out(head, feats, stage=-1):
    maps = head.forward(feats)[stage]
    logits, depths = (m.detach().double().numpy() for m in maps)
    softness = head.log_softness[stage].detach().exp().double().numpy()
    weight = np.exp(logits * softness[:, None, None])
    weight /= weight.sum((-2, -1), keepdims=True)
    rows, columns = np.mgrid[:12, :16]
    u = (weight * columns / 15).sum((-2, -1))
    v = (weight * rows / 11).sum((-2, -1))
    z = (weight * depths).sum((-2, -1))
    z[:, 0] = 0
    return np.stack([u, v, z], -1)


def test_predictions_are_expectations_mirrored_back():
    head, feats = _head(), _feats()
    found = head.predict(feats, _samples())
    expected = _slow_read_out(head, feats)
    expected[1, :, 0] = 1 - expected[1, :, 0]
    for prediction, pose in zip(found, expected, strict=True):
        assert prediction.keypoints.shape == (1, 21, 2)
        np.testing.assert_allclose(
            prediction.keypoints[0], pose[:, :2] * _SIZE, atol=1e-3
        )
        np.testing.assert_allclose(
            prediction.keypoints_z[0], pose[:, 2], atol=1e-4
        )
        assert prediction.keypoints_z[0, 0] == 0
        assert (prediction.keypoint_scores >= 0).all()
        assert (prediction.keypoint_scores <= 1).all()


def test_losses_against_the_slow_read_out():
    head, feats, samples = _head(), _feats(), _samples()
    losses = head.loss(feats, samples)
    labels, weights, depth_weights = (
        collect_labels(samples, name, torch.device('cpu')).numpy()
        for name in ('keypoint_labels', 'keypoint_weights', 'depth_weights')
    )
    error = np.abs(_slow_read_out(head, feats) - labels)
    uv = 10 * (error[..., :2].mean(-1) * weights).mean()
    assert losses['loss_uv'].item() == pytest.approx(uv, rel=1e-4)
    z = (error[..., 2] * depth_weights).mean()
    assert losses['loss_z'].item() == pytest.approx(z, rel=1e-4)
    assert losses['loss_heatmap'].item() > 0
    assert set(losses) == {'loss_uv', 'loss_z', 'loss_heatmap'}


def test_labels_as_tensors_and_as_arrays_are_the_same():
    head, feats = _head(), _feats()
    first = head.loss(feats, _samples())
    second = head.loss(feats, _samples(numpy=True))
    for name, value in first.items():
        assert value.item() == second[name].item()


def test_a_loss_a_stage_and_the_last_one_predicts():
    head, feats = _head(in_index=[0, 1]), _feats(2)
    losses = head.loss(feats, _samples())
    assert set(losses) == {
        f'loss_{name}_{stage}'
        for name in ('uv', 'z', 'heatmap')
        for stage in (0, 1)
    }
    found = head.predict(feats, _samples(mirrored=(False, False)))
    expected = _slow_read_out(head, feats, stage=1)
    np.testing.assert_allclose(
        found[0].keypoints[0], expected[0, :, :2] * _SIZE, atol=1e-3
    )


def test_losses_can_be_left_out_and_unknown_ones_are_named():
    losses = _head(loss={'heatmap': 0.0}).loss(_feats(), _samples())
    assert set(losses) == {'loss_uv', 'loss_z'}
    with pytest.raises(ValueError, match='loss: expected weights'):
        _head(loss={'bone': 1.0})


def test_deconvolutions_double_the_resolution():
    head = _head(deconv_out_channels=(8, 8), deconv_kernel_sizes=(4, 4))
    logits, depths = head.forward(_feats())[0]
    assert logits.shape == depths.shape == (2, 21, 48, 64)


def test_flip_test_averages_two_views():
    """A crop and its mirror image through a head that treats both alike."""
    head, samples = _head(), _samples(mirrored=(False, False))
    feats = _feats()
    plain = head.predict(feats, samples)
    mirrored = [feat.flip(-1) for feat in feats]
    averaged = head.predict([feats, mirrored], samples, {'flip_test': True})
    for first, second in zip(plain, averaged, strict=True):
        np.testing.assert_allclose(
            first.keypoints, second.keypoints, atol=1e-3
        )
        np.testing.assert_allclose(
            first.keypoints_z, second.keypoints_z, atol=1e-4
        )
    other = head.predict([feats, _feats(2)[1:]], samples, {'flip_test': True})
    assert np.abs(other[0].keypoints - plain[0].keypoints).max() > 0.1


def test_gradients_in_float64():
    head = _head(loss={'uv': 1.0, 'z': 1.0, 'heatmap': 1.0}).double()
    feat = torch.randn(1, 4, 4, 3, dtype=torch.float64, requires_grad=True)
    samples = _samples(1)
    labels = samples[0].gt_instance_labels
    for name in list(labels.keys()):
        labels[name] = labels[name].double()

    def losses(feat, softness):
        head.log_softness.data = softness
        return tuple(head.loss([feat], samples).values())

    softness = head.log_softness.detach()
    assert torch.autograd.gradcheck(losses, (feat, softness))


def test_losses_stay_in_float32_under_autocast():
    head, samples = _head(), _samples()
    exact = head.loss(_feats(), samples)
    with torch.autocast('cpu', torch.bfloat16):
        found = head.loss(_feats(), samples)
        prediction = head.predict(_feats(), samples)[0]
    for name, value in found.items():
        assert value.dtype == torch.float32
        assert value.item() == pytest.approx(exact[name].item(), rel=0.05)
    assert prediction.keypoints.dtype == np.float32


def test_softness_starts_as_asked_and_learns():
    head = Latent25DHead(in_channels=4, softness=3.0)
    np.testing.assert_allclose(head.log_softness.exp().detach(), 3.0, 1e-6)
    sum(head.loss(_feats(), _samples()).values()).backward()
    assert head.log_softness.grad is not None
