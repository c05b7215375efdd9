"""What configs call: pipelines, loaders, evaluators, models, schedules.

Every function returns plain dicts, so that a config that calls them is
dumped, read again and overridden (`--cfg-options`) as if written out.
"""

from synhand.recipes.benchmarks import (
    BENCHMARKS,
    benchmark,
    interhand_stock,
    training_sets,
)
from synhand.recipes.data import (
    BOX_PADDING,
    background_folder,
    data_root,
    hand_json_loader,
    synthetic_data,
    synthetic_loader,
    test_pipeline,
    train_pipeline,
)
from synhand.recipes.evaluation import evaluation, evaluators
from synhand.recipes.features import hrnet_w18, resnet18_half
from synhand.recipes.models import MEAN_RGB, STD_RGB, codec, latent25d_model
from synhand.recipes.schedules import schedule

__all__ = [
    'BENCHMARKS',
    'BOX_PADDING',
    'MEAN_RGB',
    'STD_RGB',
    'background_folder',
    'benchmark',
    'codec',
    'data_root',
    'evaluation',
    'evaluators',
    'hand_json_loader',
    'hrnet_w18',
    'interhand_stock',
    'latent25d_model',
    'resnet18_half',
    'schedule',
    'synthetic_data',
    'synthetic_loader',
    'test_pipeline',
    'train_pipeline',
    'training_sets',
]
