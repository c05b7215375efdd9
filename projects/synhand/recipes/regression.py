"""3D by regression: outputs, priors, likelihoods."""

from __future__ import annotations

from collections.abc import Sequence

from synhand.recipes.data import synthetic_data
from synhand.recipes.models import codec, estimator

_ESTIMATORS = {'2.5d': 'HandPoseEstimator', '3d': 'RelativeHandEstimator'}


def _codec(input_size: Sequence[int], output: str) -> dict:
    labels = codec(input_size)
    return dict(labels, type='RootRelativeLabel') if output == '3d' else labels


def regression_model(
    features: dict,
    in_channels: int,
    input_size: Sequence[int],
    output: str = '2.5d',
    **head: object,
) -> dict:
    """A regression model on any of MMPose's backbones.

    Args:
        features: `backbone` and, if any, `neck`.
        in_channels: Channels of the map that the head reads.
        input_size: (W, H) of the crop in pixels.
        output: `'2.5d'` or `'3d'`.
        **head: Further arguments of `PoseRegressionHead`, such as `prior`
            and `likelihood`.
    """
    config = dict(
        type='PoseRegressionHead',
        in_channels=in_channels,
        output=output,
        decoder=_codec(input_size, output),
        **head,
    )
    return dict(estimator(features, config), type=_ESTIMATORS[output])


def regression_data(
    input_size: Sequence[int], batch_size: int, output: str = '2.5d'
) -> dict:
    """`synthetic_data` with the labels that an output needs."""
    data = synthetic_data(input_size, batch_size)
    for step in data['train_dataloader']['dataset']['pipeline']:
        if step['type'] == 'GenerateTarget':
            step['encoder'] = _codec(input_size, output)
    return data


def with_prior(schedule: dict, samples: int = 3000) -> dict:
    """A schedule that first fits the prior, and never decays it.

    Args:
        schedule: What `recipes.schedule` returns.
        samples: Poses of the training set to fit it to.
    """
    hook = dict(type='FitPriorHook', samples=samples)
    wrapper = dict(schedule['optim_wrapper'])
    rules = dict(wrapper['paramwise_cfg'])
    rules['custom_keys'] = {
        **rules['custom_keys'],
        'head.prior': dict(decay_mult=0.0),
    }
    wrapper['paramwise_cfg'] = rules
    return dict(
        schedule,
        optim_wrapper=wrapper,
        custom_hooks=[*schedule['custom_hooks'], hook],
    )
