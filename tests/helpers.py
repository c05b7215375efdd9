"""Random hands and cameras for tests."""

import numpy as np

from synhand.skeleton import (
    FINGERS,
    MEAN_BONE_LENGTHS_MM,
    NUM_KEYPOINTS,
    PARENTS,
)

# Directions of the rays from the wrist in the palm's plane (degrees, 0 along
# the middle finger) for a right hand seen from the back, and the largest
# flexion of the joints along each ray.
_FAN = {'thumb': -50, 'index': -15, 'middle': 0, 'ring': 13, 'little': 26}
_FLEXION = np.radians([0, 90, 100, 80])


def _rotations(axis, angles):
    """(N, 3, 3) rotations about a fixed axis by (N,) radians."""
    x, y, z = axis
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]], np.float64)
    angles = angles[:, None, None]
    return (
        np.eye(3)
        + np.sin(angles) * skew
        + (1 - np.cos(angles)) * (skew @ skew)
    )


def random_rotations(rng, count):
    """(N, 3, 3) uniform proper rotations."""
    matrices, upper = np.linalg.qr(rng.normal(size=(count, 3, 3)))
    diagonal = np.diagonal(upper, axis1=1, axis2=2)
    matrices = matrices * np.sign(diagonal)[:, None, :]
    return matrices * np.linalg.det(matrices)[:, None, None]


def random_local_hands(rng, count, spread=0.1):
    """Right hands around their wrist, (N, 21, 3) mm; x radial to ulnar.

    Bone lengths vary by the relative standard deviation `spread`.
    """
    lengths = np.array(MEAN_BONE_LENGTHS_MM) * rng.normal(
        1, spread, (count, 20)
    ).clip(0.5, 1.5)
    points = np.zeros((count, NUM_KEYPOINTS, 3))
    for finger, chain in FINGERS.items():
        fan = np.radians(_FAN[finger] + rng.normal(0, 5, count))
        frame = _rotations((0, 0, -1), fan)
        for joint, keypoint in enumerate(chain):
            flexion = rng.uniform(0, 1, count) * _FLEXION[joint]
            frame = frame @ _rotations((1, 0, 0), -flexion)
            bone = frame[:, :, 1] * -lengths[:, keypoint - 1, None]
            points[:, keypoint] = points[:, PARENTS[keypoint]] + bone
    return points


def random_cameras(rng, count, size=256):
    """(N, 3, 3) camera matrices of square images, 40 to 70 degrees wide."""
    focal = size / 2 / np.tan(np.radians(rng.uniform(20, 35, count)))
    cameras = np.zeros((count, 3, 3))
    cameras[:, 0, 0] = focal
    cameras[:, 1, 1] = focal * rng.uniform(0.98, 1.02, count)
    cameras[:, :2, 2] = (size - 1) / 2 + rng.normal(0, 3, (count, 2))
    cameras[:, 2, 2] = 1
    return cameras


def random_hands(rng, count, spread=0.1, depth=(350, 1200)):
    """Hands in view: keypoints (N, 21, 3) mm in the camera frame, cameras."""
    local = random_local_hands(rng, count, spread)
    turned = local @ random_rotations(rng, count)
    distance = rng.uniform(*depth, count)
    centre = np.stack(
        [
            rng.uniform(-0.2, 0.2, count) * distance,
            rng.uniform(-0.2, 0.2, count) * distance,
            distance,
        ],
        axis=-1,
    )
    return turned + centre[:, None], random_cameras(rng, count)
