"""How well hands are found in whole pictures, and how fast.

Finders of this project, and MediaPipe's palm detector in the environment of
--mediapipe-python, on synthetic full frames and on TI1K (one labelled hand a
photo; other hands that are found there count as false). --judge lets a pose
model read what the finders propose, as tools/predict.py does. One picture at
a time; prints a table.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

TOOLS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOOLS))
sys.path.insert(0, str(TOOLS / 'benchmarks'))
sys.path.insert(0, str(TOOLS.parent / 'projects'))

from _answers import run  # noqa: E402

from synhand.apis.finder import HandFinder  # noqa: E402
from synhand.apis.images import read_image  # noqa: E402
from synhand.apis.predictor import HandPredictor  # noqa: E402
from synhand.datasets import (  # noqa: E402
    HandJsonDataset,
    SyntheticFrameDataset,
)
from synhand.datasets.transforms import (  # noqa: E402
    FrameAffine,
    decode_image,
)
from synhand.evaluation.boxes import match_boxes  # noqa: E402
from synhand.geometry.boxes import tight_box  # noqa: E402

_DRIVER = TOOLS / 'benchmarks/estimators/with_mediapipe_palms.py'
_SHARES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture and its hands.

    Attributes:
        image: (H, W, 3) blue, green, red.
        boxes: (N, 4) px.
        ignored: (I, 4) px, hands that need not be found.
    """

    image: np.ndarray
    boxes: np.ndarray
    ignored: np.ndarray


@dataclass(frozen=True, eq=False)
class Answer:
    """Boxes (M, 4) px of each picture, the surest first, and ms of each."""

    boxes: list[np.ndarray]
    ms: list[float]


def frames(folder: Path, limit: int | None) -> list[Picture]:
    """Pictures of a synthetic set; hands mostly outside are ignored."""
    dataset = SyntheticFrameDataset(str(folder), indices=limit)
    pictures = []
    for number in range(len(dataset)):
        sample = dataset[number]
        image = decode_image(
            sample['image_bytes'], cv2.IMREAD_COLOR, sample['img_path']
        )
        out = FrameAffine(image.shape[1::-1])(dict(sample, img=image))
        boxes, ignored = out['gt_bboxes'], out['gt_ignore_flags']
        pictures.append(Picture(image, boxes[~ignored], boxes[ignored]))
    return pictures


def photos(folder: Path, limit: int | None) -> list[Picture]:
    """Photos with an `annotations.json`, by file."""
    dataset = HandJsonDataset(data_root=str(folder))
    boxes: dict[str, list] = {}
    for number in range(len(dataset)):
        sample = dataset.get_data_info(number)
        boxes.setdefault(sample['img_path'], []).append(sample['bbox'][0])
    return [
        Picture(read_image(path), np.array(found), np.zeros((0, 4)))
        for path, found in list(boxes.items())[:limit]
    ]


def own_finder(text: str) -> tuple[str, HandFinder]:
    """A finder from `NAME` (a released one) or `NAME=CONFIG,CHECKPOINT`.

    Raises:
        FileNotFoundError, ValueError: There is no such finder.
    """
    name, _, files = text.partition('=')
    config, _, checkpoint = files.partition(',')
    if files and not checkpoint:
        raise ValueError(f'{text}: expected NAME or NAME=CONFIG,CHECKPOINT')
    source = (None, config, checkpoint) if files else (name,)
    return name, HandFinder(*source, device='cpu')


def own_finders(texts: Sequence[str], judge: str | None) -> dict:
    """What finds boxes in an image, by name; see `own_finder`."""
    finders = dict(own_finder(text) for text in texts)
    ways = {name: partial(proposed, f) for name, f in finders.items()}
    if judge:
        model = HandPredictor(judge, device='cpu')
        ways |= {
            f'{name}, judged by {judge}': partial(judged, f, model)
            for name, f in finders.items()
        }
    return ways


def proposed(finder: HandFinder, image: np.ndarray) -> list[np.ndarray]:
    """Boxes (4,) that a finder proposes, the surest first."""
    return [place.bbox for place in finder(image)]


def judged(
    finder: HandFinder, judge: HandPredictor, image: np.ndarray
) -> list[np.ndarray]:
    """Tight boxes (4,) of the hands that a pose model reads there."""
    (hands,) = judge.predict_all([image], finder)
    return [tight_box(hand.keypoints_2d[:, :2]) for hand in hands]


