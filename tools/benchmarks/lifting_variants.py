"""Errors of 3D in the measures of ColorHandPose3D's comparison.

Zimmermann and Brox (ICCV 2017) give the median distance of keypoints, with
the place of the wrist and the length of one bone taken from the truth. Takes
files of `tools/test.py ... --dump` and prints a table in mm.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

TOOLS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOOLS.parent / 'projects'))

from synhand.dumps import read_samples  # noqa: E402
from synhand.evaluation.metrics.base import stack  # noqa: E402
from synhand.evaluation.metrics.keypoints_3d import (  # noqa: E402
    errors_3d,
    floor_scores,
    row_3d,
    usable_hands,
)

_COLUMNS = ('median', 'bone-MPJPE', 'MPJPE', 'PA-MPJPE')


def measures(data: dict) -> dict[str, float]:
    """Of rows of `row_3d`, all in mm; the root does not count in medians."""
    errors = errors_3d(data)

    def known(name: str) -> np.ndarray:
        values, valid = errors[name]
        return values[valid & np.isfinite(values)]

    bone, valid = errors['bone']
    free = (valid & np.isfinite(bone))[:, 1:]
    return {
        'median': float(np.median(bone[:, 1:][free])),
        'bone-MPJPE': float(known('bone').mean()),
        'MPJPE': float(known('').mean()),
        'PA-MPJPE': float(known('PA').mean()),
    }


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('dumps', type=Path, nargs='+')
    args = parser.parse_args(argv)
    print(f'| result | {" | ".join(_COLUMNS)} |')
    print('|---' * (1 + len(_COLUMNS)) + '|')
    for path in args.dumps:
        rows = stack([row_3d(sample) for sample in read_samples(path)])
        usable = usable_hands(rows)
        data = {name: values[usable] for name, values in rows.items()}
        found = measures(data)
        cells = ' | '.join(f'{found[name]:.2f}' for name in _COLUMNS)
        print(f'| {path.stem} | {cells} |', flush=True)
    floors = floor_scores(data).get('constant', {})
    cells = ' | '.join(
        f'{floors[name].mean():.2f}' if name in floors else '–'
        for name in _COLUMNS
    )
    print(f'| constant pose | {cells} |')


if __name__ == '__main__':
    main()
