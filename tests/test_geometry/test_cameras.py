import numpy as np
import pytest

from helpers import random_hands
from synhand.geometry import cameras


@pytest.fixture(scope='module')
def hands():
    return random_hands(np.random.default_rng(0), 50)


def test_project_matches_the_textbook_formula(hands):
    points, matrices = hands
    pixels = cameras.project(points, matrices)
    for i, hand in enumerate(points):
        fx, fy = matrices[i, 0, 0], matrices[i, 1, 1]
        cx, cy = matrices[i, :2, 2]
        for k, (x, y, z) in enumerate(hand):
            expected = fx * x / z + cx, fy * y / z + cy
            np.testing.assert_allclose(pixels[i, k], expected, rtol=1e-12)


def test_project_uses_skew_and_broadcasts_one_camera(hands):
    points, _ = hands
    matrix = np.array([[500, 30, 120], [0, 510, 130], [0, 0, 1.0]])
    pixels = cameras.project(points, matrix)
    x, y, z = np.moveaxis(points, -1, 0)
    np.testing.assert_allclose(
        pixels[..., 0], (500 * x + 30 * y) / z + 120, rtol=1e-12
    )
    back = cameras.unproject(pixels, z, matrix)
    np.testing.assert_allclose(back, points, atol=1e-9)


def test_unproject_inverts_project(hands):
    points, matrices = hands
    pixels = cameras.project(points, matrices)
    back = cameras.unproject(pixels, points[..., 2], matrices)
    np.testing.assert_allclose(back, points, atol=1e-9)


def test_points_not_in_front_project_to_nan():
    points = np.array([[1.0, 2, 3], [1, 2, 0], [1, 2, -3]])
    pixels = cameras.project(points, np.eye(3))
    np.testing.assert_allclose(pixels[0], [1 / 3, 2 / 3])
    assert np.isnan(pixels[1:]).all()


def test_mirror_moves_pixels_and_points_together(hands):
    points, matrices = hands
    matrices = matrices.copy()
    matrices[:, 0, 1] = 12.0
    width = 256
    mirrored = cameras.mirror(matrices, width)
    expected = cameras.project(points, matrices)
    expected[..., 0] = width - 1 - expected[..., 0]
    actual = cameras.project(points * [-1, 1, 1], mirrored)
    np.testing.assert_allclose(actual, expected, atol=1e-9)
    assert (mirrored[:, 0, 0] > 0).all()
    np.testing.assert_allclose(cameras.mirror(mirrored, width), matrices)


def test_affine_and_crop_move_the_projection(hands):
    points, matrices = hands
    pixels = cameras.project(points, matrices)
    transform = np.array([[0.7, -0.3, 11.0], [0.2, 0.8, -5.0]])
    expected = pixels @ transform[:, :2].T + transform[:, 2]
    actual = cameras.project(points, cameras.affine(matrices, transform))
    np.testing.assert_allclose(actual, expected, atol=1e-9)
    cropped = cameras.project(points, cameras.crop(matrices, 20, -7))
    np.testing.assert_allclose(cropped, pixels - [20, -7], atol=1e-9)


def test_assumed_camera_spans_its_field_of_view():
    matrix = cameras.camera_from_fov(640, 480, 60)
    rays = cameras.pixel_rays([[-0.5, 239.5], [639.5, 239.5]], matrix)
    angles = np.degrees(np.arctan2(rays[:, 0], rays[:, 2]))
    np.testing.assert_allclose(angles, [-30, 30])
    np.testing.assert_allclose(rays[:, 1], 0, atol=1e-12)
    assert matrix[0, 0] == matrix[1, 1]
    portrait = cameras.camera_from_fov(480, 640, 60)
    assert portrait[0, 0] == matrix[0, 0]
    for angle in (0, 180, float('nan')):
        with pytest.raises(ValueError, match='fov_degrees'):
            cameras.camera_from_fov(640, 480, angle)


def test_check_returns_a_good_matrix_as_float64():
    matrix = [[500, 0, 100], [0, 510, 120], [0, 0, 1]]
    checked = cameras.check_camera_matrix(matrix, 'a.json')
    assert checked.dtype == np.float64
    np.testing.assert_array_equal(checked, matrix)


@pytest.mark.parametrize(
    ('matrix', 'problem'),
    [
        (np.eye(4), r'got shape \(4, 4\)'),
        ([1, 2, 3], r'got shape \(3,\)'),
        (np.diag([np.nan, 1, 1]), 'not finite'),
        (np.diag([0.0, 1, 1]), 'focal lengths 0 and 1'),
        (np.diag([1.0, -2, 1]), 'focal lengths 1 and -2'),
        ([[500, 0, 0], [0, 500, 0], [100, 100, 1]], 'transposed'),
        ([[3, 3, 1], [3, 3, 1], [0, 0, 1]], 'singular'),
        (None, 'camera matrix'),
        ('K', 'of numbers'),
        ([[1, 2], [3]], 'of numbers'),
    ],
)
def test_check_names_the_place_and_the_problem(matrix, problem):
    with pytest.raises(ValueError, match=problem) as error:
        cameras.check_camera_matrix(matrix, 'a.json: entry 3: K')
    message = str(error.value)
    assert message.startswith('a.json: entry 3: K: expected')
    assert '\n' not in message
