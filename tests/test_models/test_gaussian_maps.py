"""Targets on the device, and their peaks."""

import numpy as np
import pytest
import torch

from synhand.models.gaussian_maps import (
    gaussian_lines,
    gaussian_maps,
    line_peaks,
    map_peaks,
)


def test_maps_against_a_slow_loop():
    position = torch.rand(2, 3, 2, dtype=torch.float64)
    maps = gaussian_maps(position, (7, 9), 1.5)
    for b, k, row, column in np.ndindex(2, 3, 7, 9):
        u, v = position[b, k] * torch.tensor([8, 6])
        squared = (column - u) ** 2 + (row - v) ** 2
        expected = torch.exp(-squared / 2 / 1.5**2)
        torch.testing.assert_close(maps[b, k, row, column], expected)


@pytest.mark.parametrize('sigma', [1.0, 2.0])
def test_decoding_undoes_encoding(sigma):
    """Exact between cells and at the edges, whatever the map's shape."""
    position = torch.rand(4, 200, 2, dtype=torch.float64)
    position[0, :2] = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    found, height = map_peaks(gaussian_maps(position, (24, 32), sigma))
    torch.testing.assert_close(found, position, atol=1e-6, rtol=0)
    assert (height > 0.7).all()


def test_bins_are_decoded_finer_than_a_bin():
    position = torch.rand(3, 50, dtype=torch.float64)
    lines = gaussian_lines(position, 128, 5.66)
    found = line_peaks(lines, lines.argmax(-1))
    torch.testing.assert_close(found, position, atol=1e-9, rtol=0)


def test_flat_and_negative_maps_give_their_highest_cell():
    maps = torch.full((1, 1, 5, 6), -1.0)
    maps[0, 0, 3, 4] = -0.5
    position, height = map_peaks(maps)
    torch.testing.assert_close(position[0, 0], torch.tensor([4 / 5, 3 / 4]))
    assert height.item() == -0.5


def test_peaks_stay_within_half_a_cell():
    maps = torch.rand(2, 30, 8, 8, generator=torch.Generator().manual_seed(0))
    position, _ = map_peaks(maps)
    index = maps.flatten(2).argmax(-1)
    cells = torch.stack([index % 8, index // 8], -1)
    assert ((position * 7 - cells).abs() <= 0.5 + 1e-5).all()
