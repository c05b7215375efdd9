"""Dumps with the names of their model and benchmark.

Of the metainfo a sample must carry `img_path` (str), for pictures. Model and
benchmark come from the file's name, `MODEL@BENCHMARK.pkl`; without `@` the
benchmark is the metainfo's `dataset_name`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from synhand.dumps import read_samples

_GENERIC = ('hand', 'hand_json', 'ho3d')
"""Names of datasets that do not say which set it is."""


@dataclass(frozen=True)
class Dump:
    """The samples of one model on one benchmark."""

    model: str
    benchmark: str
    samples: list[dict]
    path: Path


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
