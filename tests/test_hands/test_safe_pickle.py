"""Pickles are read for their arrays and run nothing."""

import os
import pickle

import numpy as np
import pytest

from mano_factory import mano_arrays, write_mano
from synhand.hands.safe_pickle import load_arrays


class Hostile:
    """Would make a folder when a plain unpickler reads it."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize('protocol', [0, 1, 2, 4])
def test_all_arrays_come_back(tmp_path, protocol):
    found = load_arrays(write_mano(tmp_path / 'MANO_RIGHT.pkl', protocol))
    expected = mano_arrays()
    assert found.keys() == expected.keys()  # and the strings are left out
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, name)


@pytest.mark.parametrize('protocol', [0, 2, 5])
def test_a_hostile_pickle_runs_nothing_and_is_named(tmp_path, protocol):
    made = tmp_path / 'made'
    content = dict(mano_arrays(), f=Hostile(made))
    path = tmp_path / 'MANO_RIGHT.pkl'
    path.write_bytes(pickle.dumps(content, protocol))
    with pytest.raises(ValueError, match=r'MANO_RIGHT.pkl: .*mkdir') as error:
        load_arrays(path)
    assert not made.exists()
    assert '\n' not in str(error.value)
    pickle.loads(path.read_bytes())  # it is hostile indeed
    assert made.exists()


def raw(*names: tuple[str, str]) -> bytes:
    """A pickle that calls the last name with the ones before it."""
    parts = b''.join(f'c{m}\n{n}\n'.encode() for m, n in names[:-1])
    module, name = names[-1]
    return f'c{module}\n{name}\n('.encode() + parts + b'tR.'


@pytest.mark.parametrize(
    'names',
    [
        [('builtins', 'eval')],
        [('numpy', 'load')],
        [('os', 'system')],
        [('numpy.core.multiarray', 'fromfile')],
        [('chumpy.ch', 'Ch.__init__')],
        [('copyreg', '__newobj__')],
        [('chumpy.ch', 'MatVecMult')],
        [('numpy', 'ndarray'), ('copyreg', '_reconstructor')],
    ],
)
def test_only_listed_names_resolve(tmp_path, names):
    path = tmp_path / 'x.pkl'
    path.write_bytes(raw(*names))
    with pytest.raises(ValueError, match=r'x.pkl: refused: '):
        load_arrays(path)


def test_what_is_no_dict_of_arrays_is_one_line(tmp_path):
    path = tmp_path / 'x.pkl'
    with pytest.raises(FileNotFoundError, match='x.pkl: no such file'):
        load_arrays(path)
    path.write_bytes(pickle.dumps([np.zeros(3)]))
    with pytest.raises(ValueError, match='expected a pickled dict .* list'):
        load_arrays(path)
    path.write_bytes(b'\x80\x02no pickle')
    with pytest.raises(ValueError, match='x.pkl: refused'):
        load_arrays(path)


def test_a_damaged_sparse_matrix_is_refused(tmp_path):
    content = mano_arrays()
    from scipy.sparse import csc_matrix

    matrix = csc_matrix(content['J_regressor'])
    matrix.indices[0] = 10_000
    path = tmp_path / 'x.pkl'
    path.write_bytes(pickle.dumps({'J_regressor': matrix}))
    with pytest.raises(ValueError, match='x.pkl: a damaged array'):
        load_arrays(path)
