"""A detector that learns drawn hands by heart, then finds them."""

import cv2
import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmengine.structures import InstanceData
from mmpose.registry import MODELS

from shard_factory import make_row, write_shards
from synhand.apis.finder import HandFinder
from synhand.geometry.boxes import overlap
from synhand.skeleton import HAND_SIDES

_METAINFO = dict(
    img_shape=(64, 64),
    batch_input_shape=(64, 64),
    scale_factor=(1.0, 1.0),
    border=[0, 0, 0, 0],
)
_CONFIG = (
    'configs/hand_detection/centernet/'
    'centernet_res18half-fpn_synhand-160x160.py'
)


@pytest.fixture(scope='module')
def trained(root, tmp_path_factory):
    """Config file and checkpoint of a tiny training run."""
    folder = tmp_path_factory.mktemp('detector')
    data = folder / 'synhand'
    write_shards(data / 'frames_train', 4, 1)
    write_shards(data / 'frames_val', 4, 1)
    cfg = Config.fromfile(root / _CONFIG)
    cfg.work_dir = str(folder / 'work')
    for role in ('train', 'val', 'test'):
        loader = cfg[f'{role}_dataloader']
        part = 'frames_train' if role == 'train' else 'frames_val'
        loader.dataset.data_root = str(data / part)
        loader.update(num_workers=0, persistent_workers=False, batch_size=4)
        for step in loader.dataset.pipeline:
            if step['type'] == 'FrameAffine':
                step.update(input_size=(96, 96), random=False)
    cfg.train_dataloader.dataset.pipeline = cfg.val_dataloader.dataset.pipeline
    cfg.train_cfg.update(max_iters=60, val_interval=60)
    cfg.default_hooks.checkpoint.interval = 60
    cfg.param_scheduler = None
    cfg.custom_hooks = []
    cfg.model.autocast = None
    cfg.model.bbox_head.num_classes = 2
    cfg.optim_wrapper.optimizer.lr = 2e-3
    cfg.log_level = 'WARNING'
    torch.manual_seed(0)
    runner = Runner.from_cfg(cfg)
    runner.train()
    path = folder / 'config.py'
    cfg.dump(str(path))
    return path, folder / 'work' / 'iter_60.pth', runner


@pytest.fixture(scope='module')
def finder(trained):
    config, checkpoint, _ = trained
    return HandFinder(config=config, checkpoint=checkpoint, min_score=0.3)


def _image(index):
    return cv2.imdecode(np.frombuffer(make_row(index)['image'], np.uint8), 1)


def test_learnt_hands_are_found(finder):
    right = 0
    for index in range(4):
        hand = make_row(index)['hands'][0]
        (best, *_) = finder(_image(index))
        right += (
            overlap(best.bbox, hand['bbox']) > 0.5
            and best.hand == ('left', 'right')[hand['side']]
        )
        assert 0.3 <= best.score <= 1
    assert right >= 3


def test_the_metric_agrees(trained):
    found = trained[2].val()
    assert found['boxes/recall50'] >= 0.75
    assert found['boxes/side'] >= 0.75


def test_boxes_do_not_depend_on_company(finder):
    alone = finder(_image(2))
    together = finder.find([_image(0), _image(2)])[1]
    assert len(alone) == len(together)
    np.testing.assert_allclose(alone[0].bbox, together[0].bbox, atol=0.1)


def test_odd_pictures(finder):
    assert finder.find([]) == []
    for shape in ((40, 300, 3), (2, 2, 3)):
        for hand in finder(np.zeros(shape, np.uint8)):
            assert (hand.bbox[2:] <= [shape[1] - 1, shape[0] - 1]).all()


def test_boxes_stay_in_the_picture(finder):
    finder.min_score = 0.0
    for hand in finder(_image(1)[:70, :50]):
        assert (hand.bbox >= 0).all()
        assert (hand.bbox <= [49, 69, 49, 69]).all()
    finder.min_score = 0.3


def test_one_class_is_a_hand_of_unknown_side(root):
    init_default_scope('mmpose')
    model = MODELS.build(Config.fromfile(root / _CONFIG).model)
    sample = DetDataSample(metainfo=dict(_METAINFO))
    sample.gt_instances = InstanceData(
        bboxes=torch.tensor([[8.0, 8, 40, 40]]), labels=torch.tensor([1])
    )
    assert not model.tells_side
    losses = model.loss(torch.zeros(1, 3, 64, 64), [sample])
    assert all(torch.isfinite(loss) for loss in losses.values())
    with torch.no_grad():
        (found,) = model.eval().predict(torch.zeros(1, 3, 64, 64), [sample])
    labels = found.pred_instances.labels
    assert len(labels) > 0
    assert set(labels.tolist()) == {HAND_SIDES['unknown']}
