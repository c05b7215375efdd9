"""The latent 2.5D head."""

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

import synhand.codecs  # noqa: F401 - registers the decoder
from helpers import random_hands
from synhand.geometry.pose25d import reference_length, to_25d
from synhand.models.heads import Latent25DHead
from synhand.models.heads.parts import (
    FamilyAdapter,
    RootDepthRefiner,
    first_root_depth,
    rays_of,
)
from synhand.models.heatmaps import log_probabilities, spatial_median
from synhand.models.labels import collect_labels
from synhand.skeleton import MEAN_BONE_LENGTHS_MM

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


def test_medians_change_where_keypoints_lie_and_nothing_else():
    head, median, feats = _head(), _head(median=True), _feats()
    expected, found = head.read_out(feats), median.read_out(feats)
    maps = head.forward(feats)[-1][0]
    probability = log_probabilities(maps, head.log_softness[-1].exp()).exp()
    torch.testing.assert_close(
        found['pose'][..., :2], spatial_median(probability)
    )
    assert (found['pose'] != expected['pose'])[..., :2].all()
    assert (found['pose'] == expected['pose'])[..., 2].all()
    assert (found['scores'] == expected['scores']).all()
    assert head.loss(feats, _samples()) == median.loss(feats, _samples())


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
    with pytest.raises(ValueError, match='weights of losses: expected'):
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


def _more(samples, **labels):
    """The samples with further labels, one value each."""
    for index, sample in enumerate(samples):
        for name, values in labels.items():
            value = torch.as_tensor(values[index : index + 1])
            sample.gt_instance_labels[name] = value
    return samples


def _gaussian_maps(position, z, size=(12, 16), sigma=1.5):
    rows, columns = np.mgrid[: size[0], : size[1]]
    heat = np.exp(
        -(
            (columns - position[..., 0, None, None] * (size[1] - 1)) ** 2
            + (rows - position[..., 1, None, None] * (size[0] - 1)) ** 2
        )
        / (2 * sigma**2)
    )
    return heat, heat * z[..., None, None]


def test_direct_maps_are_read_at_their_peaks_and_cost_nothing_there():
    rng = np.random.default_rng(0)
    position = rng.uniform(0.2, 0.8, (2, 21, 2))
    z = rng.normal(size=(2, 21))
    z[:, 0] = 0
    heat, depth = _gaussian_maps(position, z)
    maps = torch.from_numpy(np.concatenate([heat, depth], 1)).float()
    head = Latent25DHead(42, variant='direct', sigma=1.5, decoder=_CODEC)
    head.forward = lambda feats: [feats[0].chunk(2, 1)]
    found = head.read_out([maps])
    pose = found['pose'].numpy()
    np.testing.assert_allclose(pose[..., :2], position, atol=0.01)
    np.testing.assert_allclose(pose[..., 2], z, atol=0.02)
    assert (found['scores'] > 0.8).all()
    samples = _samples()
    for sample, uv, depths in zip(samples, position, z, strict=True):
        labels = np.concatenate([uv, depths[:, None]], -1)[None]
        labels = torch.from_numpy(labels).float()
        sample.gt_instance_labels.keypoint_labels = labels
    losses = head.loss([maps], samples)
    assert set(losses) == {'loss_heatmap', 'loss_z'}
    assert all(abs(v.item()) < 1e-5 for v in losses.values())
    assert head.loss([maps * 0], samples)['loss_heatmap'].item() > 0.05


def test_the_second_stage_sees_the_maps_of_the_first():
    head, feats = _head(refinements=1), _feats()
    assert head.log_softness.shape == (2, 21)
    losses = head.loss(feats, _samples())
    assert set(losses) == {
        f'loss_{n}_{s}' for n in ('uv', 'z', 'heatmap') for s in (0, 1)
    }
    second = head.forward(feats)[1][0]
    with torch.no_grad():
        head.stages[0].final_layer.bias += 1.0
    assert (head.forward(feats)[1][0] - second).abs().max() > 1e-3


