"""Published lengths of hands, to compare a set's hands with."""

from __future__ import annotations

from synhand.skeleton import BONES, MEAN_BONE_LENGTHS_MM

# Standard deviations in mm of thumb, then index to little finger, base to
# tip. No bone runs from the wrist to another keypoint.
_DEVIATIONS = (
    *(None, 3.94, 3.13, 1.60),
    *(None, 4.94, 2.51, 2.26),
    *(None, 3.81, 3.00, 1.85),
    *(None, 3.87, 3.29, 2.22),
    *(None, 2.77, 2.54, 2.45),
)

PUBLISHED_BONES_MM: dict[tuple[int, int], tuple[float, float]] = {
    bone: (mean, deviation)
    for bone, mean, deviation in zip(
        BONES, MEAN_BONE_LENGTHS_MM, _DEVIATIONS, strict=True
    )
    if deviation is not None
}
"""(parent, child) keypoints: mean and standard deviation in mm of adults; the
last bones with the flesh beyond them. A. Buryanov, V. Kotiuk, 'Proportions of
hand segments', Int. J. Morphol. 28(3), 2010."""

HAND_LENGTHS_MM = {'men': (194.0, 10.0), 'women': (180.0, 10.0)}
"""Mean and standard deviation in mm from the wrist's crease to the middle
tip. T. Greiner, 'Hand anthropometry of U.S. Army personnel', 1991."""
