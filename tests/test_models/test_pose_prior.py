"""The linear model of poses."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from synhand.geometry.components import principal_components
from synhand.models.pose_prior import FitPriorHook, PosePrior


def _poses(count=200, features=12, rank=4):
    rng = np.random.default_rng(0)
    basis = rng.normal(size=(rank, features)) * [[5], [3], [2], [1]]
    return 2 + rng.normal(size=(count, rank)) @ basis


def test_a_fitted_prior_gives_poses_of_unit_numbers():
    prior, poses = PosePrior(12, components=4), _poses()
    prior.fit(poses)
    found = prior(torch.randn(4000, 4)).detach().numpy()
    np.testing.assert_allclose(found.mean(0), poses.mean(0), atol=0.6)
    np.testing.assert_allclose(np.cov(found.T), np.cov(poses.T), atol=5)


@pytest.mark.parametrize('trainable', [True, False])
def test_components_learn_only_if_asked(trainable):
    prior = PosePrior(12, components=4, trainable=trainable)
    assert all(p.requires_grad == trainable for p in prior.parameters())


def _runner(prior, count=50):
    poses = _poses(count).astype(np.float32)
    dataset = [{'data_samples': row} for row in range(count)]
    head = SimpleNamespace(
        prior=prior,
        complete_pose=lambda row: poses[row] if row % 2 else None,
    )
    return SimpleNamespace(
        model=SimpleNamespace(head=head),
        train_dataloader=SimpleNamespace(dataset=dataset),
    )


def test_the_hook_fits_once_from_complete_poses():
    prior = PosePrior(12, components=4)
    FitPriorHook().before_train(_runner(prior))
    mean, basis = principal_components(_poses(50)[1::2], 4)
    np.testing.assert_allclose(prior.mean.detach(), mean, atol=1e-4)
    np.testing.assert_allclose(
        np.abs(prior.basis.detach().numpy() @ basis.T),
        np.diag((basis**2).sum(1)),
        atol=1e-2,
    )
    prior.mean.data.fill_(7)
    FitPriorHook().before_train(_runner(prior))
    assert (prior.mean == 7).all()


def test_the_hook_leaves_models_without_prior_alone():
    FitPriorHook().before_train(_runner(None))
