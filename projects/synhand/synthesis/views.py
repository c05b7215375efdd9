"""Where the camera is: views of hands, places before it, crops around them."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from synhand.synthesis.config import SynthesisConfig


def sample_view(
    rng: np.random.Generator, config: SynthesisConfig
) -> np.ndarray:
    """A rotation (3, 3) from the hand frame to the camera frame."""
    kind = rng.random()
    if kind < config.egocentric_views:
        return _egocentric_view(rng)
    if kind < config.egocentric_views + config.upright_views:
        return _upright_view(rng)
    return Rotation.random(random_state=rng).as_matrix()


def _upright_view(rng: np.random.Generator) -> np.ndarray:
    """Palm or back to the camera, fingers roughly upwards."""
    palm_to_camera = Rotation.from_matrix(np.diag([1.0, -1, -1]))
    turn = Rotation.from_euler('y', 180 * rng.integers(2), degrees=True)
    tilt = Rotation.from_rotvec(rng.normal(0, np.radians(28), 3))
    return (palm_to_camera * tilt * turn).as_matrix()


def _egocentric_view(rng: np.random.Generator) -> np.ndarray:
    """One's own hand: away from the eyes, up in the picture, any roll."""
    fingers = np.array([0, -0.55, 0.8]) + rng.normal(0, 0.3, 3)
    fingers /= np.linalg.norm(fingers)
    aligned, _ = Rotation.align_vectors([fingers], [[0, 1, 0]])
    roll = Rotation.from_euler('y', rng.uniform(0, 360), degrees=True)
    return (aligned * roll).as_matrix()


def sample_center(
    rng: np.random.Generator, config: SynthesisConfig
) -> np.ndarray:
    """Where the hand is, (3,) mm in the camera frame."""
    near, far = np.log(config.distance_mm)
    distance = np.exp(rng.uniform(near, far))
    if rng.random() < config.wide_lens:
        return distance * _border_ray(rng, config)
    return distance * ray(rng, config.off_axis_degrees)


def ray(rng: np.random.Generator, degrees: float) -> np.ndarray:
    """A direction (3,) of depth 1 within degrees of the axis, each way."""
    limit = np.tan(np.radians(degrees))
    return np.array([*rng.uniform(-limit, limit, 2), 1.0])


def _border_ray(
    rng: np.random.Generator, config: SynthesisConfig
) -> np.ndarray:
    """A direction (3,) of depth 1 far from the axis of a wide lens."""
    angle = rng.uniform(config.off_axis_degrees, config.wide_off_axis_degrees)
    turn = rng.uniform(0, 2 * np.pi)
    out = np.tan(np.radians(angle))
    return np.array([out * np.cos(turn), out * np.sin(turn), 1.0])


def crop_camera(
    rng: np.random.Generator,
    config: SynthesisConfig,
    keypoints: np.ndarray,
    scale: tuple[float, float],
) -> np.ndarray:
    """The camera matrix (3, 3) of a square crop around a hand.

    The crop is cut from a picture of a camera that looks along z, so its
    principal point lies where that camera's axis meets the crop's plane. Its
    focal length follows from the distance and the crop: a hand of 180 mm that
    takes half of a crop of 224 px has one of 155 px at 250 mm (72 degrees of
    view) and of 747 px at 1.2 m (17 degrees).

    Args:
        keypoints: (K, 3) mm, camera frame.
        scale: Range of the crop's side over the longer side of the hand.
    """
    plane = keypoints[:, :2] / keypoints[:, 2:]
    low, high = plane.min(0), plane.max(0)
    side = (high - low).max() * rng.uniform(*scale)
    middle = (low + high) / 2
    middle = middle + side * rng.uniform(-1, 1, 2) * config.crop_shift
    focal = config.image_size / side
    cx, cy = (config.image_size - 1) / 2 - focal * middle
    return np.array([[focal, 0, cx], [0, focal, cy], [0, 0, 1]])
