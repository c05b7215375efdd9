"""Gives the baked hand the proportions of people.

Anny's fingers are a twelfth too long for its palm, the bases of index and
little finger an eighth too close to each other, its little finger is an
eighth too short. B bones, V vertices, P = V + B points; hand frame, mm.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synhand.hands.joints import FINGER_CHAINS, anatomical_pivots
from synhand.skeleton import MEAN_BONE_LENGTHS_MM

# Rows thumb to little finger: metacarpal (with the carpus), three phalanges,
# the last with the flesh beyond it; the thumb has two.
_BONES_MM = np.array(MEAN_BONE_LENGTHS_MM).reshape(5, 4)
# From the wrist's centre of rotation, in the head of the capitate, to the
# finger bases: metacarpals II to V (Buryanov and Kotiuk, see
# `MEAN_BONE_LENGTHS_MM`) and the distal half of the carpus, whose far edge
# lies 20 mm before the centre and 18 mm beside it for the little finger.
_WRIST_TO_BASES_MM = np.array([68.12, 64.60, 58.00, 53.69])
_WRIST_TO_BASES_MM += (20.0, 20.0, 21.0, 24.0)
# Breadth of the hand (T. Greiner, 'Hand anthropometry of U.S. Army
# personnel', 1991: 90 mm of men, 79 mm of women) less 11 mm of bone and
# flesh at either side.
_INDEX_TO_LITTLE_MM = 85.0 - 2 * 11.0
# Stretches the part of the thumb's metacarpal that lies beyond its pivot:
# 67 mm from the wrist to its end, as carpus and metacarpal I ask for.
_THUMB_METACARPAL = 1.15


class Proportions:
    """A linear map of rest hands that gives the mean hand the proportions of
    an average adult's bones.

    It scales the palm about the wrist, the more the nearer to the fingers,
    and the bones of the digits along themselves. Other shapes keep what sets
    them apart from the mean.

    Args:
        mean: (P, 3) vertices and bone heads of the mean hand.
        weights: (V, B) of skinning.
        tips: The vertices at the end of each digit, five index arrays.
    """

    def __init__(
        self, mean: NDArray, weights: NDArray, tips: Sequence[NDArray]
    ) -> None:
        self._weights, self._tips = weights, tips
        self._heads = slice(len(weights), None)
        chains = self._chains(mean)
        steps = np.diff(chains, axis=1)
        lengths = np.linalg.norm(steps, axis=-1)
        self._directions = steps / lengths[..., None]
        bases = chains[1:, 0]
        wanted = _BONES_MM[:, 1:].copy()
        # The mean hand keeps its length.
        size = np.linalg.norm(bases[1]) + lengths[2].sum()
        size /= _WRIST_TO_BASES_MM[1] + wanted[2].sum()
        self._stretch = size * wanted / lengths
        self._stretch[0, 0] = _THUMB_METACARPAL
        across = size * _INDEX_TO_LITTLE_MM / (bases[0, 0] - bases[3, 0])
        beside = np.hypot(across * bases[:, 0], bases[:, 2])
        along = np.sqrt((size * _WRIST_TO_BASES_MM) ** 2 - beside**2)
        self._across, self._along = across, along / bases[:, 1]
        self._bases = bases
        self._scale = self._palm_scale(mean)
        self._base_scale = self._palm_scale(chains[:, 0])

    def __call__(self, points: NDArray) -> NDArray:
        """Points (..., P, 3) of rest hands, or their differences, moved."""
        moved = points * self._scale
        vertices = moved[..., : self._heads.start, :]
        own = points[..., : self._heads.start, :]
        chains = self._chains(points)
        for f, bones in enumerate(FINGER_CHAINS):
            old = chains[..., f, :, :]
            new = old[..., 0, :] * self._base_scale[f]
            for j, bone in enumerate(bones):
                start = old[..., j, :]
                share = self._weights[:, bone, None]
                stretched = self._stretched(own - start[..., None, :], f, j)
                target = new[..., None, :] + stretched
                vertices += share * (target - own * self._scale[: len(share)])
                moved[..., self._heads.start + bone, :] = new
                new = new + self._stretched(old[..., j + 1, :] - start, f, j)
        self._put_bases_back(moved, points, chains)
        return moved

    def _put_bases_back(
        self, moved: NDArray, points: NDArray, chains: NDArray
    ) -> None:
        """Anny's own first heads, from the pivots in their place."""
        for f, bones in enumerate(FINGER_CHAINS):
            at = self._heads.start + bones[0]
            beyond = points[..., at, :] - chains[..., f, 0, :]
            moved[..., at, :] += self._stretched(beyond, f, 0)

    def _stretched(self, steps: NDArray, finger: int, bone: int) -> NDArray:
        """Steps (..., 3) from a bone's start, longer along that bone."""
        direction = self._directions[finger, bone]
        more = self._stretch[finger, bone] - 1
        return steps + more * (steps @ direction)[..., None] * direction

    def _chains(self, points: NDArray) -> NDArray:
        """Pivots and tip (..., 5, 4, 3) of each digit."""
        heads = points[..., self._heads, :]
        pivots = anatomical_pivots(heads)
        tips = [points[..., tip, :].mean(-2) for tip in self._tips]
        joints = pivots[..., FINGER_CHAINS, :]
        return np.concatenate(
            [joints, np.stack(tips, -2)[..., None, :]], axis=-2
        )

    def _palm_scale(self, points: NDArray) -> NDArray:
        """Factors (N, 3) of points (N, 3) of the mean hand.

        The flesh beyond the outer bases moves with them.
        """
        bases = self._bases[::-1]
        x, y, _ = points.T
        reached = np.clip(y / bases[:, 1].min(), 0, 1)
        inside = np.clip(x, bases[0, 0], bases[-1, 0])
        share = np.divide(inside, x, out=np.ones_like(x), where=x != 0)
        along = np.interp(x, bases[:, 0], self._along[::-1])
        scale = np.ones_like(points)
        scale[:, 0] += (self._across - 1) * reached * share
        scale[:, 1] += (along - 1) * reached
        return scale
