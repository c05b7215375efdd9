"""What the windows cost that a model of two looks reads, and how.

Scores with the windows that the model finds, more or less drawn to the box
of the hand, with the true ones, and where the boxes are off; or with wider
and closer windows, turned by other angles. Prints a table.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import torch

TOOLS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOOLS / 'benchmarks'))
sys.path.insert(0, str(TOOLS.parent / 'projects'))

from _answers import (  # noqa: E402
    Model,
    answers_of,
    named_model,
    score_head,
    score_line,
)
from _photos import LABELLED, Crop, PhotoSet, synthetic  # noqa: E402

from synhand.apis import HandPredictor  # noqa: E402
from synhand.models.estimators.two_look_estimator import (  # noqa: E402
    TwoLookEstimator,
)
from synhand.models.upright import upright_windows  # noqa: E402

_COLUMNS = ('PA-MPJPE', 'MPJPE', 'NME', 'PCK@0.05', 'PCK@0.1', 'PCK@0.2')
_MOVED = 0.1  # of the box's longer side, at most, along each axis
_SCALED = 1.25  # or its inverse, at most
_LOOKS = (2, 3)
_SHARES = (0.0, 0.75, 1.0)
_PADDINGS = (1.1, 1.2, 1.3, 1.4)
_TURNS = ((20, 40), (20, 40, 60), (15, 30, 45))  # degrees, each way


def moved(crops: Sequence[Crop]) -> list[Crop]:
    """Crops whose boxes are off, by the same amounts in each call."""
    rng = np.random.default_rng(0)
    found = []
    for crop in crops:
        low, high = crop.box.reshape(2, 2)
        sides = high - low
        move = rng.uniform(-_MOVED, _MOVED, 2) * sides.max()
        centre = (low + high) / 2 + move
        half = sides / 2 * _SCALED ** rng.uniform(-1, 1)
        box = np.concatenate([centre - half, centre + half])
        found.append(replace(crop, box=box.astype(np.float32)))
    return found


@contextmanager
def true_windows(model: TwoLookEstimator, photos: PhotoSet) -> Iterator[None]:
    """The model reads the windows of the labels, asked for all in order."""
    labels = iter(
        [s['keypoints'][0] - photos.corner(s) for s in photos.samples]
    )
    predict = model.predict

    def predict_there(inputs: torch.Tensor, samples: list) -> list:
        position = [_in_crop(next(labels), s.metainfo) for s in samples]
        windows = upright_windows(
            torch.from_numpy(np.float32(position)), model.padding
        )
        with mock.patch.object(model, '_first_windows', return_value=windows):
            return predict(inputs, samples)

    with mock.patch.object(model, 'predict', predict_there):
        yield


def _in_crop(pixels: np.ndarray, about: dict) -> np.ndarray:
    """(K, 2) of the image as u, v of the network's input."""
    corner = about['input_center'] - about['input_scale'] / 2
    position = (pixels - corner) / about['input_scale']
    if about.get('mirrored', False):
        position[:, 0] = 1 - position[:, 0]
    return position


def window_rows(predictor: HandPredictor, photos: PhotoSet) -> Iterator[str]:
    """A line of the table for each kind of windows."""
    model = predictor.model
    exact = _exact(predictor)
    off = replace(exact, answer=lambda crops: exact.answer(moved(crops)))
    for looks in _LOOKS:
        model.test_cfg['looks'] = looks
        for model.box_share in _SHARES:
            name = f'{looks} looks, drawn by {model.box_share:g}'
            yield score_line(name, exact, photos, _COLUMNS)
            yield score_line(f'{name}, boxes off', off, photos, _COLUMNS)
    model.test_cfg['looks'] = 2
    with true_windows(model, photos):
        yield score_line('true windows', exact, photos, _COLUMNS)


def reading_rows(predictor: HandPredictor, photos: PhotoSet) -> Iterator[str]:
    """A line for each width of windows, set of angles, and unsure glances."""
    model, exact = predictor.model, _exact(predictor)
    usual, around = model.padding, model.around
    model.around = ()
    for model.padding in _PADDINGS:
        model.turns = (0.0,)
        yield score_line(f'{model.padding:g}, one', exact, photos, _COLUMNS)
    model.padding = usual
    for angles in _TURNS:
        model.turns = (0.0, *(a * way for a in angles for way in (1.0, -1.0)))
        yield score_line(f'{usual:g}, {angles}', exact, photos, _COLUMNS)
    model.around = around
    name = f'{usual:g}, {angles}, glances around'
    yield score_line(name, exact, photos, _COLUMNS)


def _exact(predictor: HandPredictor) -> Model:
    return Model('', lambda crops: answers_of(predictor, crops), ())


ROWS = {'windows': window_rows, 'readings': reading_rows}


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    sets = parser.add_mutually_exclusive_group(required=True)
    sets.add_argument('--data', type=Path, help='folder of all sets of photos')
    sets.add_argument('--synthetic', type=Path, help='folder of shards')
    parser.add_argument('--of', choices=list(ROWS), default='windows')
    parser.add_argument('--set', choices=list(LABELLED), default='ge2019')
    parser.add_argument('--limit', type=int, default=200, help='first hands')
    parser.add_argument(
        '--model', default='upright-25d', help='NAME or NAME=CONFIG,CHECKPOINT'
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse_args(argv)
    try:
        if args.synthetic:
            photos = synthetic(args.synthetic, args.limit)
        else:
            photos = LABELLED[args.set](args.data, args.limit)
        name, choice = named_model(args.model)
        predictor = HandPredictor(**choice, device='cpu')
    except (OSError, ValueError) as error:
        sys.exit(f'error: {error}')
    if not isinstance(predictor.model, TwoLookEstimator):
        sys.exit(f'error: {args.model}: expected a model of two looks')
    print(score_head(f'{name}, {photos.title}', _COLUMNS))
    for line in ROWS[args.of](predictor, photos):
        print(line, flush=True)


if __name__ == '__main__':
    main()
