"""Found boxes against true ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synhand.geometry.boxes import overlap


@dataclass(frozen=True)
class Matches:
    """What became of the boxes of one picture.

    Attributes:
        true: (N,) for each true box the found box (its number), -1 if none.
        false: (M,) whether a found box is on no true one.
    """

    true: npt.NDArray[np.int64]
    false: npt.NDArray[np.bool_]


def match_boxes(
    true: npt.ArrayLike,
    found: npt.ArrayLike,
    ignored: npt.ArrayLike = (),
    threshold: float = 0.5,
) -> Matches:
    """Give each true box the best found one, surest first, as COCO does.

    Args:
        true: (N, 4) x1, y1, x2, y2 px.
        found: (M, 4) px, the surest first.
        ignored: (I, 4) px; found boxes on these are neither right nor wrong.
        threshold: Least intersection over union.
    """
    true = np.reshape(np.asarray(true, float), (-1, 4))
    found = np.reshape(np.asarray(found, float), (-1, 4))
    ignored = np.reshape(np.asarray(ignored, float), (-1, 4))
    shared = overlap(found[:, None], true[None])
    matched = np.full(len(true), -1)
    false = np.ones(len(found), bool)
    for number in range(len(found)):
        row = np.where(matched < 0, shared[number], -1)
        if len(row) and row.max() >= threshold:
            matched[row.argmax()] = number
            false[number] = False
    on_ignored = overlap(found[:, None], ignored[None]) >= threshold
    return Matches(matched, false & ~on_ignored.any(1))


def average_precision(
    scores: npt.ArrayLike, right: npt.ArrayLike, total: int
) -> float:
    """Area under precision over recall, all points (PASCAL VOC 2010).

    Args:
        scores: (M,) of found boxes of all pictures.
        right: (M,) whether each is on a true one.
        total: True boxes.
    """
    if total == 0:
        return float('nan')
    order = np.argsort(-np.asarray(scores, float), kind='stable')
    hits = np.asarray(right, bool)[order]
    precision = np.cumsum(hits) / (1 + np.arange(len(hits)))
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float(best[hits].sum() / total)
