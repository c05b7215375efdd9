"""Backbones with their necks."""

from __future__ import annotations


def resnet18_half() -> dict:
    """Backbone and neck: ResNet-18 of half width, FPN to stride 4."""
    channels = [32, 64, 128, 256]
    return dict(
        backbone=dict(
            type='ResNet',
            depth=18,
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


def hrnet_w18() -> dict:
    """Backbone and neck: HRNetV2-W18, its four maps joined at stride 4."""
    widths = (18, 36, 72, 144)
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
