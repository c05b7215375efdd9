"""Times a model of this project on prepared crops, one crop at a time.

Prints one JSON line: `ms`, the mean time of a crop in each timed round, from
decoded pixels to keypoints.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument('folder', type=Path, help='crops.json and its images')
parser.add_argument('--model', help='name of a released model')
parser.add_argument('--config', help='with --checkpoint, instead of --model')
parser.add_argument('--checkpoint')
parser.add_argument('--rounds', type=int, default=1, help='timed rounds')
parser.add_argument('--cores', type=int, help='processor cores to use')


def main(argv: list[str] | None = None) -> None:
    args = parser.parse_args(argv)
    if args.cores:  # before libraries count the cores and start threads
        cores = sorted(os.sched_getaffinity(0))[: args.cores]
        os.sched_setaffinity(0, cores)
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from _stock import make_importable

    make_importable()
    import torch

    from synhand.apis import HandPredictor, read_image

    if args.cores:
        torch.set_num_threads(len(cores))
    predictor = HandPredictor(
        args.model, args.config, args.checkpoint, device='cpu'
    )
    entries = json.loads((args.folder / 'crops.json').read_text())
    images = [read_image(args.folder / e['file']) for e in entries]
    times = []
    for number in range(args.rounds + 1):  # the first one warms up
        start = time.perf_counter()
        for image, entry in zip(images, entries, strict=True):
            predictor.predict(image, entry['box'], entry['hand'], entry['K'])
        if number:
            seconds = time.perf_counter() - start
            times.append(1000 * seconds / len(images))
    print(json.dumps(dict(ms=times)))


if __name__ == '__main__':
    main()
