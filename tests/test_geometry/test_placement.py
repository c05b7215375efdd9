"""The frame of a crop's virtual camera, and hands put before a camera."""

import cv2
import numpy as np
import pytest
from mmpose.structures.bbox import get_udp_warp_matrix

from helpers import random_hands
from synhand.geometry.cameras import pixel_rays, project
from synhand.geometry.placement import place_in_view, virtual_rotation


def test_the_ray_through_the_centre_becomes_the_axis():
    rng = np.random.default_rng(0)
    _, cameras = random_hands(rng, 20)
    centres, rolls = rng.uniform(0, 256, (20, 2)), rng.uniform(-180, 180, 20)
    rotations = virtual_rotation(cameras, centres, rolls)
    rays = pixel_rays(centres[:, None], cameras)
    turned = rays @ np.swapaxes(rotations, -1, -2)
    np.testing.assert_allclose(turned[..., :2], 0, atol=1e-12)
    assert (turned[..., 2] > 0).all()
    product = rotations @ np.swapaxes(rotations, -1, -2)
    np.testing.assert_allclose(
        product, np.eye(3)[None].repeat(20, 0), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(rotations), 1)


def test_no_turn_at_the_principal_point():
    camera = np.array([[300.0, 0, 100], [0, 310, 120], [0, 0, 1]])
    np.testing.assert_allclose(
        virtual_rotation(camera, (100, 120)), np.eye(3), atol=1e-12
    )
    assert np.isnan(virtual_rotation(np.full((3, 3), np.nan), (1, 2))).all()


def test_crops_show_what_the_virtual_camera_sees():
    """A tiny thing far away looks the same in both, but for its size."""
    rng = np.random.default_rng(1)
    camera = np.array([[400.0, 0, 127], [0, 400, 127], [0, 0, 1]])
    for roll in (-70.0, 0.0, 35.0):
        place = np.array([60.0, -50.0, 600.0])
        points = place + rng.normal(size=(30, 3)) * 0.01
        pixels = project(points, camera)
        centre = project(place[None], camera)[0]
        warp = get_udp_warp_matrix(
            centre, np.array([50.0, 50]), roll, (64, 64)
        )
        crop = cv2.transform(pixels[None], warp.astype(np.float64))[0]
        rotation = virtual_rotation(camera, centre, roll)
        seen = (points - place) @ rotation.T
        seen, crop = seen[:, :2], crop - crop.mean(0)
        seen = seen - seen.mean(0)
        factor = (seen * crop).sum() / (seen * seen).sum()
        assert factor > 0
        assert np.abs(factor * seen - crop).max() < 0.02 * np.ptp(crop)


def test_hands_return_to_where_they_were():
    points, cameras = random_hands(np.random.default_rng(2), 50)
    offset = points[:, :1]
    found = place_in_view(points - offset, project(points, cameras), cameras)
    np.testing.assert_allclose(found, offset[:, 0], rtol=1e-9)


@pytest.mark.parametrize('limits', [(700.0, np.inf), (0.0, 400.0)])
def test_limits_of_depth_are_kept(limits):
    points, cameras = random_hands(
        np.random.default_rng(3), 4, depth=(500, 600)
    )
    relative = points - points[:, :1]
    pixels = project(points, cameras)
    found = place_in_view(relative, pixels, cameras, limits)
    assert (
        np.isclose(found[:, 2], limits[0]) | np.isclose(found[:, 2], limits[1])
    ).all()
