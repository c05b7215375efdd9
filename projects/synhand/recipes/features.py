"""Backbones with their necks.

Each function says how many channels the map or maps have that a head reads,
and at which stride.
"""

from __future__ import annotations

from collections.abc import Sequence

DECONVOLUTIONS = dict(
    deconv_out_channels=(256, 256, 256), deconv_kernel_sizes=(4, 4, 4)
)
"""Arguments of a head that brings a map of stride 32 to stride 4."""

_CSPNEXT = dict(tiny=(0.167, 0.375), s=(0.33, 0.5), m=(0.67, 0.75))


def resnet18_half() -> dict:
    """ResNet-18 of half width, FPN: 4 x 64 channels, strides 4 to 32."""
    return _half_width(type='ResNet', depth=18)


def resnet32_half() -> dict:
    """`resnet18_half` with 15 blocks in place of 8; takes its weights."""
    return _half_width(type='ResNet32')


def residual_fpn(blocks: Sequence[int] = (1, 1, 1, 0)) -> dict:
    """The neck of `resnet32_half` with residual blocks: its finest map alone.

    Args:
        blocks: Blocks at strides 4, 8, 16 and 32.
    """
    neck = dict(resnet32_half()['neck'], type='ResidualFPN')
    del neck['num_outs']
    return dict(neck, blocks=tuple(blocks))


def resnet18_half_residual() -> dict:
    """`resnet18_half` with residual blocks at strides 4 and 8; a map of 64
    channels, stride 4."""
    return dict(resnet18_half(), neck=residual_fpn((1, 1, 0, 0)))


def _half_width(**backbone) -> dict:
    channels = [32, 64, 128, 256]
    return dict(
        backbone=dict(
            **backbone,
            stem_channels=32,
            base_channels=32,
            out_indices=(0, 1, 2, 3),
        ),
        neck=dict(
            type='FPN',
            in_channels=channels,
            out_channels=64,
            num_outs=len(channels),
        ),
    )


def resnet(depth: int) -> dict:
    """ResNet: 512 channels (18, 34) or 2048 (50 and more), stride 32."""
    return dict(backbone=dict(type='ResNet', depth=depth))


def hrnet(width: int) -> dict:
    """HRNetV2, its four maps joined: 15 x width channels, stride 4."""
    widths = tuple(width * factor for factor in (1, 2, 4, 8))
    stages = {
        f'stage{n}': dict(
            num_modules=modules,
            num_branches=n,
            block='BASIC',
            num_blocks=(4,) * n,
            num_channels=widths[:n],
        )
        for n, modules in ((2, 1), (3, 4), (4, 3))
    }
    stages['stage1'] = dict(
        num_modules=1,
        num_branches=1,
        block='BOTTLENECK',
        num_blocks=(4,),
        num_channels=(64,),
    )
    stages['stage4']['multiscale_output'] = True
    return dict(
        backbone=dict(type='HRNet', in_channels=3, extra=stages),
        neck=dict(type='FeatureMapProcessor', concat=True),
    )


def hourglass(stacks: int) -> dict:
    """Stacked hourglasses: a map of 256 channels a stack, stride 4.

    256 channels everywhere and one residual block a level, as in A. Newell
    et al., ECCV 2016; the blocks are the stock ones of two 3 x 3
    convolutions.
    """
    return dict(
        backbone=dict(
            type='HourglassNet',
            num_stacks=stacks,
            downsample_times=4,
            stage_channels=(256,) * 5,
            stage_blocks=(1,) * 5,
        )
    )


def cspnext(size: str) -> dict:
    """CSPNeXt `'tiny'`, `'s'` or `'m'`: 384, 512 or 768 channels, stride 32.

    Raises:
        ValueError: `size` is another one.
    """
    if size not in _CSPNEXT:
        raise ValueError(
            f'size: expected one of {tuple(_CSPNEXT)}, got {size!r}'
        )
    deepen, widen = _CSPNEXT[size]
    return dict(
        backbone=dict(
            type='CSPNeXt',
            arch='P5',
            deepen_factor=deepen,
            widen_factor=widen,
            out_indices=(4,),
        )
    )


def litehrnet18() -> dict:
    """Lite-HRNet-18: 40 channels, stride 4."""
    branches = (2, 3, 4)
    stages = dict(
        num_modules=(2, 4, 2),
        num_branches=branches,
        num_blocks=(2,) * 3,
        module_type=('LITE',) * 3,
        with_fuse=(True,) * 3,
        reduce_ratios=(8,) * 3,
        num_channels=tuple((40, 80, 160, 320)[:n] for n in branches),
    )
    return dict(
        backbone=dict(
            type='LiteHRNet',
            in_channels=3,
            extra=dict(
                stem=dict(stem_channels=32, out_channels=32, expand_ratio=1),
                num_stages=len(branches),
                stages_spec=stages,
                with_head=True,
            ),
        )
    )


def mobilenetv2() -> dict:
    """MobileNetV2: 1280 channels, stride 32."""
    return dict(backbone=dict(type='MobileNetV2', out_indices=(7,)))


def pretrained_backbone(name: str) -> dict:
    """What lets a backbone start with the weights of a released model.

    Args:
        name: Of `synhand.zoo`; its backbone has to be of the same kind.
    """
    start = dict(
        type='Pretrained', checkpoint=f'synhand://{name}', prefix='backbone.'
    )
    return dict(init_cfg=start)
