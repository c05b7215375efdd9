"""Networks in fewer bits."""

from __future__ import annotations

import torch
from torch import Tensor


def autocast_as(inputs: Tensor, dtype: str | None) -> torch.autocast:
    """The context that computes in `dtype` on the device of the inputs.

    Args:
        inputs: Any tensor there.
        dtype: A type such as `'bfloat16'`; None: as without the context.
    """
    return torch.autocast(
        inputs.device.type,
        dtype=getattr(torch, dtype) if dtype else None,
        enabled=bool(dtype),
    )
