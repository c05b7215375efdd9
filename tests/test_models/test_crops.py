"""Windows around keypoints."""

import pytest
import torch

from synhand.models.crops import (
    from_window,
    sample_windows,
    to_window,
    window_sides,
)

_LAST = torch.tensor([63.0, 47.0], dtype=torch.float64)


def _windows(batch=2, keypoints=3):
    generator = torch.Generator().manual_seed(0)
    centre = torch.rand(
        batch, keypoints, 2, generator=generator, dtype=torch.float64
    )
    side = torch.tensor([[[0.2, 0.3]], [[0.4, 0.1]]], dtype=torch.float64)
    return 0.3 + 0.4 * centre, side


def test_offsets_return_to_the_image():
    centre, side = _windows()
    position = torch.rand_like(centre)
    back = from_window(to_window(position, centre, side), centre, side)
    torch.testing.assert_close(back, position, atol=1e-15, rtol=0)


def test_windows_show_where_they_lie():
    """An image whose channels are u and v: each pixel says its place."""
    centre, side = _windows()
    v, u = torch.meshgrid(
        *(torch.linspace(0, 1, n, dtype=torch.float64) for n in (48, 64)),
        indexing='ij',
    )
    images = torch.stack([u, v])[None].repeat(2, 1, 1, 1)
    windows = sample_windows(images, centre, side, size=5)
    assert windows.shape == (6, 2, 5, 5)
    line = torch.linspace(-0.5, 0.5, 5, dtype=torch.float64)
    down, across = torch.meshgrid(line, line, indexing='ij')
    offsets = torch.stack([across, down], -1).view(1, 1, 25, 2)
    places = from_window(offsets, centre[:, :, None], side[:, :, None])
    found = windows.view(2, 3, 2, 25).transpose(-1, -2)
    torch.testing.assert_close(found, places, atol=1e-12, rtol=0)


def test_outside_the_image_is_zero():
    images = torch.ones(1, 1, 8, 8)
    centre = torch.tensor([[[1.0, 0.5]]])
    window = sample_windows(images, centre, torch.full((1, 1, 2), 0.5), 5)[
        0, 0
    ]
    assert (window[:, :3] == 1).all()
    assert (window[:, 4] == 0).all()


def test_sides_follow_the_known_extent():
    position = torch.tensor(
        [[[0.1, 0.5], [0.6, 0.5], [9.0, 9.0]], [[0.5, 0.5]] * 3],
        dtype=torch.float64,
    )
    weights = torch.tensor([[1.0, 1, 0], [1, 1, 1]])
    side = window_sides(position, weights, _LAST, scale=0.5)
    pixels = side * _LAST
    assert pixels[0, 0, 0] == pytest.approx(0.5 * 0.5 * 63)
    assert pixels[1, 0, 0] == pytest.approx(0.5 * 0.1 * 63)
    torch.testing.assert_close(pixels[..., 0], pixels[..., 1])
    none = window_sides(position, torch.zeros(2, 3), _LAST, scale=0.5)
    torch.testing.assert_close(none[0], side[1])