def test_families_have_outputs_of_their_own():
    head, feats = _head(families='outputs'), _feats()
    samples = _more(_samples(), joint_family=[0, 1])
    losses = head.loss(feats, samples)
    losses['loss_uv'].backward()
    used = head.stages[0].final_layer.weight.grad.abs().sum((1, 2, 3))
    assert (used.view(2, 2, 21).sum(-1)[0] > 0).all()  # both families
    for wanted in (0, 1):
        for sample in samples:
            sample.set_metainfo({'joint_family': np.array([wanted])})
        found = head.predict(feats, samples)[0]
        logits, depths = head.forward(feats)[-1]
        part = slice(21 * wanted, 21 * wanted + 21)
        pose, _ = head.reader.pose(
            logits[:1, part],
            depths[:1, part],
            head.log_softness[0, part].exp(),
        )
        np.testing.assert_allclose(
            found.keypoints[0],
            pose[0, :, :2].detach().numpy() * _SIZE,
            atol=1e-3,
        )


def test_the_adapter_learns_another_family():
    """Joints half-way to their parents, whatever the pose: learnt exactly."""
    adapter = FamilyAdapter(2)
    optimizer = torch.optim.LBFGS(adapter.parameters(), max_iter=60)
    generator = torch.Generator().manual_seed(0)
    pose = torch.randn(64, 21, 3, generator=generator)
    target = pose.clone()
    target[:, 5:] = (pose[:, 5:] + pose[:, 4:-1]) / 2
    second = torch.ones(64, dtype=torch.long)

    def closure():
        optimizer.zero_grad()
        loss = (adapter(pose, second) - target).square().mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    new = torch.randn(5, 21, 3, generator=generator)
    expected = new.clone()
    expected[:, 5:] = (new[:, 5:] + new[:, 4:-1]) / 2
    found = adapter(new, second[:5]).detach()
    torch.testing.assert_close(found, expected, atol=0.02, rtol=0)
    first = adapter(new, torch.zeros(5, dtype=torch.long))
    torch.testing.assert_close(first, new)


def test_the_adapter_leaves_the_maps_to_the_first_family():
    head, feats = _head(families='adapter'), _feats()
    found = {}
    for family in (0, 1):
        samples = _more(_samples(), joint_family=[family, family])
        found[family] = head.loss(feats, samples)
    assert found[0]['loss_heatmap'] > 0
    assert found[1]['loss_heatmap'] == 0
    assert found[1]['loss_uv'] > 0


def test_sides_are_told_and_mirrored():
    head, feats = _head(side={'in_channels': 4}), _feats()
    samples = _more(
        _samples(), side_labels=[1.0, 0.0], side_weights=[1.0, 0.0]
    )
    right = head.side(feats[-1]).sigmoid()
    entropy = -right[0].log() / 2 * head.loss_weights['side']
    losses = head.loss(feats, samples)
    assert losses['loss_side'].item() == pytest.approx(entropy.item(), 1e-4)
    found = head.predict(feats, samples)  # the second crop was mirrored
    expected = [right[0].item(), 1 - right[1].item()]
    for prediction, p in zip(found, expected, strict=True):
        assert prediction.hand_side.tolist() == [int(p > 0.5)]
        score = float(prediction.hand_side_scores[0])
        assert score == pytest.approx(max(p, 1 - p), abs=1e-5)
    both = head.predict(
        [feats, [feat.flip(-1) for feat in feats]],
        samples,
        {'flip_test': True},
    )
    # a mean does not see mirroring: the two crops contradict each other
    assert float(both[0].hand_side_scores[0]) == pytest.approx(0.5, abs=1e-5)


def _camera_labels(known=(1.0, 1.0)):
    return {
        'crop_cameras': torch.tensor(
            [[[2.0, 0, 0.5], [0, 2.0, 0.5], [0, 0, 1]]] * 2
        ),
        'camera_weights': list(known),
        'root_depths': [12.0, 15.0],
        'root_depth_weights': list(known),
    }


