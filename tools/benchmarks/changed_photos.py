"""What a model's errors become when photos look different.

Photos of a labelled set are made darker, flatter, blurred, noisy, colourless
and so on; a model that depends on such looks gets worse. Prints a table.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

TOOLS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOOLS / 'benchmarks'))
sys.path.insert(0, str(TOOLS.parent / 'projects'))

from _answers import (  # noqa: E402
    Model,
    own_model,
    score_head,
    score_line,
)
from _photos import LABELLED, Crop  # noqa: E402

Change = Callable[[np.ndarray], np.ndarray]
"""Of an image (H, W, 3) of floats from 0 to 255."""

_COLUMNS = ('PA-MPJPE', 'NME', 'PCK@0.05', 'PCK@0.1', 'PCK@0.2')


def gamma(power: float) -> Change:
    return lambda image: 255 * (image / 255) ** power


def contrast(factor: float) -> Change:
    return lambda image: image.mean() + factor * (image - image.mean())


def saturation(factor: float) -> Change:
    def change(image: np.ndarray) -> np.ndarray:
        grey = image.mean(-1, keepdims=True)
        return grey + factor * (image - grey)

    return change


def blur(sigma: float) -> Change:
    return lambda image: cv2.GaussianBlur(image, (0, 0), sigma)


def sharpness(gain: float) -> Change:
    return lambda image: image + gain * (image - blur(1.5)(image))


def noise(sigma: float) -> Change:
    rng = np.random.default_rng(0)
    return lambda image: image + rng.normal(0, sigma, image.shape)


CHANGES: dict[str, Change] = {
    'none': lambda image: image,
    'gamma 0.7': gamma(0.7),
    'gamma 1.4': gamma(1.4),
    'contrast x 0.7': contrast(0.7),
    'contrast x 1.4': contrast(1.4),
    'saturation x 0': saturation(0.0),
    'saturation x 0.5': saturation(0.5),
    'saturation x 1.5': saturation(1.5),
    'blur of 1.6 px': blur(1.6),
    'sharpened': sharpness(1.0),
    'noise of 5 / 255': noise(5.0),
}


def changed(model: Model, change: Change) -> Model:
    """The model, asked about changed crops."""

    def answer(crops: Sequence[Crop]) -> list:
        return model.answer(
            [replace(crop, image=_applied(change, crop)) for crop in crops]
        )

    return replace(model, answer=answer)


def _applied(change: Change, crop: Crop) -> np.ndarray:
    image = change(crop.image.astype(np.float64))
    return np.rint(image).clip(0, 255).astype(np.uint8)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--data', type=Path, required=True, help='all sets')
    parser.add_argument('--set', choices=list(LABELLED), default='ge2019')
    parser.add_argument('--limit', type=int, help='only the first hands')
    parser.add_argument(
        '--model', default='upright-25d', help='NAME or NAME=CONFIG,CHECKPOINT'
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse_args(argv)
    try:
        photos = LABELLED[args.set](args.data, args.limit)
        model = own_model(args.model)
    except (OSError, ValueError) as error:
        sys.exit(f'error: {error}')
    print(score_head(f'{model.name}, {photos.title}', _COLUMNS))
    for name, change in CHANGES.items():
        other = changed(model, change)
        print(score_line(name, other, photos, _COLUMNS), flush=True)


if __name__ == '__main__':
    main()
