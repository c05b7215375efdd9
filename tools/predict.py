"""Find hands in photos and videos: pictures, and 3D as predictions.json.

INPUT is an image, a folder (searched with all folders in it), a glob of
images, or a video.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
from mmengine.config.utils import ConfigParsingError
from tqdm import tqdm

import _video
from synhand.apis import (
    HandFinder,
    HandPredictor,
    find_images,
    read_image,
)
from synhand.apis.predictor import (
    MIN_SCORE,
    PredictionError,
    sure_hands,
)
from synhand.apis.queries import check_box
from synhand.datasets.hand_json import read_annotations
from synhand.files import write_bytes
from synhand.skeleton import HAND_SIDES, JOINT_FAMILIES, SIDE_NAMES
from synhand.visualization import prediction_figure
from synhand.zoo import DEFAULT_FINDER

# What a wrong path, name or value on the command line or in a config raises.
SETUP_ERRORS = (
    *(OSError, ValueError, KeyError, ImportError, AssertionError),
    ConfigParsingError,
)
_SHOWN = 20


@dataclass
class Hand:
    """What is known of a hand before it is found."""

    where: str = ''
    bbox: object = None
    side: str = 'unknown'
    camera: object = None


@dataclass
class Job:
    """An image file, the hands to find in it, and what becomes of it."""

    path: Path
    name: str
    picture: Path
    hands: list[Hand]
    image: object = None
    found: list = field(default_factory=list)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('input', metavar='INPUT', nargs='*')
    parser.add_argument('--out', type=Path, required=True, help='folder')
    parser.add_argument(
        '--annotations',
        type=Path,
        metavar='FILE',
        help='JSON list of hands: image (relative to this file, else to '
        'INPUT) and any of bbox (tight, x1 y1 x2 y2), hand (left, right, '
        'unknown) and K',
    )
    parser.add_argument(
        '--hand',
        choices=list(HAND_SIDES),
        default='unknown',
        help='side of all hands that --annotations says nothing of',
    )
    parser.add_argument('--model', metavar='NAME', help='a released model')
    parser.add_argument('--config', type=Path, metavar='C')
    parser.add_argument('--checkpoint', metavar='F')
    parser.add_argument(
        '--finder',
        nargs='+',
        metavar='NAME',
        help='what gives boxes where --annotations gives none: a released '
        f'finder, or CONFIG CHECKPOINT (default: {DEFAULT_FINDER})',
    )
    parser.add_argument(
        '--whole-image',
        action='store_true',
        help='no finder: look at the whole image, which shows one hand',
    )
    parser.add_argument(
        '--min-score',
        type=float,
        default=MIN_SCORE,
        help='least mean keypoint score of a hand that was searched for '
        '(default: %(default)s)',
    )
    parser.add_argument(
        '--joint-family',
        choices=JOINT_FAMILIES,
        default=JOINT_FAMILIES[0],
        help='mano: finger bases and the IP of the thumb where FreiHAND and '
        'other sets labelled with MANO have them (default: %(default)s)',
    )
    parser.add_argument('--batch-size', type=int, default=32)
    parser.add_argument('--device', default='auto', help='auto, cpu, cuda')
    parser.add_argument(
        '--no-images', action='store_true', help='only predictions.json'
    )
    _video.add_arguments(parser)
    args = parser.parse_args()
    if args.finder and len(args.finder) > 2:
        parser.error('--finder: expected NAME, or CONFIG CHECKPOINT')
    if args.finder and args.whole_image:
        parser.error('expected --finder or --whole-image, got both')
    return args


def find_jobs(
    inputs: list[str], out: Path, side: str
) -> tuple[Path, list[Job], list]:
    """Images of all arguments, the folder they are relative to, the rest."""
    bases, files, others = [], [], []
    for pattern in inputs:
        base, images, rest = find_images(pattern, leave_out=out)
        bases.append(base.absolute())
        files += images
        others += rest
    base = Path(os.path.commonpath(bases))
    files = list(dict.fromkeys(file.absolute() for file in files))
    names = [os.path.relpath(file, base) for file in files]
    pictures = picture_paths(names, out)
    jobs = [
        Job(*row, hands=[Hand(side=side)])
        for row in zip(files, names, pictures, strict=True)
    ]
    return base, jobs, others


def picture_paths(names: list[str], out: Path) -> list[Path]:
    """`NAME.png` in `out`; of names that differ in the suffix, with it."""
    paths = [Path(name).with_suffix('.png') for name in names]
    uses = Counter(paths)
    return [
        out / (f'{name}.png' if uses[path] > 1 else path)
        for name, path in zip(names, paths, strict=True)
    ]


def check_out(out: Path, jobs: list[Job]) -> None:
    """Raise where a picture would take the place of a photo."""
    photos = {job.path.resolve() for job in jobs}
    for job in jobs:
        if job.picture.resolve() in photos:
            raise ValueError(
                f'--out: {job.picture} would replace a photo; expected a '
                'folder without the images of INPUT'
            )
    out.mkdir(parents=True, exist_ok=True)


def annotate(jobs: list[Job], file: Path, base: Path) -> list[str]:
    """Give the jobs what an annotation file says of their hands.

    Returns:
        A line for the entries whose images are missing, if any.

    Raises:
        FileNotFoundError, ValueError: See `read_annotations`; or no entry is
            of an image of `jobs`.
    """
    entries = read_annotations(file)
    known: dict[Path, list[Hand]] = {}
    missing = []
    for number, entry in enumerate(entries):
        path = image_path(entry['img_path'], file, base)
        if not path.exists():
            missing.append(
                f'{file}: entry {number}: image: expected an image file, '
                f'found none at {path}'
            )
            continue
        hand = Hand(
            f'{file}: entry {number}',
            entry['bbox'],
            SIDE_NAMES[entry['hand_side']],
            entry['camera_matrix'],
        )
        known.setdefault(path.resolve(), []).append(hand)
    matched = [job for job in jobs if job.path.resolve() in known]
    for job in matched:
        job.hands = known[job.path.resolve()]
    if known and not matched:
        raise ValueError(
            f'{file}: image: expected images of INPUT, none of the '
            f'{len(entries)} entries is of one'
        )
    more = f' (and {len(missing) - 1} more entries)' if missing[1:] else ''
    return [missing[0] + more] if missing else []


def image_path(found: str, file: Path, base: Path) -> Path:
    """An entry's image: beside the annotation file, else in INPUT."""
    path = Path(found)
    if path.exists() or not path.is_relative_to(file.parent):
        return path
    inside = base / path.relative_to(file.parent)
    return inside if inside.exists() else path


