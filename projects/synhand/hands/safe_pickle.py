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
from scipy import sparse

from synhand.pickles import NUMPY_NAMES, Names, load, named


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


def _allowed() -> Names:
    names = dict(NUMPY_NAMES) | dict(named(set))
    names['chumpy.ch', 'Ch'] = ChumpyArray
    names['chumpy.reordering', 'Select'] = ChumpySelection
    # Of Python 3 and of Python 2, which MANO's were written with.
    for room in ('builtins', '__builtin__'):
        names[room, 'object'] = None
    for room in ('copyreg', 'copy_reg'):
        names[room, '_reconstructor'] = _reconstruct_holder
    for kind, holder in (('csc', SparseMatrix), ('csr', SparseRows)):
        for module in (kind, f'_{kind}'):
            names[f'scipy.sparse.{module}', f'{kind}_matrix'] = holder
    return names


_ALLOWED = _allowed()
_CONTENTS = 'expected a pickled dict of arrays'


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
    content = load(path, _ALLOWED, _CONTENTS, encoding='latin1')
    if not isinstance(content, dict):
        raise ValueError(f'{path}: {_CONTENTS}, got {type(content).__name__}')
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
