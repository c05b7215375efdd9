"""A linear model of poses, fitted to the labels that a training sees.

M. Oberweger, V. Lepetit: DeepPrior++, Improving fast and accurate 3D hand
pose estimation, ICCV Workshops 2017.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from mmengine import dist
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmpose.registry import HOOKS
from torch import Tensor, nn

from synhand.geometry.components import principal_components


class PosePrior(nn.Module):
    """From a few numbers, of spread 1 in a pose set, to a pose.

    Args:
        features: F, numbers a pose.
        components: C.
        trainable: The components learn with the network.
    """

    def __init__(
        self, features: int, components: int = 30, trainable: bool = True
    ) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(features))
        self.basis = nn.Parameter(torch.zeros(components, features))
        nn.init.orthogonal_(self.basis)
        self.requires_grad_(trainable)
        self.register_buffer('fitted', torch.tensor(False))

    def forward(self, embedding: Tensor) -> Tensor:
        """(B, C) to poses (B, F)."""
        return self.mean + embedding @ self.basis

    @torch.no_grad()
    def fit(self, poses: npt.ArrayLike) -> None:
        """Take mean and principal components of poses (N, F)."""
        mean, basis = principal_components(poses, len(self.basis))
        self.mean.copy_(torch.from_numpy(mean))
        self.basis.copy_(torch.from_numpy(basis))
        self.fitted.fill_(True)


@HOOKS.register_module()
class FitPriorHook(Hook):
    """Fits the prior of a model's head before its first training step.

    The poses are labels of the training set, augmented as in training. A
    model that was fitted before, so a resumed or a loaded one, stays as it
    is.

    Args:
        samples: Poses to look at, evenly over the set.

    Raises:
        ValueError: The set has too few poses with all keypoints labelled.
    """

    priority = 'NORMAL'

    def __init__(self, samples: int = 3000) -> None:
        self.samples = samples

    def before_train(self, runner) -> None:
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        prior = model.head.prior
        if prior is None or prior.fitted:
            return
        if dist.is_main_process():
            prior.fit(self._poses(model.head, runner.train_dataloader.dataset))
        for value in (prior.mean.data, prior.basis.data, prior.fitted):
            dist.broadcast(value)

    def _poses(self, head: nn.Module, dataset) -> npt.NDArray[np.float32]:
        count = min(self.samples, len(dataset))
        rows = np.linspace(0, len(dataset) - 1, count).astype(int)
        found = [
            head.complete_pose(dataset[row]['data_samples']) for row in rows
        ]
        return np.array([pose for pose in found if pose is not None])