class Run:
    """Reads images, finds hands batch by batch, writes pictures."""

    def __init__(
        self,
        predictor: HandPredictor,
        find: HandFinder | None,
        args: argparse.Namespace,
        bar: tqdm,
    ) -> None:
        self.predictor, self.find = predictor, find
        self.pictures, self.min_score = not args.no_images, args.min_score
        self.bar = bar
        self.entries: list[dict] = []
        self.images = self.failures = 0
        self._waiting: list[Job] = []

    def fail(self, reason: object) -> None:
        self.failures += 1
        self.bar.write(f'skipped: {reason}', file=sys.stderr)

    def add(self, job: Job) -> None:
        try:
            job.image = read_image(job.path)
        except (OSError, ValueError) as error:
            self.fail(error)
            self.bar.update()
            return
        hands = [hand for hand in job.hands if self._fits(hand, job)]
        job.hands = []
        for hand in hands:
            if hand.bbox is not None or self.find is None:
                job.hands.append(hand)
            else:
                job.found += self._search(hand, job.image)
        self._waiting.append(job)
        waiting = sum(max(1, len(job.hands)) for job in self._waiting)
        if waiting >= self.predictor.batch_size:
            self.flush()

    def _search(self, hand: Hand, image: object) -> list:
        """What is found of hands of which no box is known."""
        places = self.find(image)
        if hand.side != 'unknown':
            places = [replace(place, hand=hand.side) for place in places]
        return self.predictor.read_likely(
            image, places, hand.camera, self.min_score
        )

    def _fits(self, hand: Hand, job: Job) -> bool:
        try:
            if hand.bbox is not None:
                check_box(hand.bbox, job.image, f'{hand.where}: bbox')
        except ValueError as error:
            self.fail(error)
            return False
        return True

    def flush(self) -> None:
        pairs = [(job, hand) for job in self._waiting for hand in job.hands]
        found = iter(
            self.predictor.predict(
                [job.image for job, _ in pairs],
                [hand.bbox for _, hand in pairs],
                [hand.side for _, hand in pairs],
                [hand.camera for _, hand in pairs],
            )
        )
        for job in self._waiting:
            hands = [next(found) for _ in job.hands]
            hands += sure_hands(job.found, self.min_score)
            self.entries += [
                dict(image=Path(job.name).as_posix(), **hand.to_json())
                for hand in hands
            ]
            self.images += bool(hands)
            if self.pictures and hands:
                write(job.picture, png(job.image, hands))
            self.bar.update()
        self._waiting = []


