"""The one reader of pickles: arrays come back, nothing else resolves."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from synhand.pickles import NUMPY_NAMES, load, named


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'x.pkl'


@pytest.mark.parametrize('protocol', range(6))
@pytest.mark.parametrize('order', ['C', 'F'])
def test_arrays_scalars_and_bytes_of_any_protocol(path, protocol, order):
    array = np.arange(24.0).reshape(2, 3, 4).copy(order)
    turned = array.transpose(1, 0, 2)
    written = [array, turned, turned[:, ::2], np.float32(2), b'\xff']
    path.write_bytes(pickle.dumps(written, protocol))
    found = load(path, NUMPY_NAMES, '')
    for value, expected in zip(found, written, strict=True):
        np.testing.assert_array_equal(value, expected)


def test_names_resolve_for_the_caller_that_lists_them_alone(path):
    path.write_bytes(pickle.dumps({1, 2}, 2))
    assert load(path, named(set), '') == {1, 2}
    with pytest.raises(ValueError, match='refused: names .*set; no sets here'):
        load(path, NUMPY_NAMES, 'no sets here')


def test_numpy_names_make_arrays_alone(path):
    path.write_bytes(pickle.dumps(Path('x')))
    with pytest.raises(ValueError, match=r'x.pkl: refused: names pathlib'):
        load(path, NUMPY_NAMES, '')
    with pytest.raises(FileNotFoundError, match='x.pkl: no such file'):
        load(path.with_name('no') / 'x.pkl', NUMPY_NAMES, '')
