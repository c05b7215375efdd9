"""Weight files: half-precision tensors and a few words, nothing that runs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from synhand.files import written_whole


def digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of names, types, shapes and values, as hexadecimal digits."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].cpu().contiguous()
        total.update(f'{name} {tensor.dtype} {list(tensor.shape)};'.encode())
        total.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def write_weights(
    path: str | Path,
    weights: Mapping[str, Tensor],
    metadata: Mapping[str, str],
    max_mb: float,
) -> float:
    """Write a state dict, floating-point tensors in half precision.

    Args:
        path: The file; replaced only by a whole new one.
        weights: The state dict.
        metadata: Plain strings, kept beside the tensors; `digest` is added.
        max_mb: Largest size of the file in MB (1e6 bytes).

    Returns:
        The size of the file in MB.

    Raises:
        ValueError: The file would be larger than `max_mb`, or a value does
            not fit half precision.
    """
    path = Path(path)
    tensors = {name: _half(name, value) for name, value in weights.items()}
    size = sum(t.numel() * t.element_size() for t in tensors.values()) / 1e6
    if size > max_mb:
        raise ValueError(
            f'{path}: not written: {size:.1f} MB of weights, expected at most '
            f'{max_mb:g} MB (--max-mb)'
        )
    words = {**metadata, 'digest': digest(tensors)}
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as temporary:
        save_file(tensors, temporary, words)
    return path.stat().st_size / 1e6


def write_checkpoint(path: str | Path, weights: Mapping[str, Tensor]) -> None:
    """Write a state dict as a checkpoint of the stock tools, unchanged.

    Args:
        path: The file; replaced only by a whole new one.
        weights: The state dict.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as temporary:
        torch.save(dict(state_dict=weights, meta={}), temporary)


def _half(name: str, value: Tensor) -> Tensor:
    value = value.detach().cpu()
    if value.is_floating_point():
        value = value.half()
        if not value.isfinite().all():
            raise ValueError(
                f'{name}: expected finite values that fit half precision'
            )
    return value.contiguous()


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """Read a weight file.

    Args:
        path: A file of :func:`write_weights`, or another safetensors file.

    Returns:
        The state dict; floating-point tensors as float32.

    Raises:
        FileNotFoundError: No such file.
        ValueError: It is not a weight file, or its digest is not that of its
            tensors.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'{path}: no such weight file')
    try:
        with safe_open(path, framework='pt') as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
            expected = (file.metadata() or {}).get('digest')
    except SafetensorError as error:
        raise ValueError(
            f'{path}: not a readable safetensors file ({error})'
        ) from None
    if expected is not None and expected != digest(tensors):
        raise ValueError(f'{path}: damaged: the tensors do not fit the digest')
    return {
        name: value.float() if value.is_floating_point() else value
        for name, value in tensors.items()
    }
