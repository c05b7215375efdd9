"""Losses, registered with MMPose."""

from synhand.models.losses.biomechanical import BiomechanicalLoss
from synhand.models.losses.flows import RealNVP
from synhand.models.losses.likelihoods import (
    CoordinateLoss,
    GaussianNLLLoss,
    LaplaceNLLLoss,
    ResidualLikelihoodLoss,
)

__all__ = [
    'BiomechanicalLoss',
    'CoordinateLoss',
    'GaussianNLLLoss',
    'LaplaceNLLLoss',
    'RealNVP',
    'ResidualLikelihoodLoss',
]
