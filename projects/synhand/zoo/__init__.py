"""Released models, by name.

`MODELS` lists those that read hands, `FINDERS` those that find them in whole
pictures. As a checkpoint, everywhere MMEngine takes one, a model is called
`synhand://NAME`; a path that ends in `.safetensors` is read as a file that
`tools/publish_model.py` wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor

from synhand.zoo.weights import read_weights, write_weights

SCHEME = 'synhand://'
DEFAULT_MODEL = 'upright-25d'
DEFAULT_FINDER = 'finder-centernet'

_FOLDER = Path(__file__).resolve().parent
_CONFIGS = _FOLDER.parents[2] / 'configs'


@dataclass(frozen=True)
class ReleasedModel:
    """A model that comes with the package.

    Attributes:
        name: What `MODELS` or `FINDERS` calls it.
        config: Its config, relative to the checkout's `configs`.
        weights_of: The model whose weights it shares, if any.
    """

    name: str
    config: str
    weights_of: str | None = None

    @property
    def config_file(self) -> Path:
        """The config; its folder is part of the checkout."""
        return _CONFIGS / self.config

    @property
    def weights_file(self) -> Path:
        """Its weights, beside this module."""
        return _FOLDER / f'{self.weights_of or self.name}.safetensors'


def _by_name(*models: ReleasedModel) -> dict[str, ReleasedModel]:
    return {model.name: model for model in models}


MODELS = _by_name(
    ReleasedModel(
        'small-25d',
        'hand_3d_keypoint/latent25d/'
        'latent25d_res18half-rfpn-fit_synhand-128x128.py',
    ),
    ReleasedModel(
        'quick-25d',
        'hand_3d_keypoint/latent25d/'
        'latent25d_2look-res32half-rfpn-once_synhand-192x192.py',
        weights_of='upright-25d',
    ),
    ReleasedModel(
        'upright-25d',
        'hand_3d_keypoint/latent25d/'
        'latent25d_2look-res32half-rfpn_synhand-192x192.py',
    ),
)
FINDERS = _by_name(
    ReleasedModel(
        'finder-centernet',
        'hand_detection/centernet/centernet_res18half-fpn_synhand-160x160.py',
    )
)


def released_model(
    name: str, among: Mapping[str, ReleasedModel] = MODELS
) -> ReleasedModel:
    """The model of a name.

    Args:
        name: A name in `among`.
        among: Models by name.

    Raises:
        ValueError: No model has that name.
    """
    if name not in among:
        raise ValueError(
            f'no released model {name!r}: expected one of {", ".join(among)}'
        )
    return among[name]


def load_weights(name: str) -> dict[str, Tensor]:
    """Weights of a released model.

    Args:
        name: A name in `MODELS` or `FINDERS`.

    Returns:
        The state dict; floating-point tensors as float32.

    Raises:
        ValueError: No model has that name, or its file is damaged.
        FileNotFoundError: The weights are not there.
    """
    path = released_model(name, MODELS | FINDERS).weights_file
    if not path.is_file():
        raise FileNotFoundError(
            f'{path}: the weights of {name!r} are not there; expected a file '
            'that tools/publish_model.py wrote'
        )
    return read_weights(path)


@CheckpointLoader.register_scheme(prefixes=SCHEME, force=True)
def load_from_zoo(filename: str, map_location: Any = None) -> dict:
    """MMEngine's loader of `synhand://NAME`."""
    return _checkpoint(load_weights(filename[len(SCHEME) :]), map_location)


@CheckpointLoader.register_scheme(prefixes=r'.*\.safetensors$', force=True)
def load_from_safetensors(filename: str, map_location: Any = None) -> dict:
    """MMEngine's loader of `PATH.safetensors`."""
    return _checkpoint(read_weights(filename), map_location)


def _checkpoint(weights: dict[str, Tensor], device: Any) -> dict:
    if device is not None:
        weights = {name: value.to(device) for name, value in weights.items()}
    return dict(state_dict=weights)


__all__ = [
    'DEFAULT_FINDER',
    'DEFAULT_MODEL',
    'FINDERS',
    'MODELS',
    'SCHEME',
    'ReleasedModel',
    'load_weights',
    'read_weights',
    'released_model',
    'write_weights',
]
