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
# flesh at either side (12 give palms narrower than real labels have).
_INDEX_TO_LITTLE_MM = 85.0 - 2 * 11.0
# Stretches the part of the thumb's metacarpal that lies beyond its pivot, for
# an end as far from the wrist as InterHand2.6M's labels have it.
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
        chains = self._chains(mean)
        self._bases = chains[1:, 0]
        steps = np.diff(chains, axis=1)
        lengths = np.linalg.norm(steps, axis=-1)
        self._directions = steps / lengths[..., None]
        phalanges = _BONES_MM[:, 1:]
        # The mean hand keeps its length.
        size = np.linalg.norm(self._bases[1]) + lengths[2].sum()
        size /= _WRIST_TO_BASES_MM[1] + phalanges[2].sum()
        self._stretch = size * phalanges / lengths
        self._stretch[0, 0] = _THUMB_METACARPAL
        self._across, self._along = self._palm_factors(size)
        self._palm = self._palm_scale(mean)
        self._pivots = self._palm_scale(chains[:, 0])

    def __call__(self, points: NDArray) -> NDArray:
        """Points (..., P, 3) of rest hands, or their differences, moved."""
        count = len(self._weights)
        chains = self._chains(points)
        targets = self._moved_chains(chains)
        moved = points * self._palm
        in_palm = moved[..., :count, :].copy()
        for f, bones in enumerate(FINGER_CHAINS):
            for j, bone in enumerate(bones):
                steps = points - chains[..., f, j, None, :]
                along = targets[..., f, j, None, :]
                along = along + self._stretched(steps, f, j)
                share = self._weights[:, bone, None]
                moved[..., :count, :] += share * (
                    along[..., :count, :] - in_palm
                )
                moved[..., count + bone, :] = along[..., count + bone, :]
        return moved

    def _moved_chains(self, chains: NDArray) -> NDArray:
        """Where pivots and tips (..., 5, 4, 3) go."""
        moved = chains.copy()
        moved[..., 0, :] *= self._pivots
        for f in range(5):
            for j in range(3):
                step = chains[..., f, j + 1, :] - chains[..., f, j, :]
                step = self._stretched(step, f, j)
                moved[..., f, j + 1, :] = moved[..., f, j, :] + step
        return moved

    def _stretched(self, steps: NDArray, finger: int, bone: int) -> NDArray:
        """Steps (..., 3) from a bone's start, longer along that bone."""
        direction = self._directions[finger, bone]
        more = self._stretch[finger, bone] - 1
        return steps + more * (steps @ direction)[..., None] * direction

    def _chains(self, points: NDArray) -> NDArray:
        """Pivots and tip (..., 5, 4, 3) of each digit."""
        pivots = anatomical_pivots(points[..., len(self._weights) :, :])
        tips = [points[..., tip, :].mean(-2) for tip in self._tips]
        return np.concatenate(
            [pivots[..., FINGER_CHAINS, :], np.stack(tips, -2)[..., None, :]],
            axis=-2,
        )

    def _palm_factors(self, size: float) -> tuple[float, NDArray]:
        """How much wider the palm gets and how much longer (4,) at each base,
        of a hand that is ``size`` times as large as the published one."""
        x, y, z = self._bases.T
        across = size * _INDEX_TO_LITTLE_MM / (x[0] - x[3])
        beside = np.hypot(across * x, z)
        along = np.sqrt((size * _WRIST_TO_BASES_MM) ** 2 - beside**2)
        return across, along / y

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
