"""Coarse-to-fine volumes."""

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from synhand.models.heads import VolumetricHead

_SIZE = (64, 48)
_CODEC = {'type': 'Latent25DLabel', 'input_size': _SIZE}
_Z = 4.0


def _head(depths=(1, 4, 16), **changes):
    torch.manual_seed(0)
    head = VolumetricHead(
        in_channels=4,
        depths=depths,
        in_index=list(range(len(depths))),
        z_range=_Z,
        decoder=_CODEC,
        **{'sigma': 1.0, **changes},
    )
    for parameter in head.stages.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return head.eval()


def _feats(count=3):
    generator = torch.Generator().manual_seed(1)
    return [
        torch.randn(2, 4, 12, 16, generator=generator) for _ in range(count)
    ]


def _samples(pose, depth_weights=1.0):
    samples = []
    for labels in pose:
        instance = InstanceData(
            keypoint_labels=labels[None].float(),
            keypoint_weights=torch.ones(1, 21),
            depth_weights=torch.full((1, 21), depth_weights),
        )
        sample = PoseDataSample(gt_instance_labels=instance)
        sample.set_metainfo({'input_size': _SIZE})
        samples.append(sample)
    return samples


def _pose(seed=0):
    """(2, 21, 3) u, v, z in the middle of the volume."""
    rng = np.random.default_rng(seed)
    pose = rng.uniform(0.25, 0.75, (2, 21, 3))
    pose[..., 2] = (2 * pose[..., 2] - 1) * _Z
    pose[:, 0, 2] = 0
    return torch.from_numpy(pose)


def _volumes(pose, depth, sigma=1.0, size=(12, 16)):
    """Gaussians of height 1, (2, 21, D, H, W)."""
    w = pose[..., 2] / _Z / 2 + 0.5
    centres = torch.stack([w, pose[..., 1], pose[..., 0]], -1)
    cells = torch.tensor([depth, *size])
    along = max(0.5, sigma * depth / 16)
    grids = torch.meshgrid(*(torch.arange(n) for n in cells), indexing='ij')
    exponent = sum(
        ((g - (c * (n - 1))[..., None, None, None]) / s) ** 2
        for g, c, n, s in zip(
            grids,
            centres.unbind(-1),
            cells,
            (along, sigma, sigma),
            strict=True,
        )
    )
    return torch.exp(-exponent / 2).float()


def test_volumes_grow_in_depth():
    volumes = _head().forward(_feats())
    assert [tuple(v.shape) for v in volumes] == [
        (2, 21, depth, 12, 16) for depth in (1, 4, 16)
    ]


@pytest.mark.parametrize('variant', ['latent', 'direct'])
def test_decode_of_encode_is_the_identity(variant):
    """Perfect volumes: read exactly, and no loss but that of coarseness."""
    pose, head = _pose(), _head(variant=variant)
    volumes = [_volumes(pose, depth) for depth in (1, 4, 16)]
    if variant == 'latent':
        volumes = [v.clamp(min=1e-12).log() for v in volumes]
    head.forward = lambda feats: volumes
    found = head.read_out(())
    error = (found['pose'] - pose).abs()
    # a cell is 2 x 4 / 15 = 0.53 reference bones deep
    tolerance = 0.01 if variant == 'latent' else 0.1
    assert error[..., :2].max() < tolerance / 5
    assert error[..., 2].max() < tolerance
    assert (found['pose'][:, 0, 2] == 0).all()
    assert (found['scores'] > 0.5).all()
    losses = head.loss((), _samples(pose))
    names = {'volume'} if variant == 'direct' else {'volume', 'uv', 'z'}
    assert set(losses) == {
        f'loss_{n}_{s}' for n in names for s in range(3)
    } - {'loss_z_0'}
    for stage in range(3):
        assert abs(losses[f'loss_volume_{stage}'].item()) < 1e-3
    if variant == 'latent':
        assert losses['loss_z_2'].item() < 0.01 < losses['loss_z_1'].item()


@pytest.mark.parametrize('variant', ['latent', 'direct'])
def test_losses_against_volumes_of_targets(variant):
    head, feats, pose = _head(variant=variant), _feats(), _pose()
    losses = head.loss(feats, _samples(pose))
    for stage, volume in enumerate(head.forward(feats)):
        target = _volumes(pose, volume.shape[2])
        if variant == 'direct':
            slow = (volume - target).square().sum((2, 3, 4))
            slow = slow / target.square().sum((2, 3, 4))
        else:
            target = target / target.sum((2, 3, 4), keepdim=True)
            log_p = volume.flatten(2).log_softmax(-1).view_as(volume)
            slow = target * (target.clamp(min=1e-30).log() - log_p)
            slow = slow.sum((2, 3, 4))
        assert losses[f'loss_volume_{stage}'].item() == pytest.approx(
            0.25 * slow.mean().item(), rel=1e-3
        )


@pytest.mark.parametrize('variant', ['latent', 'direct'])
def test_samples_without_3d_leave_the_depth_alone(variant):
    """Moving a volume along its depth costs nothing where z is unknown."""
    pose, head = _pose(), _head(depths=(16,), variant=variant)
    perfect = _volumes(pose, 16)
    for volume in (perfect, perfect.roll(3, dims=2)):
        if variant == 'latent':
            volume = volume.clamp(min=1e-12).log()
        head.forward = lambda feats, volume=volume: [volume]
        losses = head.loss((), _samples(pose, depth_weights=0.0))
        assert sum(losses.values()).item() < 0.03
        known = head.loss((), _samples(pose))
    assert sum(known.values()).item() > 0.2


def test_gradients_reach_every_stage():
    head, feats = _head(), _feats()
    sum(head.loss(feats, _samples(_pose())).values()).backward()
    for stage in head.stages:
        assert stage.final_layer.weight.grad.abs().sum() > 0
    assert head.log_softness.grad.abs().sum() > 0
    assert not _head(variant='direct').log_softness.requires_grad


def test_predictions_and_half_precision():
    head, feats = _head(), _feats()
    samples = _samples(_pose())
    samples[1].set_metainfo({'mirrored': True})
    found = head.predict(feats, samples)
    pose = head.read_out(feats)['pose'].detach().numpy()
    pose[1, :, 0] = 1 - pose[1, :, 0]
    for prediction, expected in zip(found, pose, strict=True):
        np.testing.assert_allclose(
            prediction.keypoints[0], expected[:, :2] * _SIZE, atol=1e-3
        )
        np.testing.assert_allclose(
            prediction.keypoints_z[0], expected[:, 2], atol=1e-4
        )
    with torch.autocast('cpu', torch.bfloat16):
        losses = head.loss(feats, samples)
    assert all(value.dtype == torch.float32 for value in losses.values())


@pytest.mark.parametrize(
    ('changes', 'line'),
    [
        ({'variant': 'soft'}, 'variant: expected one of'),
        ({'loss': {'bone': 1.0}}, 'weights of losses: expected'),
        ({'depths': (1, 2)}, 'depths: expected one for each'),
    ],
)
def test_unknown_options_are_named(changes, line):
    settings = {'in_channels': 4, 'in_index': [0], 'depths': [8], **changes}
    with pytest.raises(ValueError, match=line):
        VolumetricHead(**settings)
