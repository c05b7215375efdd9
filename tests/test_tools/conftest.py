"""A stock MMPose model and dataset small enough to train in a test."""

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

CONFIG = """
_base_ = 'mmpose::_base_/default_runtime.py'

codec = dict(
    type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(16, 16), sigma=2
)
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor', mean=[128.0] * 3, std=[64.0] * 3
    ),
    backbone=dict(
        type='ResNet',
        depth=18,
        num_stages=1,
        strides=(1,),
        dilations=(1,),
        out_indices=(0,),
        norm_eval=True,
        norm_cfg=dict(type='SyncBN', requires_grad=True),
    ),
    head=dict(
        type='HeatmapHead',
        in_channels=64,
        out_channels=21,
        deconv_out_channels=None,
        loss=dict(
            type='KeypointMSELoss', use_target_weight=True, loss_weight=1.0
        ),
        decoder=codec,
    ),
)
pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='FreiHandDataset',
        data_root='{folder}',
        ann_file='hands.json',
        data_prefix=dict(img=''),
        pipeline=pipeline,
    ),
)
test_dataloader = dict(train_dataloader, drop_last=False)
test_dataloader['dataset'] = dict(train_dataloader['dataset'], test_mode=True)
val_dataloader = test_dataloader
test_evaluator = val_evaluator = dict(type='EPE')
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9))
train_cfg = dict(by_epoch=True, max_epochs=1)
randomness = dict(seed=0)
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(interval=1))
"""
IMAGES = 20


def write_hands(folder: Path) -> None:
    """FreiHAND-like photos (noise, 224 px) and their COCO annotations."""
    random = np.random.default_rng(0)
    images, annotations = [], []
    for i in range(1, IMAGES + 1):
        name = f'{i:02d}.png'
        pixels = random.integers(0, 256, (14, 14, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / name), cv2.resize(pixels, (224, 224)))
        images.append(dict(id=i, file_name=name, width=224, height=224))
        points = random.uniform(30, 190, (21, 2)).round(2)
        keypoints = np.concatenate([points, np.full((21, 1), 2.0)], 1)
        annotations.append(
            dict(
                id=i,
                image_id=i,
                category_id=1,
                iscrowd=0,
                bbox=[0, 0, 224, 224],
                area=224 * 224,
                segmentation=[],
                num_keypoints=21,
                keypoints=keypoints.ravel().tolist(),
            )
        )
    categories = [dict(id=1, name='hand')]
    content = dict(
        images=images, annotations=annotations, categories=categories
    )
    (folder / 'hands.json').write_text(json.dumps(content))


@pytest.fixture(scope='session')
def stock_config(tmp_path_factory) -> Path:
    """Config of one epoch, five steps, with its data beside it."""
    folder = tmp_path_factory.mktemp('stock')
    write_hands(folder)
    config = folder / 'tiny.py'
    config.write_text(CONFIG.replace('{folder}', str(folder)))
    return config


@pytest.fixture
def run_tool(root: Path, tmp_path: Path, monkeypatch) -> Callable:
    """``run_tool('train.py', arguments...)`` in this process.

    It ends with SystemExit on bad input, as the tool does. What the stock
    tools leave in the process (LOCAL_RANK, import paths) is taken back.
    """
    spec = importlib.util.spec_from_file_location(
        '_stock', root / 'tools' / '_stock.py'
    )
    stock = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stock)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('LOCAL_RANK', '0')
    monkeypatch.delenv('SYNHAND_TRACEBACK', raising=False)
    monkeypatch.setattr('sys.path', list(sys.path))

    def run(name: str, *arguments: object) -> None:
        argv = [str(root / 'tools' / name), *map(str, arguments)]
        monkeypatch.setattr('sys.argv', argv)
        stock.run(name)

    return run
