"""What hands look like, as a Gaussian; the likeliest one near a reading.

Mean and principal components of the keypoints of posed synthetic hands after
alignment, as the linear models of T. F. Cootes et al. (Active Shape Models,
CVIU 1995) have them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synhand.files import written_whole
from synhand.geometry.alignment import (
    generalized_procrustes_mean,
    procrustes_align,
)
from synhand.geometry.components import principal_components
from synhand.skeleton import NUM_KEYPOINTS

FloatArray = npt.NDArray[np.float64]

KEYPOINT_PRIOR_FILE = Path(__file__).parent / 'data' / 'keypoint_prior.npz'
NOISE = (0.015, 0.015, 0.03)
"""Of x, y and z of a reading at `USUAL_SCORE`, in sizes of the hand.

A reader of windows errs by about twice as much on held-out synthetic hands;
with that, hands yield so much that photos' poses, other than the synthetic
ones, come out worse.
"""
USUAL_SCORE = 0.45
_SCORES = (0.05, 1.0)
_ROUNDS = 3


@dataclass(frozen=True, eq=False)
class KeypointPrior:
    """A Gaussian over right hands, place, direction and size apart.

    Attributes:
        mean: (K, 3), centred, of hands fitted to one of size 1 (the root of
            its summed squares), which makes them smaller.
        modes: (C, K, 3), orthogonal, each as long as the deviation along
            it.
    """

    mean: FloatArray
    modes: FloatArray

    @classmethod
    def fit(cls, hands: npt.ArrayLike, components: int = 40) -> KeypointPrior:
        """Of right hands (N, K, 3), any unit and frame.

        Raises:
            ValueError: There are not more hands than components.
        """
        hands = np.asarray(hands, np.float64)
        mean = generalized_procrustes_mean(hands)
        mean = mean / np.linalg.norm(mean)
        aligned = procrustes_align(hands, np.broadcast_to(mean, hands.shape))
        flat = aligned.reshape(len(hands), -1)
        middle, modes = principal_components(flat, components)
        shape = mean.shape
        return cls(middle.reshape(shape), modes.reshape(-1, *shape))

    @classmethod
    def load(cls, path: Path = KEYPOINT_PRIOR_FILE) -> KeypointPrior:
        with np.load(path) as file:
            mean, modes = (file[name] for name in ('mean', 'modes'))
        return cls(mean.astype(np.float64), modes.astype(np.float64))

    def save(self, path: Path) -> None:
        with written_whole(path) as part, part.open('wb') as file:
            np.savez_compressed(
                file,
                mean=np.float32(self.mean),
                modes=np.float32(self.modes),
            )

    def likeliest(
        self, keypoints_cam: npt.ArrayLike, scores: npt.ArrayLike
    ) -> FloatArray:
        """The likeliest right hands, given what was read.

        In turns: the similarity that brings the hand nearest to the reading
        (all keypoints alike), then the numbers b of the modes that minimise
        |b|^2 plus the squared differences in units of `NOISE`, which is in
        inverse proportion to the score.

        Args:
            keypoints_cam: (N, K, 3), camera frame (z forward), any unit.
            scores: (N, K), 0 to 1.

        Returns:
            (N, K, 3) in frame and unit of `keypoints_cam`. A hand with NaN
            stays.
        """
        given = np.asarray(keypoints_cam, np.float64)
        moved = given.copy()
        whole = np.isfinite(given).all((1, 2))
        sure = np.clip(np.asarray(scores, np.float64)[whole], *_SCORES)
        moved[whole] = self._likeliest(given[whole], sure / USUAL_SCORE)
        return moved

    def _likeliest(self, seen: FloatArray, sure: FloatArray) -> FloatArray:
        count, size = len(seen), _size(seen)
        weights = sure[..., None] / (size[:, None, None] * NOISE)
        shape = np.broadcast_to(self.mean, seen.shape)
        found = seen
        for _ in range(_ROUNDS):
            mean, modes = self._placed(shape, seen)
            slope = (modes * weights[:, None]).reshape(*modes.shape[:2], -1)
            missing = ((seen - mean) * weights).reshape(count, -1, 1)
            normal = slope @ slope.swapaxes(1, 2) + np.eye(slope.shape[1])
            numbers = np.linalg.solve(normal, slope @ missing)[..., 0]
            shape = self.mean + np.tensordot(numbers, self.modes, 1)
            found = mean + np.einsum('nc,nckd->nkd', numbers, modes)
        return found

    def _placed(
        self, shape: FloatArray, seen: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Mean (N, K, 3) and modes (N, C, K, 3) where shapes fit `seen`."""
        own = np.concatenate([self.mean[None], self.mean + self.modes])
        points = np.broadcast_to(
            own.reshape(-1, 3), (len(seen), own.size // 3, 3)
        )
        placed = procrustes_align(shape, seen, points=points)
        placed = placed.reshape(len(seen), -1, NUM_KEYPOINTS, 3)
        return placed[:, 0], placed[:, 1:] - placed[:, :1]


def _size(points: FloatArray) -> FloatArray:
    """(N,), the root of the summed squares about the centroid."""
    centred = points - points.mean(1, keepdims=True)
    return np.asarray(np.linalg.norm(centred, axis=(1, 2)))


@cache
def default_keypoint_prior() -> KeypointPrior:
    """That of the released models, of this process."""
    return KeypointPrior.load()
