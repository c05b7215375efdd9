"""Reading what `tools/test.py --dump` writes.

A dump is a pickle (mmengine's `DumpResults`): a list of data samples as
dicts, `gt_instances` and `pred_instances` inside, the metainfo beside them.
A pickle can name any function to be called on loading, so here names of a
fixed list alone resolve: containers, NumPy's arrays and torch's tensors.

What a sample must carry: `gt_instances` and `pred_instances`; and of the
metainfo `img_path` (str), for pictures. Model and benchmark come from the
file's name, `MODEL@BENCHMARK.pkl`; without `@` the benchmark is the
metainfo's `dataset_name`.
"""

from __future__ import annotations

import collections
import io
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

_PLAIN = (set, frozenset, complex, slice, bytearray)
_GENERIC = ('hand', 'hand_json', 'ho3d')
"""Names of datasets that do not say which set it is."""


@dataclass(frozen=True)
class Dump:
    """The samples of one model on one benchmark."""

    model: str
    benchmark: str
    samples: list[dict]
    path: Path


def _encode(text: str, encoding: str) -> bytes:
    """How old pickle protocols write bytes."""
    return text.encode('latin1')


def _storage(content: bytes) -> Any:
    """A tensor's memory, which is a pickle again."""
    return torch.load(io.BytesIO(content), weights_only=True)


_multiarray = np._core.multiarray
_ALLOWED: dict[tuple[str, str], Any] = {
    ('numpy', 'ndarray'): np.ndarray,
    ('numpy', 'dtype'): np.dtype,
    ('_codecs', 'encode'): _encode,
    ('collections', 'OrderedDict'): collections.OrderedDict,
    ('torch', 'Size'): torch.Size,
    ('torch._utils', '_rebuild_tensor_v2'): torch._utils._rebuild_tensor_v2,
    ('torch.storage', '_load_from_bytes'): _storage,
}
for _room in ('numpy.core', 'numpy._core'):
    _ALLOWED[f'{_room}.multiarray', '_reconstruct'] = _multiarray._reconstruct
    _ALLOWED[f'{_room}.multiarray', 'scalar'] = _multiarray.scalar
    _ALLOWED[f'{_room}.numeric', '_frombuffer'] = np._core.numeric._frombuffer
for _room in ('builtins', '__builtin__'):
    _ALLOWED.update({(_room, kind.__name__): kind for kind in _PLAIN})


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(
                f'it names {module}.{name}; a dump holds plain, NumPy and '
                'torch types only'
            ) from None


def read_samples(path: str | Path) -> list[dict]:
    """The data samples of a dump.

    Raises:
        FileNotFoundError: No such file.
        ValueError: It is no dump, it is empty, or it names what a dump does
            not hold; one line that names the file. Nothing of it was run.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'{path}: no such file; tools/test.py CONFIG CHECKPOINT --dump '
            'FILE writes one'
        )
    try:
        with path.open('rb') as file:
            samples = _Unpickler(file).load()
    except Exception as error:  # damaged pickles raise anything
        reason = ' '.join(str(error).split()) or type(error).__name__
        raise ValueError(f'{path}: refused: {reason}') from None
    if not isinstance(samples, list) or not samples:
        raise ValueError(f'{path}: expected a list of data samples')
    for number, sample in enumerate(samples):
        for key in ('gt_instances', 'pred_instances'):
            found = sample.get(key) if isinstance(sample, dict) else None
            if not isinstance(found, dict):
                raise ValueError(
                    f'{path}: sample {number}: {key}: expected a dict, got '
                    f'{type(found).__name__}'
                )
    return samples


def read_dump(path: str | Path) -> Dump:
    """A dump with its model's and its benchmark's name.

    Raises:
        FileNotFoundError, ValueError: See `read_samples`; or nothing names
            the benchmark.
    """
    path = Path(path)
    samples = read_samples(path)
    model, _, benchmark = path.stem.partition('@')
    if not benchmark:
        benchmark = str(samples[0].get('dataset_name', ''))
    if not model or not benchmark or benchmark in _GENERIC:
        raise ValueError(
            f'{path}: which model on which benchmark? name the file '
            'MODEL@BENCHMARK.pkl'
        )
    return Dump(model, benchmark, samples, path)
