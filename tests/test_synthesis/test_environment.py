"""Environments: harmonics, maps and HDR files against slow obvious ways."""

import cv2
import numpy as np
import pytest

from synhand.synthesis import environment
from synhand.synthesis.config import SynthesisConfig
from synhand.synthesis.environment import (
    DIRECTIONS,
    ROUGHNESSES,
    SOLID_ANGLES,
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def soft_radiance(directions):
    """Three broad spots, which second-order harmonics can follow."""
    centers = np.array([[0, 0, 1.0], [0.6, -0.8, 0], [-0.8, 0, -0.6]])
    colors = np.array([[1, 0.2, 0.1], [0.1, 0.7, 0.2], [0.3, 0.3, 2.0]])
    return np.exp(2 * (directions @ centers.T - 1)) @ colors + 0.2


def evenly(count):
    """Directions (count, 3) of a Fibonacci spiral over the sphere."""
    i = np.arange(count) + 0.5
    z = 1 - 2 * i / count
    angle = np.pi * (1 + 5**0.5) * i
    r = np.sqrt(1 - z * z)
    return np.stack([r * np.cos(angle), r * np.sin(angle), z], axis=1)


def test_irradiance_equals_brute_force_integration(rng):
    sphere = evenly(20_000)
    light = soft_radiance(sphere)
    normals = rng.normal(size=(12, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    facing = np.clip(normals @ sphere.T, 0, None)
    expected = 4 * facing @ light / len(sphere)  # over pi
    found = environment.harmonics(
        normals
    ) @ environment.irradiance_coefficients(soft_radiance(DIRECTIONS))
    np.testing.assert_allclose(found, expected, rtol=0.03)


def test_even_light_gives_its_own_colour():
    even = np.tile([0.5, 0.2, 0.1], (len(DIRECTIONS), 1))
    lit = environment.harmonics(
        evenly(50)
    ) @ environment.irradiance_coefficients(even)
    np.testing.assert_allclose(lit, even[:50], rtol=0.02)
    maps = environment.blurred_maps(even)
    np.testing.assert_allclose(
        maps, np.broadcast_to(even[0], maps.shape), rtol=1e-5
    )


def test_texels_share_out_the_sphere():
    assert SOLID_ANGLES.sum() == pytest.approx(4 * np.pi)
    owner = (evenly(40_000) @ DIRECTIONS.T).argmax(1)
    counts = np.bincount(owner, minlength=len(DIRECTIONS)) / 40_000
    # Nearest texels are not quite the map's: corners of texels differ.
    assert np.abs(counts * 4 * np.pi / SOLID_ANGLES - 1).max() < 0.35


def test_border_continues_the_map_over_its_edges():
    inner = environment.octahedral_directions(8)
    bordered = environment.octahedral_directions(8, 1)
    np.testing.assert_allclose(bordered[1:-1, 1:-1], inner)
    for row, (edge, over) in enumerate(
        zip(inner[:, -1], bordered[1:-1, -1], strict=True)
    ):
        np.testing.assert_allclose(over, inner[7 - row, -1])
        assert over @ edge > 0  # a neighbour, not the far side


def test_a_spot_is_a_light_of_irradiance_pi():
    direction = np.array([0.36, -0.48, 0.8])
    light = environment.spot(direction)
    assert light @ SOLID_ANGLES == pytest.approx(np.pi)
    middle = (light * SOLID_ANGLES) @ DIRECTIONS
    assert middle @ direction > 0.99 * np.linalg.norm(middle)


@pytest.mark.parametrize('level', range(len(ROUGHNESSES)))
def test_rougher_maps_are_flatter(level):
    light = environment.spot(np.array([0, 0, 1.0]))[:, None].repeat(3, 1)
    maps = environment.blurred_maps(light).reshape(len(ROUGHNESSES), -1)
    assert environment.gloss_level(ROUGHNESSES[level]) == level
    if level:
        assert maps[level].max() < maps[level - 1].max()


@pytest.mark.parametrize('kind', [environment.sky, environment.room])
def test_procedural_light_is_positive_and_varied(kind, rng):
    draws = np.stack([kind(rng, DIRECTIONS) for _ in range(30)])
    assert draws.shape == (30, *DIRECTIONS.shape)
    assert np.isfinite(draws).all()
    assert (draws >= 0).all()
    up = draws[:, DIRECTIONS[:, 2] > 0.5].mean((1, 2))
    down = draws[:, DIRECTIONS[:, 2] < -0.5].mean((1, 2))
    assert (up > down).mean() > 0.6
    assert np.std(np.log(up / down)) > 0.2


def test_photo_lights_from_the_side_it_is_bright_on():
    photo = np.zeros((40, 60, 3), np.uint8)
    photo[:, 40:] = (0, 0, 255)
    light = environment.surroundings(photo, DIRECTIONS)
    right = light[DIRECTIONS[:, 0] > 0.8].mean(0)
    left = light[DIRECTIONS[:, 0] < -0.8].mean(0)
    assert right.mean() > 4 * left.mean()
    assert right[2] > 1.5 * right[0]


@pytest.fixture
def hdr_folder(tmp_path):
    image = np.full((16, 32, 3), 0.1, np.float32)
    image[:4, 8:12] = (0, 0, 50)  # OpenCV's order: red, high up
    (tmp_path / 'inner').mkdir()
    cv2.imwrite(str(tmp_path / 'inner' / 'lamp.hdr'), image)
    return tmp_path


def test_hdr_image_is_looked_up_where_it_is_bright(hdr_folder):
    (path,) = environment.hdr_files(hdr_folder)
    panorama = environment.load_hdr(path)
    assert panorama.mean() == pytest.approx(1, rel=1e-4)
    light = environment.look_up(panorama, DIRECTIONS)
    brightest = light[light.sum(1).argmax()]
    assert brightest[0] > 20 * brightest[2]
    towards = DIRECTIONS[light[:, 0] > 2]
    assert (towards[:, 2] > 0.6).all()
    # Columns 8 to 12 of 32 are a quarter to three eighths of the way round.
    around = np.arctan2(towards[:, 1], towards[:, 0])
    assert (np.abs(around - (10 / 32 - 0.5) * 2 * np.pi) < 0.6).all()


def test_environments_are_a_part_of_a_sets_name(hdr_folder):
    with_light = SynthesisConfig(environments=str(hdr_folder))
    assert len(with_light.environment_files()) == 1
    first = with_light.digest()
    assert first != SynthesisConfig().digest()
    extra = hdr_folder / 'other.hdr'
    extra.write_bytes(b'#?RADIANCE')
    assert with_light.digest() != first


def test_folder_without_hdr_images_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=rf'{tmp_path}: no environ'):
        environment.hdr_files(tmp_path)


def test_file_that_is_no_hdr_image_is_named(tmp_path):
    broken = tmp_path / 'broken.hdr'
    broken.write_bytes(b'#?RADIANCE nothing')
    with pytest.raises(ValueError, match='broken.hdr: not a readable HDR'):
        environment.load_hdr(broken)
    plain = tmp_path / 'plain.hdr'
    ok, data = cv2.imencode('.png', np.zeros((4, 8, 3), np.uint8))
    plain.write_bytes(data.tobytes())
    with pytest.raises(ValueError, match='plain.hdr: uint8 values'):
        environment.load_hdr(plain)
