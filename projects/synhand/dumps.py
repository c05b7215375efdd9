"""Reading what `tools/test.py --dump` writes.

A dump is a pickle (mmengine's `DumpResults`): a list of data samples as
dicts, `gt_instances` and `pred_instances` inside, the metainfo beside them.
A pickle can name any function to be called on loading, so here names of a
fixed list alone resolve: containers, NumPy's arrays and torch's tensors.

What a sample must carry: `gt_instances` and `pred_instances`.
"""

from __future__ import annotations

import collections
import io
from pathlib import Path
from typing import Any

import torch

from synhand.pickles import NUMPY_NAMES, load, named


def _storage(content: bytes) -> Any:
    """A tensor's memory, which is a pickle again."""
    return torch.load(io.BytesIO(content), weights_only=True)


_ALLOWED = {
    **NUMPY_NAMES,
    **named(set, frozenset, complex, slice, bytearray),
    ('collections', 'OrderedDict'): collections.OrderedDict,
    ('torch', 'Size'): torch.Size,
    ('torch._utils', '_rebuild_tensor_v2'): torch._utils._rebuild_tensor_v2,
    ('torch.storage', '_load_from_bytes'): _storage,
}
_CONTENTS = 'a dump holds plain, NumPy and torch types only'


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
    samples = load(path, _ALLOWED, _CONTENTS)
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
