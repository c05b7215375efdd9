"""Several sets in one batch."""

from itertools import islice

import numpy as np
import pytest
import torch
from mmengine.registry import build_from_cfg, init_default_scope
from mmengine.runner import Runner
from mmpose.registry import DATASETS, MODELS

import synhand.registry  # noqa: F401
from model_factory import write_photos
from shard_factory import write_shards
from synhand import recipes
from synhand.datasets.mixing import WeightedSourceSampler
from synhand.datasets.transforms import MarkJointFamily

_SIZE = (64, 64)


class _Sets:
    def __init__(self, *lens):
        self.lens = lens


def test_sources_come_by_weight_and_every_sample_once_a_walk():
    sampler = WeightedSourceSampler(_Sets(10, 1000, 7), [1, 3, 0], seed=0)
    assert len(sampler) == 1017
    drawn = np.array(list(islice(sampler, 8000)))
    assert (drawn < 1010).all()  # none of the third
    assert (drawn < 10).mean() == pytest.approx(0.25, abs=0.02)
    small = drawn[drawn < 10]
    for walk in small[: len(small) // 10 * 10].reshape(-1, 10):
        assert sorted(walk) == list(range(10))
    large = drawn[drawn >= 10]
    assert len(set(large[:1000])) == 1000


def test_processes_share_the_draws():
    alone = list(islice(WeightedSourceSampler(_Sets(9, 5), [1, 1], 3), 60))
    shared = []
    for rank in range(2):
        sampler = WeightedSourceSampler(_Sets(9, 5), [1, 1], 3)
        sampler.rank, sampler.world_size = rank, 2
        shared.append(list(islice(sampler, 30)))
    assert np.ravel(shared, order='F').tolist() == alone
    other = list(islice(WeightedSourceSampler(_Sets(9, 5), [1, 1], 4), 60))
    assert other != alone


@pytest.mark.parametrize(
    'weights', [[1], [1, -1], [0, 0], [1, 1, 1], [0.5, float('nan')]]
)
def test_wrong_weights_are_named(weights):
    with pytest.raises(ValueError, match='weights: expected one for each'):
        WeightedSourceSampler(_Sets(3, 3), weights)
    with pytest.raises(ValueError, match='weights'):
        WeightedSourceSampler(_Sets(3, 0), [1, 1])


def test_families_are_marked():
    assert MarkJointFamily('mano').transform({})['joint_family'] == [1]
    with pytest.raises(ValueError, match='family: expected one of'):
        MarkJointFamily('smplx')


@pytest.fixture
def loaders(tmp_path):
    """A synthetic set of either family, and photos with 2D alone."""
    shards = str(write_shards(tmp_path / 'shards', 6, shards=1))
    write_photos(tmp_path / 'photos')
    pipeline = recipes.train_pipeline(_SIZE)
    synthetic = [
        recipes.of_family(
            recipes.synthetic_loader(
                shards, pipeline, 8, joint_family=family, training=True
            ),
            family,
        )
        for family in ('anatomical', 'mano')
    ]
    photos = dict(
        dataset=dict(
            type='HandJsonDataset',
            data_root=str(tmp_path / 'photos'),
            pipeline=[dict(pipeline[0], type='LoadHandImage'), *pipeline[1:]],
        )
    )
    return [*synthetic, photos]


def test_one_batch_of_both_families_and_of_photos_without_3d(loaders):
    init_default_scope('mmpose')
    loader = recipes.mixed_loader(
        loaders, [1, 1, 1], 24, workers=0, extras=['family', 'side']
    )
    data = next(iter(Runner.build_dataloader(loader, seed=0)))
    labels = [s.gt_instance_labels for s in data['data_samples']]
    known = np.array([label.depth_weights.all() for label in labels])
    family = np.array([int(label.joint_family[0]) for label in labels])
    assert 0 < known.sum() < len(known)
    assert set(family[known]) == {0, 1}
    assert {float(label.side_labels[0]) for label in labels} == {1.0}
    config = recipes.latent25d_model(
        recipes.resnet18_half(),
        64,
        _SIZE,
        in_index=0,
        families='outputs',
        train_autocast=None,
    )
    torch.manual_seed(0)
    model = MODELS.build(config)
    inputs = model.data_preprocessor(data, True)
    losses = model(**inputs, mode='loss')
    # what is not known weighs nothing
    for label in labels:
        label.keypoint_labels[..., 2] += 100 * ~label.depth_weights.astype(
            bool
        )
    torch.manual_seed(0)
    again = MODELS.build(config)(**inputs, mode='loss')
    for name, value in losses.items():
        assert again[name].item() == pytest.approx(value.item(), rel=1e-5)


def test_families_differ_in_a_batch(loaders):
    """The same row of either family: other depths, marked as such."""
    init_default_scope('mmpose')
    found = []
    for loader in loaders[:2]:
        dataset = dict(
            loader['dataset'], pipeline=loader['dataset']['pipeline'][:1]
        )
        sample = build_from_cfg(dataset, DATASETS)[0]
        found.append((sample['joint_family'][0], sample['keypoints_cam']))
    assert [family for family, _ in found] == [0, 1]
    assert np.abs(found[0][1] - found[1][1]).max() > 1


def test_pipelines_must_end_with_labels(loaders):
    loaders[1]['dataset']['pipeline'].pop()
    with pytest.raises(ValueError, match='expected a pipeline that ends with'):
        recipes.mixed_loader(loaders, [1, 1, 1], 4)