def answer_of(find: Callable, pictures: Sequence[Picture]) -> Answer:
    find(pictures[0].image)  # warms up
    boxes, times = [], []
    for picture in pictures:
        start = time.perf_counter()
        found = find(picture.image)
        times.append(1000 * (time.perf_counter() - start))
        boxes.append(np.array(found).reshape(-1, 4))
    return Answer(boxes, times)


def mediapipe_answers(
    python: str, pictures: Sequence[Picture]
) -> dict[str, Answer]:
    """Of its palms, and of the landmarks that it finds with them.

    The square around a palm is larger than a tight box; it is taken at the
    share of its side that recalls most on these very pictures.
    """
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for number, picture in enumerate(pictures):
            names.append(f'{number:05d}.png')
            cv2.imwrite(f'{folder}/{names[-1]}', picture.image)
        Path(folder, 'pictures.json').write_text(json.dumps(names))
        facts = run([python, str(_DRIVER), folder])
    answers = {}
    for share in _SHARES:
        boxes = [
            np.array([square(palm, share) for palm in p['palms']])
            for p in facts['pictures']
        ]
        answers[share] = Answer(boxes, facts['ms'])
    best = max(_SHARES, key=lambda s: scores(pictures, answers[s])['recall'])
    version = facts['version']
    boxes = [np.array(p['hands']) for p in facts['pictures']]
    return {
        f'MediaPipe {version}, palms (x {best:g})': answers[best],
        f'MediaPipe {version}, landmarks': Answer(boxes, facts['ms']),
    }


def square(palm: dict, share: float) -> list[float]:
    """Upright box (4,) around a turned square of `share` of the side."""
    turn = abs(np.cos(palm['turn'])) + abs(np.sin(palm['turn']))
    half = share * palm['side'] * turn / 2
    (x, y) = palm['centre']
    return [x - half, y - half, x + half, y + half]


def scores(pictures: Sequence[Picture], answer: Answer) -> dict[str, float]:
    """Recall at an overlap of 0.5, misses, false boxes, ms of a picture."""
    matches = [
        match_boxes(picture.boxes, boxes, picture.ignored)
        for picture, boxes in zip(pictures, answer.boxes, strict=True)
    ]
    total = sum(len(match.true) for match in matches)
    missed = sum(int((match.true < 0).sum()) for match in matches)
    return dict(
        hands=total,
        recall=1 - missed / max(total, 1),
        missed=missed,
        false=sum(int(m.false.sum()) for m in matches) / len(pictures),
        ms=statistics.median(answer.ms),
    )


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--frames', type=Path, help='a synthetic set')
    parser.add_argument('--photos', type=Path, help='folder of TI1K')
    parser.add_argument(
        '--finder',
        action='append',
        default=[],
        help='NAME of a released finder, or NAME=CONFIG,CHECKPOINT; '
        'repeatable',
    )
    parser.add_argument(
        '--judge', metavar='NAME', help='a released pose model'
    )
    parser.add_argument(
        '--mediapipe-python', help="python of MediaPipe's environment"
    )
    parser.add_argument('--num', type=int, help='pictures; default: all')
    parser.add_argument('--threads', type=int, default=1)
    args = parser.parse_args(argv)
    if not (args.frames or args.photos):
        parser.error('expected --frames or --photos')
    if not (args.finder or args.mediapipe_python):
        parser.error('expected --finder or --mediapipe-python')
    return args


def main(argv: Sequence[str] | None = None) -> None:
    args = parse_args(argv)
    import torch

    torch.set_num_threads(args.threads)
    try:
        table(args)
    except (OSError, ValueError, RuntimeError) as error:
        sys.exit(f'error: {error}')


def table(args: argparse.Namespace) -> None:
    finders = own_finders(args.finder, args.judge)
    sets = {}
    if args.frames:
        sets['synthetic'] = frames(args.frames, args.num)
    if args.photos:
        sets['TI1K'] = photos(args.photos, args.num)
    print('| set | finder | hands | recall | missed | false | ms |')
    print('|---|---|---|---|---|---|---|')
    for title, pictures in sets.items():
        answers = {
            name: answer_of(find, pictures) for name, find in finders.items()
        }
        if args.mediapipe_python:
            python = args.mediapipe_python
            answers.update(mediapipe_answers(python, pictures))
        for name, answer in answers.items():
            row = scores(pictures, answer)
            print(
                f'| {title} | {name} | {row["hands"]} | {row["recall"]:.3f} '
                f'| {row["missed"]} | {row["false"]:.2f} | {row["ms"]:.1f} |',
                flush=True,
            )


if __name__ == '__main__':
    main()
