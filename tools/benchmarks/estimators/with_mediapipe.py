"""MediaPipe Hands on prepared crops; runs in an environment of its own.

Prints one JSON line: `version`, `hands` (for each crop null where nothing was
found, or `keypoints`, (21, 2) px of the crop, and `points`, (21, 3) mm, its
world landmarks) and `ms`, the mean time of a crop in each timed round.

MediaPipe: F. Zhang et al., MediaPipe Hands: on-device real-time hand
tracking, 2020 (static images, full model, at most one hand).
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument('folder', type=Path, help='crops.json and its images')
parser.add_argument('--rounds', type=int, default=0, help='timed rounds')
parser.add_argument('--cores', type=int, help='processor cores to use')


def answer(found: object, width: int, height: int) -> dict | None:
    """The first hand of MediaPipe's result as plain lists."""
    if not found.multi_hand_landmarks:
        return None
    drawn = found.multi_hand_landmarks[0].landmark
    world = found.multi_hand_world_landmarks[0].landmark
    return dict(
        # landmarks count from the border of the first pixel
        keypoints=[[p.x * width - 0.5, p.y * height - 0.5] for p in drawn],
        points=[[1000 * p.x, 1000 * p.y, 1000 * p.z] for p in world],
    )


def main() -> None:
    args = parser.parse_args()
    if args.cores:  # before libraries count the cores and start threads
        cores = sorted(os.sched_getaffinity(0))[: args.cores]
        os.sched_setaffinity(0, cores)
    import cv2
    import mediapipe

    entries = json.loads((args.folder / 'crops.json').read_text())
    images = [
        cv2.cvtColor(cv2.imread(str(args.folder / e['file'])), 4)  # to RGB
        for e in entries
    ]
    hands = mediapipe.solutions.hands.Hands(
        static_image_mode=True, max_num_hands=1, model_complexity=1
    )
    found = [
        answer(hands.process(image), *image.shape[1::-1]) for image in images
    ]
    times = []
    for _ in range(args.rounds):
        start = time.perf_counter()
        for image in images:
            hands.process(image)
        times.append(1000 * (time.perf_counter() - start) / len(images))
    print()
    facts = dict(version=mediapipe.__version__, hands=found, ms=times)
    print(json.dumps(facts))


if __name__ == '__main__':
    main()
