"""Checkpoints: read without running them, and of this model.

Mends MMEngine's reader; `synhand.compat` calls this when it is imported.
"""

from __future__ import annotations

import contextlib
import functools
import pickle
import re
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any


class CheckpointError(ValueError):
    """A checkpoint that is unsafe, unreadable or of another model."""


def _statistic_of_history(owner: type, name: str) -> Callable:
    """The ``getattr`` that a training checkpoint's history needs, no more."""
    from mmengine.logging import HistoryBuffer

    if owner is HistoryBuffer and name in ('min', 'max', 'current', 'mean'):
        return getattr(owner, name)
    raise pickle.UnpicklingError('GLOBAL builtins.getattr')


def training_globals() -> list:
    """What MMEngine's own training checkpoints hold beside tensors."""
    import numpy as np
    from mmengine.logging import HistoryBuffer

    return [
        HistoryBuffer,
        (_statistic_of_history, 'builtins.getattr'),
        bytes,
        slice,
        np.ndarray,
        np.dtype,
        *{type(np.dtype(kind)) for kind in np.typecodes['AllInteger']},
        *{type(np.dtype(kind)) for kind in 'efd?SU'},
        *_numpy_constructors(),
    ]


def _numpy_constructors() -> Iterator[tuple[Callable, str]]:
    """NumPy's pickle functions, under the module names of NumPy 1 and 2."""
    import numpy as np

    multiarray = np._core.multiarray  # type: ignore[attr-defined]
    for function in (multiarray._reconstruct, multiarray.scalar):
        for package in ('core', '_core'):
            name = f'numpy.{package}.multiarray.{function.__name__}'
            yield function, name


def load_safely(file, map_location=None, weights_only=True) -> Any:
    """Read a checkpoint; never runs what it may hold.

    Args:
        file: Path or open binary file.
        map_location: As of ``torch.load``.
        weights_only: Accepted for MMEngine's callers; only safe values pass.

    Raises:
        CheckpointError: If it holds anything but tensors, plain types and
            what MMEngine's training puts there, or cannot be read.
    """
    import torch

    if weights_only is False:
        raise CheckpointError(f'{_name(file)}: unsafe loading is not offered')
    try:
        with torch.serialization.safe_globals(training_globals()):
            content = torch.load(
                file, map_location=map_location, weights_only=True
            )
    except OSError:
        raise
    except Exception as error:  # a foreign file may break the reader anyhow
        raise CheckpointError(_refusal(file, str(error))) from error
    if not isinstance(content, dict):
        raise CheckpointError(
            f'{_name(file)}: expected a checkpoint with named weights, found '
            f'a {type(content).__name__}'
        )
    return content


def _refusal(file: Any, error: str) -> str:
    refused = re.search(r'GLOBAL ([\w.]+)', error)
    if refused:
        return (
            f'{_name(file)}: refused, it holds a {refused[1]}; expected '
            'tensors and plain types only (loading it could run code)'
        )
    reason = ' '.join(error.split())[:200]
    if len(reason) < 5:  # a bare number, or nothing
        reason = 'the file is no PyTorch file or ends early'
    return f'{_name(file)}: not a readable checkpoint ({reason})'


def _name(file: Any) -> str:
    return getattr(file, 'name', None) or (
        str(file) if not hasattr(file, 'read') else 'checkpoint'
    )


_complete_weights = False


@contextlib.contextmanager
def complete_weights() -> Iterator[None]:
    """Within it a checkpoint must bring every weight of the model.

    Outside, as in fine-tuning, it must bring at least one.
    """
    global _complete_weights
    before, _complete_weights = _complete_weights, True
    try:
        yield
    finally:
        _complete_weights = before


def check_weights(model: str, own: dict, given: dict, missing: set) -> None:
    """Raise where a checkpoint is of another model.

    Args:
        model: Its name, for the message.
        own: Name and shape of each weight of the model.
        given: Name and shape of each weight of the checkpoint.
        missing: Names of ``own`` that the checkpoint does not bring.

    Raises:
        CheckpointError: If no weight fits or, within `complete_weights`, if
            one does not.
    """
    wrong = [k for k in own if k in missing or given.get(k, own[k]) != own[k]]
    if not wrong or (len(wrong) < len(own) and not _complete_weights):
        return
    key = next((k for k in wrong if k in given), wrong[0])
    found = tuple(given[key]) if key in given else 'none'
    raise CheckpointError(
        f'checkpoint of another model: {len(wrong)} of the {len(own)} weights '
        f"of {model} do not fit, e.g. '{key}': expected shape "
        f'{tuple(own[key])}, found {found}'
    )


def replace_in(module: ModuleType, name: str, value: Any) -> None:
    """Replace a name of a module, which must have it."""
    getattr(module, name)
    setattr(module, name, value)


def mend_checkpoint(module: ModuleType) -> None:
    load_state_dict = module.load_state_dict

    @functools.wraps(load_state_dict)
    def load_fitting_state_dict(
        model, state_dict, strict=False, logger=None
    ) -> None:
        inner = _unwrapped(model)
        own = _shapes(inner.state_dict())
        missing: set = set()
        # Only the model's own hooks know how it renames old checkpoints'
        # keys, so what is missing is asked after they ran.
        handle = inner.register_load_state_dict_post_hook(
            lambda _, keys: missing.update(keys.missing_keys)
        )
        try:
            load_state_dict(model, state_dict, strict, logger)
        finally:
            handle.remove()
        name = type(inner).__name__
        check_weights(name, own, _shapes(state_dict), missing)

    replace_in(module, '_safe_torch_load', load_safely)
    replace_in(module, 'load_state_dict', load_fitting_state_dict)
    replace_in(module, 'load_checkpoint', naming_file(module.load_checkpoint))


def _unwrapped(model: Any) -> Any:
    from mmengine.model import BaseTTAModel, is_model_wrapper

    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model


def _shapes(state: dict) -> dict:
    return {
        key: value.shape
        for key, value in state.items()
        if hasattr(value, 'shape') and 'num_batches_tracked' not in key
    }


def naming_file(load_checkpoint: Callable) -> Callable:
    """Adds the file's name to what `check_weights` says of its content."""

    @functools.wraps(load_checkpoint)
    def load(model_or_runner, filename, *args, **kwargs):
        try:
            return load_checkpoint(model_or_runner, filename, *args, **kwargs)
        except CheckpointError as error:
            if str(error).startswith(str(filename)):
                raise
            raise CheckpointError(f'{filename}: {error}') from error

    return load
