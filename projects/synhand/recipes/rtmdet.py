"""RTMDet as a detector of hands, for those with compiled operators."""

from __future__ import annotations

from synhand.recipes.models import preprocessor

_STRIDES = (8, 16, 32)


def rtmdet(
    deepen: float = 0.33, widen: float = 0.25, num_csp_blocks: int = 1
) -> dict:
    """RTMDet of two classes, left and right; by default `nano`.

    C. Lyu et al., RTMDet: An empirical study of designing real-time object
    detectors, 2022. Losses need no compiled operator; prediction, and so
    validation, needs mmcv's `nms`.

    Args:
        deepen: Depth of the backbone over that of the large model.
        widen: Widths over those of the large model.
        num_csp_blocks: Blocks of each stage of the neck.
    """
    channels = [int(c * widen) for c in (256, 512, 1024)]
    layers = dict(
        norm_cfg=dict(type='BN'), act_cfg=dict(type='SiLU', inplace=True)
    )
    return dict(
        type='mmdet.RTMDet',
        data_preprocessor=preprocessor('mmdet.DetDataPreprocessor'),
        backbone=dict(
            type='mmdet.CSPNeXt',
            arch='P5',
            deepen_factor=deepen,
            widen_factor=widen,
            channel_attention=True,
            **layers,
        ),
        neck=dict(
            type='mmdet.CSPNeXtPAFPN',
            in_channels=channels,
            out_channels=channels[0],
            num_csp_blocks=num_csp_blocks,
            **layers,
        ),
        bbox_head=_head(channels[0], layers),
        train_cfg=dict(
            assigner=dict(
                type='mmdet.DynamicSoftLabelAssigner',
                topk=13,
                iou_calculator=dict(type='mmdet.BboxOverlaps2D'),
            ),
            allowed_border=-1,
            pos_weight=-1,
            debug=False,
        ),
        test_cfg=dict(
            nms_pre=1000,
            min_bbox_size=0,
            score_thr=0.001,
            nms=dict(type='nms', iou_threshold=0.65),
            max_per_img=20,
        ),
    )


def _head(channels: int, layers: dict) -> dict:
    return dict(
        type='mmdet.RTMDetSepBNHead',
        num_classes=2,
        in_channels=channels,
        feat_channels=channels,
        stacked_convs=2,
        anchor_generator=dict(
            type='mmdet.MlvlPointGenerator', offset=0, strides=list(_STRIDES)
        ),
        bbox_coder=dict(type='mmdet.DistancePointBBoxCoder'),
        loss_cls=dict(
            type='mmdet.QualityFocalLoss',
            use_sigmoid=True,
            beta=2.0,
            loss_weight=1.0,
        ),
        loss_bbox=dict(type='mmdet.GIoULoss', loss_weight=2.0),
        loss_centerness=dict(type='mmdet.CrossEntropyLoss', use_sigmoid=True),
        with_objectness=False,
        exp_on_reg=False,
        share_conv=True,
        pred_kernel_size=1,
        **layers,
    )
