"""MediaPipe's palm detector on pictures; runs in an environment of its own.

Prints one JSON line: `version`; `pictures`, for each the `palms` it finds
(`centre` and `side` px, `turn` in radians of the square that its landmark
network is shown, `score`) and `hands`, boxes (x1, y1, x2, y2 px) around the
landmarks found there; `ms` for each picture, palms and landmarks together.

MediaPipe: F. Zhang et al., MediaPipe Hands: on-device real-time hand
tracking, 2020.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

_GRAPH = 'mediapipe/modules/hand_landmark/hand_landmark_tracking_cpu.binarypb'

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument('folder', type=Path, help='pictures.json and its images')
parser.add_argument('--max-hands', type=int, default=8)
parser.add_argument('--min-score', type=float, default=0.5)


def open_graph(max_hands: int, min_score: float) -> object:
    """The graph of MediaPipe Hands that also tells what palms it found."""
    from mediapipe.python.solution_base import SolutionBase

    detector = 'palmdetectioncpu__TensorsToDetectionsCalculator'
    return SolutionBase(
        binary_graph_path=_GRAPH,
        side_inputs=dict(
            model_complexity=1, num_hands=max_hands, use_prev_landmarks=False
        ),
        calculator_params={f'{detector}.min_score_thresh': min_score},
        outputs=[
            'palm_detections',
            'hand_rects_from_palm_detections',
            'multi_hand_landmarks',
        ],
    )


def answer(found: object, width: int, height: int) -> dict:
    """What the graph found as plain numbers."""
    palms = [
        dict(
            centre=[r.x_center * width - 0.5, r.y_center * height - 0.5],
            side=max(r.width * width, r.height * height),
            turn=r.rotation,
            score=palm.score[0],
        )
        for palm, r in zip(
            found.palm_detections or [],
            found.hand_rects_from_palm_detections or [],
            strict=True,
        )
    ]
    hands = []
    for hand in found.multi_hand_landmarks or []:
        x = [p.x * width - 0.5 for p in hand.landmark]
        y = [p.y * height - 0.5 for p in hand.landmark]
        hands.append([min(x), min(y), max(x), max(y)])
    return dict(palms=palms, hands=hands)


def main() -> None:
    args = parser.parse_args()
    import cv2
    import mediapipe

    names = json.loads((args.folder / 'pictures.json').read_text())
    graph = open_graph(args.max_hands, args.min_score)
    pictures, times = [], []
    for name in names:
        image = cv2.cvtColor(
            cv2.imread(str(args.folder / name)), cv2.COLOR_BGR2RGB
        )
        start = time.perf_counter()
        found = graph.process(input_data=dict(image=image))
        times.append(1000 * (time.perf_counter() - start))
        pictures.append(answer(found, *image.shape[1::-1]))
    print()
    facts = dict(version=mediapipe.__version__, pictures=pictures, ms=times)
    print(json.dumps(facts))


if __name__ == '__main__':
    main()
