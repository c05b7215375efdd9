"""What models answer to crops, and how long they take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from _photos import Crop, PhotoSet, cut, write_crops

from synhand.apis import HandPredictor
from synhand.evaluation.breakdown import hand_scores, rows_of

_DRIVERS = Path(__file__).resolve().parent / 'estimators'
_BATCH = 64


@dataclass(frozen=True, eq=False)
class Answer:
    """One hand as a model sees it.

    Attributes:
        keypoints: (21, 2) px of the crop.
        points: (21, 3) mm, axes of the camera.
        absolute: `points` are in the camera's frame, not only turned as it.
    """

    keypoints: npt.NDArray[np.float64]
    points: npt.NDArray[np.float64]
    absolute: bool = False


Answers = list[Answer | None]
"""One for each crop; None where a model finds no hand."""


@dataclass(frozen=True)
class Model:
    """A model that can be asked.

    Attributes:
        name: In tables.
        answer: Crops to answers.
        command: That times it: program, script and arguments, without the
            folder of crops; it prints a JSON line with `ms`.
    """

    name: str
    answer: Callable[[Sequence[Crop]], Answers]
    command: tuple[str, ...]


def own_model(text: str) -> Model:
    """`NAME` of a released model, or `NAME=CONFIG,CHECKPOINT`.

    Raises:
        FileNotFoundError, ValueError: There is no such model.
    """
    name, choice = named_model(text)
    predictor = HandPredictor(**choice, device='cpu', batch_size=32)
    flags = [f'--{key}={value}' for key, value in choice.items()]
    command = (sys.executable, str(_DRIVERS / 'with_synhand.py'), *flags)
    return Model(name, lambda crops: answers_of(predictor, crops), command)


def named_model(text: str) -> tuple[str, dict[str, str]]:
    """A model's name in tables, and what `HandPredictor` needs of it.

    Raises:
        ValueError: It is neither NAME nor NAME=CONFIG,CHECKPOINT.
    """
    name, _, files = text.partition('=')
    config, _, checkpoint = files.partition(',')
    if files and not checkpoint:
        raise ValueError(f'{text}: expected NAME or NAME=CONFIG,CHECKPOINT')
    if files:
        return name, dict(config=config, checkpoint=checkpoint)
    return name, dict(model=name)


def answers_of(predictor: HandPredictor, crops: Sequence[Crop]) -> Answers:
    """What a predictor says to crops of one set."""
    predictor.joint_family = crops[0].joint_family
    found = predictor.predict(
        [crop.image for crop in crops],
        [crop.box if crop.box_known else None for crop in crops],
        [crop.hand for crop in crops],
        [crop.camera for crop in crops],
    )
    return [
        Answer(
            hand.keypoints_2d[:, :2].astype(float),
            hand.keypoints_3d_mm.astype(float)
            if hand.keypoints_cam_mm is None
            else hand.keypoints_cam_mm.astype(float),
            hand.keypoints_cam_mm is not None,
        )
        for hand in found
    ]


def mediapipe_model(python: str) -> Model:
    """MediaPipe Hands in the environment of `python`."""
    command = (str(python), str(_DRIVERS / 'with_mediapipe.py'))

    def answer(crops: Sequence[Crop]) -> Answers:
        with tempfile.TemporaryDirectory() as folder:
            write_crops(Path(folder), crops)
            hands = run([*command, folder])['hands']
        return [
            hand
            and Answer(np.array(hand['keypoints']), np.array(hand['points']))
            for hand in hands
        ]

    return Model('MediaPipe Hands', answer, command)


def run(command: Sequence[str]) -> dict:
    """The facts in the last line that a command prints.

    Raises:
        RuntimeError: It failed; its last line.
    """
    environment = {**os.environ, 'GLOG_minloglevel': '2'}
    done = subprocess.run(
        list(command),
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    lines = (done.stdout if not done.returncode else done.stderr).strip()
    if done.returncode or not lines:
        last = lines.splitlines()[-1] if lines else f'{done.returncode}'
        raise RuntimeError(f'{command[1]}: failed: {last}')
    return json.loads(lines.splitlines()[-1])


def samples_of(model: Model, photos: PhotoSet) -> Iterator[dict]:
    """Data samples with the model's predictions, as the metrics take them.

    A hand that the model does not find has no `pred_instances`. What cannot
    be in the camera's frame has the place of its wrist unknown:
    `absolute` is False.
    """
    for start in range(0, len(photos.samples), _BATCH):
        part = photos.samples[start : start + _BATCH]
        crops = [cut(photos, sample) for sample in part]
        found = model.answer(crops)
        for sample, crop, answer in zip(part, crops, found, strict=True):
            yield data_sample(sample, crop, answer)


def score_head(title: str, columns: Sequence[str]) -> str:
    """The first two lines of a table of scores."""
    rule = '|---' * (1 + len(columns))
    return f'| {title} | {" | ".join(columns)} |\n{rule}|'


def score_line(
    title: str, model: Model, photos: PhotoSet, columns: Sequence[str]
) -> str:
    """A model's scores on a set; empty where the labels do not allow one."""
    scores = hand_scores(rows_of(list(samples_of(model, photos))))
    cells = [f'{scores[c].mean():.4g}' if c in scores else '' for c in columns]
    return f'| {title} | {" | ".join(cells)} |'


def data_sample(sample: dict, crop: Crop, answer: Answer | None) -> dict:
    """A sample of a set with an answer beside its labels."""
    truth = {key: sample[key] for key in _TRUTH}
    truth['bboxes'] = sample['bbox']
    found = {}
    if answer is not None:
        found['keypoints'] = (answer.keypoints + crop.corner)[None]
        found['keypoints_cam'] = answer.points[None]
    return dict(
        gt_instances=truth,
        pred_instances=found,
        img_path=sample['img_path'],
        group=sample.get('group', ''),
        absolute=bool(answer and answer.absolute),
    )


_TRUTH = (
    'keypoints',
    'keypoints_visible',
    'keypoints_cam',
    'keypoints_cam_valid',
    'hand_side',
)


def times(
    model: Model, crops: Sequence[Crop], cores: int, rounds: int
) -> list[float]:
    """Mean time of a crop in ms, on so many cores, in each of the rounds.

    One crop at a time, from decoded pixels to keypoints, in a process that
    may use no other core.
    """
    with tempfile.TemporaryDirectory() as folder:
        write_crops(Path(folder), crops)
        flags = [folder, f'--cores={cores}', f'--rounds={rounds}']
        return run([*model.command[:2], *flags, *model.command[2:]])['ms']
