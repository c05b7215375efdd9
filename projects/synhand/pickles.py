"""Read pickles without running anything that is in them.

A pickle can name any function to be called on loading. Here nothing resolves
but the names that the caller lists.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy._core import multiarray as _multiarray

Names = Mapping[tuple[str, str], Any]
"""What (module, name) of a pickle stands for."""


def _encode(text: str, encoding: str = 'latin1') -> bytes:
    """How a protocol-2 pickle of Python 3 writes bytes."""
    return text.encode('latin1')


def _from_buffer(
    buffer: Any,
    dtype: Any,
    shape: tuple[int, ...],
    order: Any,
    axis_order: tuple[int, ...] | None = None,
) -> npt.NDArray:
    """How protocol 5 rebuilds an array; NumPy 2.4 added the axes' order."""
    array = np.frombuffer(buffer, dtype)
    if order == 'K' and axis_order is not None:
        return array.reshape(shape).transpose(axis_order)
    return array.reshape(shape, order=order)


def named(*kinds: type) -> Names:
    """Built-in types under their names of Python 3 and of Python 2."""
    rooms = ('builtins', '__builtin__')
    return {(room, kind.__name__): kind for room in rooms for kind in kinds}


def _numpy_names() -> Names:
    names: dict[tuple[str, str], Any] = {
        ('numpy', 'ndarray'): np.ndarray,
        ('numpy', 'dtype'): np.dtype,
        ('_codecs', 'encode'): _encode,
    }
    for room in ('numpy.core', 'numpy._core'):
        module = f'{room}.multiarray'
        names[module, '_reconstruct'] = _multiarray._reconstruct
        names[module, 'scalar'] = _multiarray.scalar
        names[f'{room}.numeric', '_frombuffer'] = _from_buffer
    return names


NUMPY_NAMES = _numpy_names()
"""What arrays and scalars of NumPy, and bytes, are pickled as."""


class _Unpickler(pickle.Unpickler):
    """Its `allowed` is set before `load`."""

    allowed: Names = {}

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self.allowed[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f'names {module}.{name}') from None


def load(
    path: str | Path, allowed: Names, contents: str, encoding: str = 'ASCII'
) -> Any:
    """What a pickle holds.

    Args:
        path: The file.
        allowed: The names that resolve.
        contents: What such a file holds, for the error's end.
        encoding: Of the strings that Python 2 wrote.

    Raises:
        FileNotFoundError: No such file.
        ValueError: It is no pickle, or names something else; one line that
            names the file and the name. Nothing of it was run.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such file')
    try:
        with path.open('rb') as file:
            reader = _Unpickler(file, encoding=encoding)
            reader.allowed = allowed
            return reader.load()
    except Exception as error:  # damaged pickles raise anything
        reason = ' '.join(str(error).split()) or type(error).__name__
        raise ValueError(f'{path}: refused: {reason}; {contents}') from None
