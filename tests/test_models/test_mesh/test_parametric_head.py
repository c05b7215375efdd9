"""Boukhayma 2019: parameters to poses, losses, both hand models."""

import numpy as np
import pytest
import torch

from mano_factory import write_mano
from mesh_factory import make_samples, stacked
from synhand.models.mesh import ParametricHandHead
from synhand.skeleton import FINGERTIPS

_DECODER = dict(type='HandMeshLabel', input_size=(64, 48))


@pytest.fixture(scope='module')
def mano_file(tmp_path_factory):
    return write_mano(tmp_path_factory.mktemp('mano') / 'MANO_RIGHT.pkl')


def make_head(noise=0.0, **changes):
    torch.manual_seed(0)
    changes = dict(decoder=_DECODER) | changes
    head = ParametricHandHead(8, **changes)
    if noise:
        torch.nn.init.normal_(head.regressor.weight, std=noise)
    return head.eval()


def feats(batch=2):
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(batch, 8, 3, 2, generator=generator)]


@pytest.mark.parametrize('rotation', ['axis_angle', '6d'])
def test_it_starts_upright_with_the_palm_to_the_camera(rotation):
    head = make_head(rotation=rotation)
    torch.nn.init.zeros_(head.regressor.weight)
    found = head.forward(feats())
    joints = found['joints'][0]
    assert (joints[[8, 12, 16, 20], 1] < -1.5).all()  # y is down
    # the thumb of a right hand seen from the palm is on the right
    assert joints[4, 0] > joints[20, 0]
    # fingers bend to the camera
    assert (joints[list(FINGERTIPS[1:]), 2] < joints[[5, 9, 13, 17], 2]).all()
    assert found['pose'].shape == (2, 6)


@pytest.mark.parametrize('hand', ['anny', 'mano'])
def test_losses_are_the_stated_ones(hand, mano_file):
    mano = str(mano_file) if hand == 'mano' else None
    head, samples = make_head(0.2, mano=mano), make_samples()
    found = head.forward(feats())
    losses = head.loss(feats(), samples)
    flat = head._project(found['joints'], found['view'])
    label = stacked(samples, 'keypoint_labels')[..., :2]
    uv = (flat - label).abs().sum(-1) * stacked(samples, 'keypoint_weights')
    assert losses['loss_uv'].item() == pytest.approx(
        10 * uv.mean().item(), rel=1e-5
    )
    error = found['joints'] - stacked(samples, 'relative_labels')
    pose = error.square().sum(-1) * stacked(samples, 'relative_weights')
    assert losses['loss_pose'].item() == pytest.approx(
        pose.mean().item(), rel=1e-5
    )
    prior = torch.cat([found['pose'], found['shape']], 1).square().mean()
    assert losses['loss_prior'].item() == pytest.approx(
        0.1 * prior.item(), rel=1e-5
    )
    # the map of these samples is u itself, where the crop shows it
    surface = head._project(found['vertices'], found['view'])
    inside = ((surface >= 0) & (surface <= 1)).all(-1)
    mask = (surface[..., 0] * inside).mean()
    assert losses['loss_mask'].item() == pytest.approx(
        10 * mask.item(), rel=1e-3
    )
    sum(losses.values()).backward()
    assert (head.regressor.weight.grad.abs().sum(1) > 0).all()


def test_samples_without_a_mask_have_no_mask_loss():
    head = make_head()
    assert head.loss(feats(), make_samples(mask=0.0))['loss_mask'] == 0
    head = make_head(loss_weights=dict(mask=0))
    assert 'loss_mask' not in head.loss(feats(), make_samples())


def test_joints_beyond_their_limits_cost():
    head = make_head()
    low, high = head.hand.lower, head.hand.upper
    bent = torch.stack([low - 0.1, (low + high) / 2, high + 0.2])
    expected = torch.tensor([0.1, 0, 0.2])[:, None].expand(3, 26)
    torch.testing.assert_close(head._beyond(bent), expected)


def test_predictions_are_mirrored_back_vertices_too():
    head, samples = make_head(0.2), make_samples()
    found = head.read_out(feats())
    assert found['relative'].shape == (2, 21 + 1596, 3)
    back = found['relative'].detach().numpy() * [[[1, 1, 1]], [[-1, 1, 1]]]
    u = found['pose'][..., 0].detach().numpy()
    for index, prediction in enumerate(head.predict(feats(), samples)):
        np.testing.assert_allclose(
            prediction.keypoint_relative[0], back[index], atol=1e-5
        )
        expected = 1 - u[index] if index else u[index]
        np.testing.assert_allclose(
            prediction.keypoints[0, :, 0], expected * 64, atol=1e-3
        )


def test_it_finds_known_hands():
    """One hand each, from features that tell them apart."""
    truth = make_head(0.3, pose_components=20, shape_components=3)
    wanted = {k: v.detach() for k, v in truth.forward(feats(4)).items()}
    head = make_head(pose_components=20, shape_components=3)
    samples = make_samples(4, mask=0.0, mirrored=[False] * 4)
    flat = truth._project(wanted['joints'], wanted['view'])
    for b, sample in enumerate(samples):
        labels = sample.gt_instance_labels
        labels.keypoint_labels[0, :, :2] = flat[b].numpy()
        labels.relative_labels[0] = wanted['joints'][b].numpy()
        labels.keypoint_weights[:] = labels.relative_weights[:] = 1
    optimizer = torch.optim.Adam(head.parameters(), lr=0.02)
    for _ in range(150):
        optimizer.zero_grad()
        sum(head.loss(feats(4), samples).values()).backward()
        optimizer.step()
    error = (head.forward(feats(4))['joints'] - wanted['joints']).norm(dim=-1)
    assert error.mean() < 0.25  # of a reference bone of about 26 mm
    vertices = head.forward(feats(4))['vertices'] - wanted['vertices']
    assert vertices.norm(dim=-1).mean() < 0.35


@pytest.mark.parametrize(
    ('changes', 'text'),
    [
        (dict(rotation='euler'), 'rotation: expected one of'),
        (dict(loss_weights=dict(x=1)), r"weights of losses: .*\['x'\]"),
        (dict(pose_components=27), r'at most \(26, 40\), got \(27, 10\)'),
    ],
)
def test_wrong_options_are_named(changes, text):
    with pytest.raises(ValueError, match=text):
        make_head(**changes)
