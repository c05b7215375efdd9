"""Read the arrays of a pickle without running anything that is in it.

Model files of research code are Python pickles, and a pickle can name any
function to be called on loading. Here only names of a fixed list resolve:
numpy arrays, scipy's sparse matrices and chumpy's arrays, of which nothing
but the numbers is kept.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy._core import multiarray as _multiarray
from scipy import sparse


class ArrayHolder:
    """Stands for an object of which only the arrays in its state count."""

    def __init__(self, *args: Any) -> None:
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.state = state if isinstance(state, dict) else {}


class ChumpyArray(ArrayHolder):
    """A `chumpy.ch.Ch`: its value is the entry `x` of its state."""

    def to_array(self) -> npt.NDArray:
        return np.asarray(self.state['x'])


class ChumpySelection(ArrayHolder):
    """A `chumpy.reordering.Select`: entries `idxs` of the flat array `a`.

    MANO's shape directions are the first of a larger array in this form.
    """

    def to_array(self) -> npt.NDArray:
        source = self.state['a']
        array = source.to_array() if _is_held(source) else np.asarray(source)
        chosen = array.ravel()[np.asarray(self.state['idxs'])]
        return chosen.reshape(self.state['preferred_shape'])


def _is_held(value: Any) -> bool:
    return isinstance(value, (ChumpyArray, ChumpySelection, SparseMatrix))


class SparseMatrix(ArrayHolder):
    """A matrix of `scipy.sparse` in compressed columns or rows."""

    make: Any = sparse.csc_matrix

    def to_array(self) -> npt.NDArray:
        parts = [self.state[key] for key in ('data', 'indices', 'indptr')]
        shape = self.state.get('_shape', self.state.get('shape'))
        matrix = self.make(tuple(parts), shape=shape)
        matrix.check_format(full_check=True)
        return matrix.toarray()


class SparseRows(SparseMatrix):
    """The same in compressed rows."""

    make = sparse.csr_matrix


def _reconstruct_holder(kind: type, base: Any, state: Any) -> Any:
    """What the protocols 0 and 1 call for an object of a plain class."""
    if not (isinstance(kind, type) and issubclass(kind, ArrayHolder)):
        raise pickle.UnpicklingError(f'cannot make a {kind!r}')
    return kind()


def _codec_encode(text: str, encoding: str = 'latin1') -> bytes:
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


_ALLOWED: dict[tuple[str, str], Any] = {
    ('numpy', 'ndarray'): np.ndarray,
    ('numpy', 'dtype'): np.dtype,
    ('_codecs', 'encode'): _codec_encode,
    ('chumpy.ch', 'Ch'): ChumpyArray,
    ('chumpy.reordering', 'Select'): ChumpySelection,
}
for _room in ('numpy.core', 'numpy._core'):
    _ALLOWED[f'{_room}.multiarray', '_reconstruct'] = _multiarray._reconstruct
    _ALLOWED[f'{_room}.multiarray', 'scalar'] = _multiarray.scalar
    _ALLOWED[f'{_room}.numeric', '_frombuffer'] = _from_buffer
# Under the names of Python 3 and of Python 2, which MANO's were written with.
for _room in ('builtins', '__builtin__'):
    _ALLOWED[_room, 'set'] = set
    _ALLOWED[_room, 'object'] = None
for _room in ('copyreg', 'copy_reg'):
    _ALLOWED[_room, '_reconstructor'] = _reconstruct_holder
for _room, _holder in (('csc', SparseMatrix), ('csr', SparseRows)):
    for _module in (_room, f'_{_room}'):
        _name = f'scipy.sparse.{_module}'
        _ALLOWED[_name, f'{_room}_matrix'] = _holder


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(
                f'names {module}.{name}, which is neither an array nor a '
                'sparse matrix'
            ) from None


def load_dict(path: str | Path) -> dict[str, Any]:
    """A pickled dict of arrays and plain values.

    Args:
        path: A file that holds one pickled dict.

    Returns:
        dict: Its values by name; objects other than arrays as the stand-ins
        of this module.

    Raises:
        FileNotFoundError: No such file.
        ValueError: It is no such pickle, or names something beside arrays;
            one line that names the file and what it names. Nothing of it was
            run.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such file')
    try:
        with path.open('rb') as file:
            content = _Unpickler(file, encoding='latin1').load()
    except Exception as error:  # noqa: BLE001 - damaged pickles raise anything
        reason = ' '.join(str(error).split()) or type(error).__name__
        raise ValueError(
            f'{path}: refused: {reason}; expected a pickled dict of arrays'
        ) from None
    if not isinstance(content, dict):
        raise ValueError(
            f'{path}: expected a pickled dict of arrays, got '
            f'{type(content).__name__}'
        )
    return content


def load_arrays(path: str | Path) -> dict[str, npt.NDArray]:
    """The arrays of a pickled dict; other values are left out.

    Args:
        path: A file that holds one pickled dict.

    Returns:
        dict: Dense arrays by name; sparse matrices are made dense.

    Raises:
        FileNotFoundError, ValueError: See `load_dict`.
    """
    content = load_dict(path)
    try:
        arrays = {str(name): _plain(value) for name, value in content.items()}
    except (KeyError, ValueError, IndexError, TypeError) as error:
        raise ValueError(f'{path}: a damaged array: {error!r}') from None
    return {n: value for n, value in arrays.items() if value is not None}


def _plain(value: Any) -> npt.NDArray | None:
    array = value.to_array() if _is_held(value) else value
    if isinstance(array, np.ndarray) and array.dtype.kind in 'fiub':
        return array
    return None
