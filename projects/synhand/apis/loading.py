"""Trained models from their names or files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.runner.checkpoint import load_checkpoint
from mmpose.registry import MODELS as NETWORKS

from synhand import compat
from synhand.zoo import MODELS, SCHEME, ReleasedModel, released_model


def load_model(cfg: Config, checkpoint: str | Path) -> torch.nn.Module:
    """Build a config's model with all weights of a checkpoint.

    Args:
        cfg: A config with a `model`.
        checkpoint: A file, or `synhand://NAME`.

    Returns:
        The model in evaluation mode.

    Raises:
        FileNotFoundError: The checkpoint is missing.
        ValueError: It is of another model.
    """
    model = NETWORKS.build(cfg.model)
    with compat.complete_weights():
        load_checkpoint(model, str(checkpoint), 'cpu', logger='silent')
    return model.eval()


def model_device(name: str) -> torch.device:
    """The device of a name.

    Args:
        name: `'auto'` (the first GPU if there is one), `'cpu'`, `'cuda'`,
            `'cuda:1'`...

    Raises:
        ValueError: There is no such device.
    """
    if name == 'auto':
        name = 'cuda' if torch.cuda.is_available() else 'cpu'
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f'device: expected auto, cpu or cuda, got {name!r} ({reason})'
        ) from None
    return device


def model_files(
    model: str | None,
    config: str | Path | None,
    checkpoint: str | Path | None,
    default: str,
    among: Mapping[str, ReleasedModel] = MODELS,
) -> tuple[str, str]:
    """Config and checkpoint, of a released model or as given.

    Args:
        model: Name of a released model.
        config: A config file, with `checkpoint` in place of `model`.
        checkpoint: Its weights.
        default: The model where nothing is named.
        among: Released models by name.

    Raises:
        FileNotFoundError: There is no such config.
        ValueError: An unknown model, or only one of the files.
    """
    if config is None and checkpoint is None:
        released = released_model(model or default, among)
        return str(released.config_file), f'{SCHEME}{released.name}'
    if model is not None or config is None or checkpoint is None:
        raise ValueError(
            'expected the name of a model, or a config with a checkpoint; '
            f'got model {model}, config {config}, checkpoint {checkpoint}'
        )
    if not Path(config).is_file():
        raise FileNotFoundError(f'{config}: no such config file')
    return str(config), str(checkpoint)
