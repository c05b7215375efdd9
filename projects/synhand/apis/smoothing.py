"""Smoothing of keypoints over time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating]


class OneEuroFilter:
    """Smooths slow motion more than fast motion.

    A first-order low-pass filter whose cut-off frequency grows with speed
    (Casiez, Roussel and Vogel: 1 Euro Filter, CHI 2012). Speed is measured
    in units of `scale`, so that a hand of any size in the picture is treated
    alike.

    Args:
        min_cutoff: Cut-off frequency at rest, Hz: lower is smoother.
        beta: Hz by which the cut-off grows for each `scale` a second.
        speed_cutoff: Cut-off frequency of the speed itself, Hz.
    """

    def __init__(
        self,
        min_cutoff: float = 1.5,
        beta: float = 6.0,
        speed_cutoff: float = 2.0,
    ) -> None:
        self.min_cutoff = min_cutoff
        self.beta = beta
        self.speed_cutoff = speed_cutoff
        self._value: FloatArray | None = None
        self._speed: FloatArray | None = None

    def __call__(
        self, value: FloatArray, seconds: float, scale: float
    ) -> FloatArray:
        """The next value, smoothed.

        Args:
            value: (K, D) in any unit.
            seconds: Since the last value; above 0.
            scale: What counts as far, in the unit of `value`.

        Returns:
            (K, D); the first value as it is.
        """
        if self._value is None:
            self._value, self._speed = value.copy(), np.zeros_like(value)
            return value
        speed = (value - self._value) / seconds
        share = _share(self.speed_cutoff, seconds)
        self._speed = self._speed + share * (speed - self._speed)
        fast = np.linalg.norm(self._speed, axis=-1, keepdims=True) / scale
        share = _share(self.min_cutoff + self.beta * fast, seconds)
        self._value = self._value + share * (value - self._value)
        return self._value.copy()


def _share(cutoff: FloatArray | float, seconds: float) -> FloatArray | float:
    """Weight of a new value in a low-pass filter of a cut-off in Hz."""
    step = 2 * np.pi * cutoff * seconds
    return step / (step + 1)
