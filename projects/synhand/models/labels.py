"""Labels of a batch."""

from __future__ import annotations

import numpy as np
import torch
from mmpose.utils.typing import SampleList
from torch import Tensor


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
