"""What a model's errors become when photos look different.

Photos of a labelled set are made darker, flatter, blurred, noisy, colourless
and so on, or end within the hand; a model that depends on such looks gets
worse. Prints a table.
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

from synhand.datasets.transforms.edges import (  # noqa: E402
    EDGE_NORMALS,
    blacken,
)

Look = Callable[[np.ndarray], np.ndarray]
"""Of an image (H, W, 3) of floats from 0 to 255."""

Change = Callable[[Crop], Crop]

_COLUMNS = ('PA-MPJPE', 'NME', 'PCK@0.05', 'PCK@0.1', 'PCK@0.2')


def gamma(power: float) -> Look:
    return lambda image: 255 * (image / 255) ** power


def contrast(factor: float) -> Look:
    return lambda image: image.mean() + factor * (image - image.mean())


def saturation(factor: float) -> Look:
    def change(image: np.ndarray) -> np.ndarray:
        grey = image.mean(-1, keepdims=True)
        return grey + factor * (image - grey)

    return change


def blur(sigma: float) -> Look:
    return lambda image: cv2.GaussianBlur(image, (0, 0), sigma)


def sharpness(gain: float) -> Look:
    return lambda image: image + gain * (image - blur(1.5)(image))


def noise(sigma: float) -> Look:
    rng = np.random.default_rng(0)
    return lambda image: image + rng.normal(0, sigma, image.shape)


def looks(look: Look) -> Change:
    def changed_crop(crop: Crop) -> Crop:
        image = np.rint(look(crop.image.astype(np.float64)))
        return replace(crop, image=image.clip(0, 255).astype(np.uint8))

    return changed_crop


def ends(side: int, share: float) -> Change:
    """The photo ends on a side of the box (0 left, 1 up, 2 right, 3 down).

    The box becomes that of what is left; errors stay those of the whole hand.
    """

    def changed_crop(crop: Crop) -> Crop:
        image, box = crop.image.copy(), crop.box.copy()
        box[side] += share * (box[(side + 2) % 4] - box[side])
        normal = EDGE_NORMALS[side]
        blacken(image, normal, box[side] * normal.sum())
        return replace(crop, image=image, box=box)

    return changed_crop


LOOKS: dict[str, Look] = {
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
CHANGES: dict[str, Change] = {
    **{name: looks(look) for name, look in LOOKS.items()},
    'ends at the left': ends(0, 0.2),
    'ends above': ends(1, 0.2),
    'ends at the right': ends(2, 0.2),
    'ends below': ends(3, 0.2),
}


def changed(model: Model, change: Change) -> Model:
    """The model, asked about changed crops."""

    def answer(crops: Sequence[Crop]) -> list:
        return model.answer([change(crop) for crop in crops])

    return replace(model, answer=answer)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--data', type=Path, required=True, help='all sets')
    parser.add_argument('--set', choices=list(LABELLED), default='ge2019')
    parser.add_argument('--limit', type=int, help='only the first hands')
    parser.add_argument(
        '--model', default='upright-25d', help='NAME or NAME=CONFIG,CHECKPOINT'
    )
    parser.add_argument(
        '--change',
        action='append',
        choices=list(CHANGES),
        help='only this one; may be given several times',
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
    for name in args.change or CHANGES:
        other = changed(model, CHANGES[name])
        print(score_line(name, other, photos, _COLUMNS), flush=True)


if __name__ == '__main__':
    main()
