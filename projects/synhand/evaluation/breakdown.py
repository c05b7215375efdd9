"""Scores of one model on one set, and where its errors are.

N instances, K = 21 keypoints. A miss, a hand without a finite prediction,
counts as wrong in a share of correct keypoints. Means of errors are given
twice: over the hands that were found, and with a `+` over all, where a missed
hand has the error of a constant pose, which is what anybody can answer
without looking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from synhand.evaluation import functional
from synhand.evaluation.metrics.base import Row, stack
from synhand.evaluation.metrics.keypoints_2d import (
    floor_scores_2d,
    row_2d,
    scores_2d,
)
from synhand.evaluation.metrics.keypoints_3d import (
    errors_3d,
    floor_scores,
    row_3d,
    scores_3d,
    usable_hands,
)
from synhand.evaluation.scores import Score
from synhand.skeleton import FINGERS, PARENTS, ROOT

FloatArray = npt.NDArray[np.float64]

OF_2D = ('PCK@0.05', 'PCK@0.1', 'PCK@0.2', 'NME')
OF_3D = ('PA-MPJPE', 'MPJPE', 'camera-MPJPE')

PARTS: dict[str, tuple[int, ...]] = {
    'wrist': (ROOT,),
    **FINGERS,
    'bases': tuple(chain[0] for chain in FINGERS.values()),
    'second joints': tuple(chain[1] for chain in FINGERS.values()),
    'third joints': tuple(chain[2] for chain in FINGERS.values()),
    'tips': tuple(chain[3] for chain in FINGERS.values()),
}
"""Groups of keypoints: by finger, and by the place along it."""

CURLS = {'open': 60.0, 'half bent': 150.0, 'fist': np.inf}
"""Kinds of hands by the largest `bend_degrees`."""


def rows_of(samples: Sequence[Mapping[str, Any]]) -> tuple[Row, Row]:
    """Rows of `row_2d` and of `row_3d` of data samples (N hands each)."""
    return (
        stack([row_2d(sample) for sample in samples]),
        stack([row_3d(sample) for sample in samples]),
    )


def hand_scores(rows: tuple[Row, Row]) -> dict[str, Score]:
    """All scores that a set's labels allow, misses counted both ways.

    Args:
        rows: Of `rows_of`.

    Returns:
        Some of `OF_2D` (of the box's longer side) and `OF_3D` (mm), and
        `NME+`, `PA-MPJPE+`. 3D scores are over the hands with 3D labels.
    """
    flat, space = rows
    scores: dict[str, Score] = {}
    if flat['labelled'].any():
        found = scores_2d(flat)
        scores.update({name: found[name] for name in OF_2D})
        constant = floor_scores_2d(flat).get('constant')
        if constant is not None:
            instead = constant['NME']
            scores['NME+'] = filled(
                found['NME'].values, instead.values, instead.weights
            )
    usable = usable_hands(space)
    if usable.any():
        hands = {key: value[usable] for key, value in space.items()}
        found = scores_3d(hands)
        scores.update({name: found[name] for name in OF_3D})
        scores['PA-MPJPE+'] = _pa_filled(hands)
    return scores


def filled(
    errors: npt.ArrayLike, instead: npt.ArrayLike, weights: npt.ArrayLike
) -> Score:
    """Errors (N, K), where they are not finite those of something else."""
    errors = np.asarray(errors, np.float64)
    return Score(np.where(np.isfinite(errors), errors, instead), weights)


def _pa_filled(hands: Row) -> Score:
    """PA errors, where missed those of the constant shape."""
    errors, valid = errors_3d(hands)['PA']
    complete = hands['valid'].all(axis=1)
    instead = np.full(errors.shape, np.nan)
    if complete.any():
        instead[complete] = functional.constant_shape_errors(
            hands['true'][complete], hands['side'][complete]
        )
    known = np.isfinite(errors) | np.isfinite(instead)
    return filled(errors, instead, valid & known)


def floors(rows: tuple[Row, Row]) -> dict[str, dict[str, Score]]:
    """Scores of `constant` and of `true-2D-flat` on the same images."""
    flat, space = rows
    found: dict[str, dict[str, Score]] = {}
    if flat['labelled'].any():
        found.update(floor_scores_2d(flat))
    usable = usable_hands(space)
    hands = {key: value[usable] for key, value in space.items()}
    for name, scores in (floor_scores(hands) if usable.any() else {}).items():
        found.setdefault(name, {}).update(scores)
    return found


def misses(rows: tuple[Row, Row]) -> int:
    """Hands with a labelled keypoint but no finite prediction of it."""
    flat, _ = rows
    found = np.isfinite(flat['predicted']).all(axis=-1)
    return int((flat['labelled'] & ~found).any(axis=1).sum())


def offsets_in_hand(flat: Row) -> FloatArray:
    """Which way 2D predictions lie from the labels, as the hand sees it.

    What is the same in many hands is no noise: keypoints are defined, or
    hands look, otherwise than where the model learnt them.

    Args:
        flat: Rows of `row_2d`.

    Returns:
        (N, K, 2) of the box's longer side: along the hand, from the wrist to
        the mean of the four finger bases, and across it, to the index's side;
        NaN where a hand has not these labels, or no box.
    """
    labelled = flat['labelled'] & (flat['box'] > 0)[:, None]
    true = np.where(labelled[..., None], flat['true'], np.nan)
    bases = true[:, [chain[0] for chain in FINGERS.values()][1:]]
    along = bases.mean(axis=1) - true[:, ROOT]
    with np.errstate(invalid='ignore'):
        along = along / np.linalg.norm(along, axis=-1, keepdims=True)
    across = np.stack([-along[:, 1], along[:, 0]], axis=-1)
    side = ((bases[:, 0] - bases[:, -1]) * across).sum(-1, keepdims=True)
    axes = np.stack([along, across * np.sign(side)], axis=-1)
    unit = np.where(flat['box'] > 0, flat['box'], 1)[:, None, None]
    return np.asarray((flat['predicted'] - true) @ axes / unit)


def offsets_along_digits(flat: Row) -> FloatArray:
    """How far labels lie outwards from 2D predictions, along the digits.

    Args:
        flat: Rows of `row_2d`.

    Returns:
        (N, 5, 2) of the box's longer side, thumb to little finger: of its
        base, along the bone that follows, and of its tip, along the last
        bone, as predicted. NaN where a label is unknown, misread by a tenth
        of the box or more, or the bone is seen shorter than a twentieth.
    """
    predicted = np.asarray(flat['predicted'], np.float64)
    chains = np.array(list(FINGERS.values()))
    ends = chains[:, [0, 3]]
    bones = predicted[:, chains[:, [1, 3]]] - predicted[:, chains[:, [0, 2]]]
    box = np.where(flat['box'] > 0, flat['box'], np.nan)[:, None, None]
    with np.errstate(invalid='ignore', divide='ignore'):
        length = np.linalg.norm(bones, axis=-1)
        away = (flat['true'][:, ends] - predicted[:, ends]) / box[..., None]
        out = (away * bones).sum(-1) / length
        clear = (np.linalg.norm(away, axis=-1) < 0.1) & (length > 0.05 * box)
    return np.where(clear & flat['labelled'][:, ends], out, np.nan)


def of_part(score: Score, keypoints: Sequence[int]) -> Score:
    """The score of some keypoints alone."""
    columns = list(keypoints)
    return Score(
        np.asarray(score.values)[:, columns],
        np.asarray(score.weights)[:, columns],
        score.per_keypoint,
    )


def of_hands(score: Score, chosen: npt.ArrayLike) -> Score:
    """The score of some hands alone; `chosen` (N,) flags or numbers."""
    return Score(
        np.asarray(score.values)[chosen],
        np.asarray(score.weights)[chosen],
        score.per_keypoint,
    )


def bend_degrees(points: npt.ArrayLike) -> FloatArray:
    """How bent the four fingers are, (N,): mean sum of bends of a finger.

    A finger's bends are the angles between consecutive bones, from the
    metacarpal to the last phalanx; 0 is a flat hand, about 250 a fist.

    Args:
        points: (N, K, 3), any unit and frame.
    """
    points = np.asarray(points, np.float64)
    bones = points - points[:, [max(parent, 0) for parent in PARENTS]]
    length = np.linalg.norm(bones, axis=-1, keepdims=True)
    bones = bones / np.where(length > 0, length, 1)
    total = np.zeros(len(points))
    for finger in ('index', 'middle', 'ring', 'little'):
        chain = bones[:, list(FINGERS[finger])]
        cosines = (chain[:, 1:] * chain[:, :-1]).sum(axis=-1)
        total += np.degrees(np.arccos(np.clip(cosines, -1, 1))).sum(axis=1)
    return np.asarray(total / 4)


def curls(points: npt.ArrayLike) -> npt.NDArray[np.str_]:
    """Names (N,) in `CURLS` of hands (N, K, 3)."""
    names = np.array(list(CURLS))
    limits = list(CURLS.values())
    return names[np.searchsorted(limits, bend_degrees(points))]


def views(points: npt.ArrayLike, palm: npt.ArrayLike) -> npt.NDArray[np.str_]:
    """From where hands are seen, (N,): `palm`, `back` or `side`.

    Palm and back: the palm's normal is within 60 degrees of the line of
    sight.

    Args:
        points: (N, K, 3) in the camera's frame (x right, y down, z forward).
        palm: (N, 3) unit vectors out of the palm, same frame.
    """
    middle = np.asarray(points, np.float64).mean(axis=1)
    sight = middle / np.linalg.norm(middle, axis=-1, keepdims=True)
    facing = -(np.asarray(palm) * sight).sum(axis=-1)
    return np.where(
        facing > 0.5, 'palm', np.where(facing < -0.5, 'back', 'side')
    )
