"""Hands in videos, for tools/predict.py."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

from tqdm import tqdm

from synhand.apis import HandFinder, HandPredictor
from synhand.apis.tracking import HandTracker, TrackedHand
from synhand.apis.video import (
    SUFFIXES,
    FrameSource,
    VideoFile,
    draw_tracked,
    follow,
    open_frames,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('videos')
    group.add_argument(
        '--webcam',
        type=int,
        metavar='N',
        help='frames of this camera in place of INPUT, until Ctrl-C',
    )
    group.add_argument(
        '--no-smoothing', action='store_true', help='each frame by itself'
    )
    group.add_argument('--max-hands', type=int, default=2, metavar='N')
    group.add_argument('--frames', type=int, metavar='N', help='stop after N')


def sources(inputs: list[str], webcam: int | None) -> list[Path | int]:
    """Videos that are meant; empty where images are.

    Raises:
        ValueError: A camera beside files, videos beside images, or nothing.
    """
    videos = [Path(i) for i in inputs if Path(i).suffix.lower() in SUFFIXES]
    if webcam is not None:
        if inputs:
            raise ValueError('expected INPUT or --webcam, got both')
        return [webcam]
    if not inputs:
        raise ValueError('expected INPUT or --webcam')
    if videos and len(videos) < len(inputs):
        raise ValueError(
            'expected INPUT of videos or of images, got both; run it twice'
        )
    return videos


def run(
    predictor: HandPredictor,
    find: HandFinder | None,
    videos: list,
    args: argparse.Namespace,
) -> list[dict]:
    """Follow hands through all videos; writes `NAME.mp4` of each to --out.

    Returns:
        An entry a hand and frame.

    Raises:
        FileNotFoundError, ValueError, OSError: A video cannot be read, or
            its result not be written.
    """
    args.out.mkdir(parents=True, exist_ok=True)
    entries: list[dict] = []
    for video in videos:
        tracker = HandTracker(
            predictor,
            find,
            hand=args.hand,
            max_hands=args.max_hands,
            smooth=not args.no_smoothing,
        )
        with open_frames(video) as source:
            entries += _run(tracker, source, args)
    return entries


def _run(
    tracker: HandTracker, source: FrameSource, args: argparse.Namespace
) -> list[dict]:
    name = Path(source.name).name
    path = args.out / f'{Path(name).stem}.mp4'
    if not source.live and path.resolve() == Path(source.name).resolve():
        raise ValueError(
            f'--out: {path} would replace a video; expected another folder'
        )
    entries: list[dict] = []
    written = nullcontext() if args.no_images else VideoFile(path, source.fps)
    try:
        with written as out:
            for number, image, hands, fps in _shown(tracker, source, args):
                entries += [_entry(name, number, hand) for hand in hands]
                if out is not None:
                    out.write(draw_tracked(image, hands, fps))
    except KeyboardInterrupt:  # the way to end a camera's recording
        if not source.live:
            raise
    return entries


def _shown(
    tracker: HandTracker, source: FrameSource, args: argparse.Namespace
) -> Iterator[tuple]:
    total = args.frames or source.count or None
    with tqdm(total=total, unit='frame', desc=source.name) as bar:
        for row in follow(tracker, source):
            yield row
            bar.update()
            if args.frames and row[0] + 1 >= args.frames:
                break


def _entry(name: str, number: int, tracked: TrackedHand) -> dict:
    return dict(
        image=name,
        frame=number,
        track=tracked.number,
        **tracked.prediction.to_json(),
    )
