"""Overlap of boxes against counted pixels."""

import numpy as np

from synhand.geometry.boxes import overlap, without_overlaps


def test_overlap_equals_counted_cells():
    rng = np.random.default_rng(0)
    corners = np.sort(rng.integers(0, 20, (2, 200, 2, 2)), axis=2)
    first, second = corners.reshape(2, 200, 4)
    y, x = np.mgrid[:20, :20]

    def cells(box):
        inside = (x >= box[0]) & (x < box[2]) & (y >= box[1]) & (y < box[3])
        return inside

    for a, b, found in zip(first, second, overlap(first, second), strict=True):
        union = (cells(a) | cells(b)).sum()
        expected = (cells(a) & cells(b)).sum() / union if union else 0
        np.testing.assert_allclose(found, expected)


def test_many_against_many():
    boxes = np.array([[0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6]])
    table = overlap(boxes[:, None], boxes)
    np.testing.assert_allclose(
        table, [[1, 1 / 3, 0], [1 / 3, 1, 0], [0, 0, 1]]
    )


def test_of_boxes_on_each_other_the_first_is_kept():
    boxes = [[0, 0, 10, 10], [0, 0, 10, 8], [8, 0, 18, 10], [0, 0, 10, 9]]
    assert without_overlaps(boxes, 0.5) == [0, 2]
    assert without_overlaps(boxes, 0.85) == [0, 1, 2]
    assert without_overlaps([], 0.5) == []
