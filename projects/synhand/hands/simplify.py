"""Leaves out vertices of the baked hand that a drawn hand does not need.

Most of the baked mesh's triangles are a few pixels in size when drawn, where
a rasteriser's work goes by the triangle. ``python -m synhand.hands.simplify``
writes which vertices are left, and the faces between them, of the hand as Anny
has it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from synhand.hands.anny_hand import SIMPLE_FILE, AnnyHand
from synhand.hands.collapse import collapse_edges

KEPT_VERTICES = 960
_SHAPE_COST = 1.2e-2
_LEAST_COSINE = 0.5


def write(hand: AnnyHand, path: Path = SIMPLE_FILE) -> None:
    """Simplify the mean shape and save which vertices and faces are left."""
    rest = hand.rest(np.zeros(hand.num_components))
    keep, faces = collapse_edges(
        rest.vertices,
        hand.faces,
        KEPT_VERTICES,
        hand.fixed_vertices(),
        _SHAPE_COST,
        _LEAST_COSINE,
    )
    np.savez_compressed(
        path, keep=keep.astype(np.int16), faces=faces.astype(np.int16)
    )
    print(f'{path}: {len(keep)} vertices, {len(faces)} faces')


if __name__ == '__main__':
    write(AnnyHand(proportioned=False))
