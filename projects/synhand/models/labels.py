"""Labels of a batch."""

from __future__ import annotations

import numpy as np
import torch
from mmpose.structures import PoseDataSample
from mmpose.utils.typing import SampleList
from torch import Tensor

from synhand.skeleton import HAND_SIDES


def collect_labels(
    batch_data_samples: SampleList, name: str, device: torch.device
) -> Tensor:
    """One label of all samples as a tensor (B, ...) on the device.

    Takes labels that are tensors, as stock MMPose packs them, and numpy
    arrays, as :class:`PackHandLabels` does.

    Raises:
        KeyError: The samples' codec does not make that label.
    """
    labels = [s.gt_instance_labels.get(name) for s in batch_data_samples]
    if labels[0] is None:
        raise KeyError(
            f'no label {name!r} in the samples: the codec of the training '
            'pipeline has to be that of the head'
        )
    if isinstance(labels[0], Tensor):
        return torch.cat(labels).to(device)
    return torch.from_numpy(np.concatenate(labels)).to(device)


def known_side(sample: PoseDataSample) -> int:
    """0 left, 1 right, -1 unknown, of the hand in the image."""
    side = sample.gt_instances.get('hand_side', None)
    if side is None:
        return HAND_SIDES['unknown']
    return int(np.ravel(side)[0])