def png(image: object, hands: list) -> bytes:
    """The picture of an image's hands as a file's content."""
    figure = prediction_figure(
        image,
        [
            (
                hand.keypoints_2d,
                hand.keypoints_3d_mm,
                f'{hand.hand} {hand.keypoints_2d[:, 2].mean():.2f}',
            )
            for hand in hands
        ],
    )
    return cv2.imencode('.png', figure)[1].tobytes()


def write(path: Path, content: bytes) -> None:
    """Write a file as a whole or not at all, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, content, durable=False)


def report_others(others: list[Path]) -> None:
    if others:
        names = ', '.join(path.name for path in others[:_SHOWN])
        more = f' and {len(others) - _SHOWN} more' * (len(others) > _SHOWN)
        print(f'left out, no images by name: {names}{more}', file=sys.stderr)


def run_jobs(
    predictor: HandPredictor,
    find: HandFinder | None,
    jobs: list[Job],
    missing: list[str],
    args: argparse.Namespace,
) -> Run:
    """All jobs with a progress bar, after a line for what is missing."""
    with tqdm(total=len(jobs), unit='image') as bar:
        run = Run(predictor, find, args, bar)
        for line in missing:
            run.fail(line)
        for job in jobs:
            run.add(job)
        run.flush()
    return run


class InputError(Exception):
    """Bad input, in one line."""


@contextmanager
def one_line(*kinds: type[Exception]) -> Iterator[None]:
    """Turn errors of these kinds into an `InputError`."""
    try:
        yield
    except kinds as error:
        line = ' '.join(str(error).split()) or type(error).__name__
        raise InputError(line) from error


def predict_videos(args: argparse.Namespace, videos: list) -> int:
    with one_line(*SETUP_ERRORS):
        predictor, find = build_predictor(args), build_finder(args)
    with one_line(OSError, ValueError):
        entries = _video.run(predictor, find, videos, args)
    write_entries(args.out, entries)
    print(f'{args.out}: {len(entries)} hands in {len(videos)} videos')
    return 0


def predict_images(args: argparse.Namespace) -> int:
    with one_line(*SETUP_ERRORS):
        base, jobs, others = find_jobs(args.input, args.out, args.hand)
        check_out(args.out, jobs)
        missing = (
            annotate(jobs, args.annotations, base) if args.annotations else []
        )
        predictor = build_predictor(args)
        unknown = any(hand.bbox is None for j in jobs for hand in j.hands)
        find = build_finder(args) if unknown else None
    report_others([file for file in others if file != args.annotations])
    with one_line(PredictionError):
        run = run_jobs(predictor, find, jobs, missing, args)
    write_entries(args.out, run.entries)
    print(
        f'{args.out}: {len(run.entries)} hands in {run.images} images, '
        f'{run.failures} skipped'
    )
    return 1 if run.failures else 0


def build_predictor(args: argparse.Namespace) -> HandPredictor:
    return HandPredictor(
        args.model,
        args.config,
        args.checkpoint,
        args.device,
        args.batch_size,
        joint_family=args.joint_family,
    )


def build_finder(args: argparse.Namespace) -> HandFinder | None:
    if args.whole_image:
        return None
    files = args.finder or [DEFAULT_FINDER]
    source = files if len(files) == 1 else [None, *files]
    return HandFinder(*source, device=args.device)


def write_entries(out: Path, entries: list[dict]) -> None:
    content = json.dumps(entries, allow_nan=False)
    write(out / 'predictions.json', content.encode())


def main() -> int:
    args = parse_args()
    try:
        with one_line(ValueError):
            videos = _video.sources(args.input, args.webcam)
        if videos:
            return predict_videos(args, videos)
        return predict_images(args)
    except InputError as error:
        print(f'error: {error}', file=sys.stderr)
        return 1


if __name__ == '__main__':
    sys.exit(main())
