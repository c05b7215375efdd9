"""Mesh Graphormer: tokens, graph, losses; its backbone's neck."""

import numpy as np
import pytest
import torch

from mesh_factory import make_samples, stacked
from synhand.models.mesh import HRNetClassificationNeck, MeshGraphormerHead
from synhand.models.mesh.encoder import GraphConvolution, GraphResidual
from synhand.models.mesh.mesh_head import mesh_targets

SIZE = 98


def make_head(**changes):
    torch.manual_seed(0)
    options = dict(
        grid_size=(3, 2),
        mesh_size=SIZE,
        widths=(16, 16, 8),
        layers=2,
        decoder=dict(type='HandMeshLabel', input_size=(64, 48)),
    )
    return MeshGraphormerHead(8, **(options | changes)).eval()


def feats(batch=2):
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(batch, 8, 3, 2, generator=generator)]


def test_a_graph_convolution_is_a_sum_over_neighbours():
    torch.manual_seed(0)
    adjacency = torch.rand(5, 5) * (torch.rand(5, 5) > 0.5)
    layer, nodes = GraphConvolution(adjacency, 4), torch.randn(2, 5, 4)
    weight, bias = layer.linear.weight, layer.linear.bias
    for i in range(5):
        expected = sum(
            adjacency[i, j] * (nodes[:, j] @ weight.T + bias) for j in range(5)
        )
        torch.testing.assert_close(layer(nodes)[:, i], expected)


def test_the_graph_is_in_the_last_block_alone_and_of_the_vertices():
    head = make_head()
    has = [
        [layer.graph is not None for layer in block.layers]
        for block in head.blocks
    ]
    assert has == [[False] * 2, [False] * 2, [True] * 2]
    layer = head.blocks[2].layers[0]
    assert layer.nodes == slice(22, 22 + SIZE)
    assert isinstance(layer.graph, GraphResidual)
    assert layer.graph.layers[5].adjacency.shape == (SIZE, SIZE)
    joints = make_head(mesh_size=None).blocks[2].layers[0]
    assert joints.nodes == slice(1, 22)


def test_vertices_far_apart_meet_in_the_graph_only_over_edges():
    """Gradients of one node reach its neighbours, and no other."""
    layer = make_head().blocks[2].layers[0].graph
    adjacency = layer.layers[5].adjacency
    nodes = torch.randn(1, SIZE, 8, requires_grad=True)
    layer(nodes)[0, 7].sum().backward()
    reached = nodes.grad[0].abs().sum(1) > 0
    assert (reached == (adjacency[7] > 0)).all()


def test_up_sampling_starts_as_interpolation_and_the_wrist_is_0():
    head = make_head()
    found = head.forward(feats())
    np.testing.assert_allclose(
        found['vertices'][:, head.coarse_ids].detach(),
        found['coarse'].detach(),
        atol=1e-5,
    )
    for name in ('joints', 'regressed'):
        assert found[name][:, 0].abs().max() < 1e-6
    again = head.regressor @ found['vertices']
    torch.testing.assert_close(again, found['regressed'], atol=1e-5, rtol=0)


def test_losses_are_the_stated_ones():
    head, samples = make_head(), make_samples()
    samples[1].gt_instance_labels.mesh_weights[:] = 0
    found = head.forward(feats())
    losses = head.loss(feats(), samples)
    label = stacked(samples, 'keypoint_labels')[..., :2]
    seen = stacked(samples, 'keypoint_weights')
    target = stacked(samples, 'relative_labels')
    known = stacked(samples, 'relative_weights')
    uv = pose = 0
    for name in ('joints', 'regressed'):
        flat = head._project(found[name], found['view'])
        uv += ((flat - label).square().sum(-1) * seen).mean().item()
        error = (found[name] - target).square().sum(-1)
        pose += (error * known).mean().item()
    assert losses['loss_uv'].item() == pytest.approx(10 * uv, rel=1e-5)
    assert losses['loss_pose'].item() == pytest.approx(pose, rel=1e-5)
    mesh, _ = mesh_targets(
        head.hand, 'anatomical', samples, torch.device('cpu')
    )
    true = mesh[0, head.vertex_ids]
    full = (found['vertices'][0] - true).abs().sum(-1).mean() / 2
    coarse = found['coarse'][0] - true[head.coarse_ids]
    coarse = coarse.abs().sum(-1).mean() / 2
    expected = (full + coarse).item() / 2  # a half each
    assert losses['loss_vertices'].item() == pytest.approx(expected, rel=1e-4)
    sum(losses.values()).backward()
    assert all(p.grad is not None for p in head.parameters())


def test_keypoints_alone_need_no_mesh():
    head = make_head(
        mesh_size=None,
        decoder=dict(type='RootRelativeLabel', input_size=(64, 48)),
    )
    samples = make_samples()
    for sample in samples:
        sample.gt_instance_labels.pop('mesh_weights')
    assert set(head.loss(feats(), samples)) == {'loss_pose', 'loss_uv'}
    prediction = head.predict(feats(), samples)[0]
    assert prediction.keypoint_relative.shape == (1, 21, 3)


def test_the_camera_token_says_where_the_hand_is():
    head = make_head()
    view = head.forward(feats())['view']
    torch.nn.init.zeros_(head.blocks[2].leave.weight)
    torch.nn.init.zeros_(head.blocks[2].leave.bias)
    start = head.forward(feats())['view']
    assert start.tolist() == [[0.5, 0.5, -2.0]] * 2
    assert (view != start).all()


def test_autocast_keeps_losses_and_meshes_in_float32():
    head, samples = make_head(), make_samples()
    with torch.autocast('cpu', torch.bfloat16):
        losses = head.loss(feats(), samples)
        relative = head.read_out(feats())['relative']
    assert {v.dtype for v in losses.values()} == {torch.float32}
    assert relative.dtype == torch.float32


def test_the_neck_joins_four_maps_at_stride_32():
    neck = HRNetClassificationNeck((4, 8, 16, 32))
    maps = [
        torch.randn(1, 4 * 2**i, 16 // 2**i, 24 // 2**i, requires_grad=True)
        for i in range(4)
    ]
    grid, whole = neck(maps)
    assert grid.shape == (1, 1024, 2, 3)
    assert whole.shape == (1, 2048, 2, 3)
    whole.square().sum().backward()
    assert all(m.grad.abs().sum() > 0 for m in maps)


def test_wrong_options_are_named():
    with pytest.raises(ValueError, match=r"weights of losses: .*\['x'\]"):
        make_head(loss_weights=dict(x=1))
    with pytest.raises(ValueError, match='one for each of 3 widths, got 1'):
        make_head(graph_blocks=(True,))