def test_root_depths_are_refined_without_touching_the_pose():
    head, feats = _head(root_depth={}), _feats()
    samples = _more(_samples(), **_camera_labels((1.0, 0.0)))
    losses = head.loss(feats, samples)
    grad = torch.autograd.grad(
        losses['loss_root_depth'],
        head.stages[0].final_layer.weight,
        allow_unused=True,
    )
    assert grad == (None,)
    pose, _, _ = head._read(head.forward(feats)[-1], -1, None)
    rays = rays_of(pose, torch.as_tensor(_camera_labels()['crop_cameras']))
    slow = (pose[..., :2] - 0.5) / 2
    torch.testing.assert_close(rays[..., :2], slow, atol=1e-5, rtol=0)
    head.root_depth.train()
    error = (head.root_depth(rays)[0] - 12.0).abs() / 2
    assert losses['loss_root_depth'].item() == pytest.approx(
        0.1 * error.item(), rel=0.01
    )


@pytest.mark.parametrize('lengths', [None, MEAN_BONE_LENGTHS_MM])
def test_the_refiner_corrects_a_biased_root_depth(lengths):
    """Poses whose depths are all too flat place the root too far away."""
    rng = np.random.default_rng(0)
    points, cameras = random_hands(rng, 160, spread=0.0)
    pose = to_25d(points, cameras)
    pose[..., 2] *= 0.6
    rays = rays_of(*(torch.from_numpy(a).float() for a in (pose, cameras)))
    true = torch.from_numpy(points[:, 0, 2] / reference_length(points)).float()
    refiner = RootDepthRefiner(mean_bone_lengths_mm=lengths)
    with torch.no_grad():
        before = (refiner(rays) - true).abs()
    clamped = first_root_depth(rays, lengths).clamp(4.0, 50.0)
    torch.testing.assert_close(refiner(rays), clamped)
    optimizer = torch.optim.Adam(refiner.parameters(), 1e-2)
    for _ in range(50):
        optimizer.zero_grad()
        (refiner(rays[:120]) - true[:120]).abs().mean().backward()
        optimizer.step()
    with torch.no_grad():
        after = (refiner(rays) - true).abs()
    assert after[120:].mean() < 0.8 * before[120:].mean()


def test_constraints_see_right_hands():
    """Points that the head makes of a true pose; a left crop is mirrored."""
    seen = []

    class Spy(torch.nn.Module):
        def forward(self, points, weight):
            seen.append((points.detach(), weight))
            return {'loss_bones': points.sum() * 0}

    head, feats = _head(side={'in_channels': 4}), _feats()
    head.biomechanics = Spy()
    labels = dict(side_labels=[1.0, 0.0], side_weights=[1.0, 1.0])
    labels.update(_camera_labels((1.0, 0.0)))
    losses = head.loss(feats, _more(_samples(), **labels))
    assert 'loss_bones' in losses
    points, weight = seen[0]
    assert weight.tolist() == [1.0, 0.0]
    pose, _, _ = head._read(head.forward(feats)[-1], -1, None)
    z = pose[0, :, 2] + 12.0
    torch.testing.assert_close(points[0, :, 2], z)
    x = (pose[:, :, 0] - 0.5) / 2 * (pose[:, :, 2] + 12.0)
    torch.testing.assert_close(points[0, :, 0], x[0], atol=1e-4, rtol=0)
    depth = points[1, :, 2]
    torch.testing.assert_close(
        points[1, :, 0], -(pose[1, :, 0] - 0.5) / 2 * depth, atol=1e-4, rtol=0
    )


@pytest.mark.parametrize(
    ('changes', 'line'),
    [
        ({'variant': 'indirect'}, 'variant: expected one of'),
        ({'families': 'three'}, 'families: expected one of'),
        ({'variant': 'direct', 'families': 'outputs'}, 'no families'),
        ({'variant': 'direct', 'median': True}, 'no median'),
    ],
)
def test_unknown_options_are_named(changes, line):
    with pytest.raises(ValueError, match=line):
        Latent25DHead(in_channels=4, **changes)


def test_a_missing_label_is_named():
    head = _head(side={'in_channels': 4})
    with pytest.raises(KeyError, match='side_labels'):
        head.loss(_feats(), _samples())
