"""Networks in fewer bits."""

from __future__ import annotations

import logging
from functools import cache

import torch
from mmengine.logging import print_log
from torch import Tensor


def autocast_as(inputs: Tensor, dtype: str | None) -> torch.autocast:
    """The context that computes in `dtype` on the device of the inputs.

    A processor that can only imitate bfloat16 computes as without it: at a
    ninth of float32's speed it would be of no use.

    Args:
        inputs: Any tensor there.
        dtype: A type such as `'bfloat16'`; None: as without the context.
    """
    device = inputs.device.type
    if device == 'cpu' and dtype == 'bfloat16' and not has_bfloat16():
        dtype = None
    return torch.autocast(
        device,
        dtype=getattr(torch, dtype) if dtype else None,
        enabled=bool(dtype),
    )


@cache
def has_bfloat16() -> bool:
    """Whether this processor has instructions that bfloat16 is fast with
    (AVX-512 or newer, or Arm's)."""
    found = (
        torch.backends.mkldnn.is_available()
        and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    )
    if not found:
        print_log(
            'autocast: this processor has no fast bfloat16; float32 instead',
            'current',
            logging.INFO,
        )
    return found
