"""3D regression: outputs, priors, likelihoods."""

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

import synhand.registry  # noqa: F401
from synhand.models.heads import PoseRegressionHead

_SIZE = (64, 48)
_CODECS = {'2.5d': 'Latent25DLabel', '3d': 'RootRelativeLabel'}


def _head(output='2.5d', **changes):
    torch.manual_seed(0)
    codec = {'type': _CODECS[output], 'input_size': _SIZE}
    head = PoseRegressionHead(8, output=output, decoder=codec, **changes)
    for name, parameter in head.named_parameters():
        if 'flow' not in name:
            torch.nn.init.normal_(parameter, std=0.3)
    return head.eval()


def _feats(batch=2):
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(batch, 8, 3, 2, generator=generator)]


def _samples(batch=2, mirrored=(False, True), depth=True):
    rng = np.random.default_rng(2)
    samples = []
    for b in range(batch):
        labels = {
            'keypoint_labels': rng.uniform(0, 1, (1, 21, 3)),
            'keypoint_weights': np.ones((1, 21)),
            'depth_weights': np.full((1, 21), float(depth)),
            'relative_labels': rng.normal(size=(1, 21, 3)),
            'relative_weights': np.full((1, 21), float(depth)),
        }
        instance = InstanceData(
            **{k: v.astype(np.float32) for k, v in labels.items()}
        )
        sample = PoseDataSample(gt_instance_labels=instance)
        sample.set_metainfo({'mirrored': mirrored[b]})
        samples.append(sample)
    return samples


def _stack(samples, name):
    return np.concatenate([s.gt_instance_labels[name] for s in samples])


def test_the_plain_loss_is_a_weighted_l1_without_the_roots_depth():
    head, samples = _head(), _samples()
    found = head.forward(_feats())['mean'].detach().numpy()
    error = np.abs(found - _stack(samples, 'keypoint_labels'))
    error[:, 0, 2] = 0
    expected = (error * [10, 10, 1]).sum(-1).mean()
    losses = head.loss(_feats(), samples)
    assert set(losses) == {'loss_pose'}
    assert losses['loss_pose'].item() == pytest.approx(expected, rel=1e-4)
    assert (found[:, 0, 2] == 0).all()


@pytest.mark.parametrize('output', ['2.5d', '3d'])
@pytest.mark.parametrize('likelihood', [None, 'gaussian', 'laplace', 'rle'])
def test_samples_without_depth_train_what_they_show(output, likelihood):
    head = _head(output, likelihood=likelihood)
    feats = _feats()[0].requires_grad_()
    samples = _samples(depth=False)
    sum(head.loss([feats], samples).values()).backward()
    gradient = head.coordinates.weight.grad.view(21, 3, 8)
    assert (gradient[1:, :2] != 0).any()
    assert (gradient[:, 2] == 0).all()
    if likelihood:
        known = output == '2.5d'
        sigma = head.sigma.weight.grad.view(21, 3, 8)
        assert (sigma[1:, :2] != 0).any() == known
        assert (sigma[:, 2] == 0).all()


@pytest.mark.parametrize('likelihood', [None, 'laplace'])
def test_predictions_in_25d_are_mirrored_back(likelihood):
    head = _head(likelihood=likelihood)
    found = head.forward(_feats())
    pose = found['mean'].detach().numpy().copy()
    pose[1, :, 0] = 1 - pose[1, :, 0]
    for index, prediction in enumerate(head.predict(_feats(), _samples())):
        np.testing.assert_allclose(
            prediction.keypoints[0], pose[index, :, :2] * _SIZE, atol=1e-3
        )
        np.testing.assert_allclose(
            prediction.keypoints_z[0], pose[index, :, 2], atol=1e-5
        )
        assert 'keypoint_relative' not in prediction
        if likelihood is None:
            assert (prediction.keypoint_scores == 1).all()
            continue
        sigma = found['sigma'][index].detach().numpy()
        np.testing.assert_allclose(prediction.keypoint_sigmas[0], sigma)
        np.testing.assert_allclose(
            prediction.keypoint_scores[0],
            1 - (sigma[:, :2] - 1e-3).mean(-1),
            atol=1e-6,
        )


def test_3d_is_projected_in_parallel_and_mirrored_back():
    head, samples = _head('3d'), _samples()
    found = head.forward(_feats())
    relative = found['mean'].detach().numpy()
    u, v, log_scale = found['view'].detach().numpy()[..., None].swapaxes(0, 1)
    scale = np.exp(log_scale)
    flat = np.stack(
        [u + scale * relative[..., 0], v + scale * 63 / 47 * relative[..., 1]],
        -1,
    )
    flat[1, :, 0] = 1 - flat[1, :, 0]
    back = relative * np.array([[[1, 1, 1]], [[-1, 1, 1]]])
    for index, prediction in enumerate(head.predict(_feats(), samples)):
        np.testing.assert_allclose(
            prediction.keypoints[0], flat[index] * _SIZE, atol=1e-3
        )
        np.testing.assert_allclose(
            prediction.keypoint_relative[0], back[index], atol=1e-6
        )
        np.testing.assert_allclose(
            prediction.keypoints_z[0], relative[index, :, 2], atol=1e-6
        )
    losses = head.loss(_feats(), samples)
    assert set(losses) == {'loss_pose', 'loss_uv'}


def test_flip_test_mirrors_relative_3d():
    """A pose and its own mirror image: what is left of x is 0."""
    head, samples = _head('3d'), _samples(mirrored=(False, False))
    found = head.predict([_feats(), _feats()], samples, {'flip_test': True})
    plain = head.predict(_feats(), samples)
    for both, one in zip(found, plain, strict=True):
        assert np.abs(both.keypoint_relative[..., 0]).max() < 1e-6
        np.testing.assert_allclose(
            both.keypoint_relative[..., 1:], one.keypoint_relative[..., 1:]
        )
        np.testing.assert_allclose(
            both.keypoints[..., 0], _SIZE[0] / 2, rtol=1e-5
        )


@pytest.mark.parametrize('output', ['2.5d', '3d'])
def test_priors_bound_poses_to_their_components(output):
    head = _head(output, prior={'components': 5}, hidden=(16,), dropout=0.1)
    found = head.forward(_feats(40))['mean'].detach().flatten(1)
    free = head.free.flatten()
    offset = (found - head.prior.mean.detach() * free).numpy()
    assert np.linalg.matrix_rank(offset, tol=1e-4) == 5
    pose = head.complete_pose(_samples(1)[0])
    assert pose.shape == (63,)
    assert (pose[:3] == 0).sum() == (3 if output == '3d' else 1)
    assert head.complete_pose(_samples(1, depth=False)[0]) is None


def test_losses_and_predictions_stay_in_float32_under_autocast():
    head, samples = _head('3d', likelihood='rle'), _samples()
    with torch.autocast('cpu', torch.bfloat16):
        losses = head.loss(_feats(), samples)
        prediction = head.predict(_feats(), samples)[0]
    assert all(value.dtype == torch.float32 for value in losses.values())
    assert prediction.keypoint_sigmas.dtype == np.float32


@pytest.mark.parametrize('name', ['output', 'likelihood'])
def test_unknown_options_are_named(name):
    with pytest.raises(ValueError, match=f"{name}: expected one of .* 'x'"):
        PoseRegressionHead(8, **{name: 'x'})
