"""Meshes: parametric hands, and Mesh Graphormer."""

from __future__ import annotations

from collections.abc import Sequence

from synhand.recipes.data import synthetic_data
from synhand.recipes.evaluation import evaluators
from synhand.recipes.features import (
    hrnet,
    pretrained_backbone,
    resnet18_half,
)
from synhand.recipes.models import codec, estimator, reference_bone_mm
from synhand.recipes.schedules import schedule

_MM_A_METRE = 1000.0


def mesh_codec(input_size: Sequence[int]) -> dict:
    """The codec of mesh models; see `HandMeshLabel`."""
    return dict(codec(input_size), type='HandMeshLabel')


def parametric_model(
    features: dict,
    in_channels: int,
    input_size: Sequence[int],
    heatmaps: dict | None = None,
    **head: object,
) -> dict:
    """Boukhayma 2019 on any of MMPose's backbones.

    Args:
        features: `backbone` and, if any, `neck`. With heatmaps the backbone
            takes 24 channels.
        in_channels: Channels of the map that the head reads.
        input_size: (W, H) of the crop in pixels.
        heatmaps: See `MeshHandEstimator`.
        **head: Further arguments of `ParametricHandHead`.
    """
    return _model(
        features, 'ParametricHandHead', in_channels, input_size, heatmaps, head
    )


def graphormer_model(
    features: dict,
    in_channels: int,
    input_size: Sequence[int],
    **head: object,
) -> dict:
    """Mesh Graphormer on any of MMPose's backbones.

    Args:
        features: `backbone` and, if any, `neck`; maps of stride 32.
        in_channels: Channels of the map whose cells are tokens.
        input_size: (W, H) of the crop in pixels.
        **head: Further arguments of `MeshGraphormerHead`.
    """
    width, height = input_size
    head.setdefault('grid_size', (-(-height // 32), -(-width // 32)))
    return _model(
        features, 'MeshGraphormerHead', in_channels, input_size, None, head
    )


def _model(
    features: dict,
    name: str,
    in_channels: int,
    input_size: Sequence[int],
    heatmaps: dict | None,
    head: dict,
) -> dict:
    config = dict(
        type=name,
        in_channels=in_channels,
        decoder=mesh_codec(input_size),
        **head,
    )
    family = str(head.get('joint_family', 'anatomical'))
    model = estimator(features, config, joint_family=family)
    model['type'] = 'MeshHandEstimator'
    return dict(model, heatmaps=heatmaps) if heatmaps is not None else model


def resnet18_half_last() -> dict:
    """ResNet-18 of half width: 256 channels, stride 32."""
    return dict(backbone=dict(resnet18_half()['backbone'], out_indices=(3,)))


def quick_training(name: str) -> dict:
    """24,000 samples from a released model's backbone: minutes, not hours.

    Args:
        name: See :func:`pretrained_backbone`.
    """
    batch_size = 32
    return dict(
        model=dict(backbone=pretrained_backbone(name)),
        train_dataloader=dict(
            batch_size=batch_size, num_workers=0, persistent_workers=False
        ),
        **schedule(
            samples=24_000,
            batch_size=batch_size,
            lr=1e-3,
            warmup_samples=2_400,
        ),
    )


def hrnet_tokens(width: int) -> dict:
    """HRNet-C: grid of 1024 channels and map of 2048, stride 32."""
    features = hrnet(width)
    channels = [width * factor for factor in (1, 2, 4, 8)]
    neck = dict(type='HRNetClassificationNeck', in_channels=channels)
    return dict(features, neck=neck)


def graphormer_weights(joint_family: str = 'anatomical') -> dict:
    """The paper's weights of losses, in this project's units.

    There all losses weigh 1, in metres and in [-1, 1] over the crop; here
    they are in reference bones and crop widths. Relative to the vertices'.
    """
    bone = reference_bone_mm(joint_family) / _MM_A_METRE
    return dict(vertices=1.0, pose=round(bone, 4), uv=round(4 / bone, 1))


def mesh_data(
    input_size: Sequence[int],
    batch_size: int,
    heatmaps: bool = False,
    floors: bool = False,
    mask: bool = True,
) -> dict:
    """`synthetic_data` with labels and errors of meshes.

    Args:
        input_size: (W, H) of the crop in pixels.
        batch_size: Samples a batch and process.
        heatmaps: The model takes 2D keypoints, in testing the true ones;
            put a `LoadKeypoints2D` before them to test with found ones.
        floors: The test also says what a constant pose would score.
        mask: Labels of the mask loss.
    """
    data = synthetic_data(input_size, batch_size)
    for role in ('train', 'val', 'test'):
        dataset = data[f'{role}_dataloader']['dataset']
        dataset['type'] = 'SyntheticMeshDataset'
        dataset['pipeline'] = _with_meshes(
            dataset['pipeline'], input_size, mask, heatmaps
        )
    for role in ('val', 'test'):
        metrics = evaluators(floors and role == 'test', mesh=True)
        data[f'{role}_evaluator'] = metrics
    return data


def _with_meshes(
    pipeline: list[dict], input_size: Sequence[int], mask: bool, heatmaps: bool
) -> list[dict]:
    """A pipeline with the steps of meshes around its own."""
    steps = []
    for step in pipeline:
        if step['type'] == 'GenerateTarget':
            steps += [dict(type='OutsideMap')] * mask
            step = dict(step, encoder=mesh_codec(input_size))
        if step['type'] == 'PackHandInputs':
            steps.append(dict(type='AddTrueVertices'))
            steps += [dict(type='KeypointsToCrop')] * heatmaps
        steps.append(step)
    return steps
