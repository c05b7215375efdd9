"""Arrays on which metrics were compared with benchmarks' own scripts.

The scripts were run on exactly these arrays; `tests/test_evaluation/
test_official.py` holds what they printed.
"""

from __future__ import annotations

import numpy as np

from helpers import random_hands

HANDS = 24
VERTICES = 778
INTERHAND_IMAGES = 30


def hands_and_meshes(seed: int = 7) -> dict[str, np.ndarray]:
    """True and predicted hands (N, 21, 3) and meshes (N, 778, 3) in mm.

    The camera frame is x right, y down, z forward. Predictions are off by
    noise, turned a little, in another place and of another size; every
    third is mirrored in depth, so that the two Procrustes alignments differ.
    """
    rng = np.random.default_rng(seed)
    true, _ = random_hands(rng, HANDS)
    of_keypoint = rng.integers(0, 21, VERTICES)
    skin = rng.normal(0, 4, (HANDS, VERTICES, 3))
    mesh = true[:, of_keypoint] + skin
    noise = rng.normal(0, 6, true.shape)
    rough = rng.normal(0, 3, mesh.shape)
    flip = np.where(np.arange(HANDS) % 3 == 0, -1.0, 1.0)[:, None, None]
    scale = rng.uniform(0.9, 1.1, (HANDS, 1, 1))
    shift = rng.normal(0, 12, (HANDS, 1, 3))

    def predicted(points: np.ndarray, error: np.ndarray) -> np.ndarray:
        around = points - true[:, :1] + error
        around = around * np.where([False, False, True], flip, 1.0)
        return around * scale + true[:, :1] + shift

    return {
        'true': true,
        'true_mesh': mesh,
        'predicted': predicted(true, noise),
        'predicted_mesh': predicted(mesh, noise[:, of_keypoint] + rough),
    }


def samples(arrays: dict[str, np.ndarray]) -> list[dict]:
    """The arrays as data samples, as metrics get them."""
    found = []
    for n in range(len(arrays['true'])):
        one = {key: value[n : n + 1] for key, value in arrays.items()}
        truth = {
            'keypoints': one['true'][..., :2],
            'keypoints_visible': np.ones((1, 21)),
            'keypoints_cam': one['true'],
            'vertices_cam': one['true_mesh'],
        }
        prediction = {
            'keypoints_cam': one['predicted'],
            'vertices_cam': one['predicted_mesh'],
        }
        found.append(dict(id=n, gt_instances=truth, pred_instances=prediction))
    return found


def two_hands(seed: int = 11) -> list[dict]:
    """InterHand2.6M's data samples with noisy predictions, as stock takes.

    Images with a right, a left and both hands; some keypoints, and one
    wrist, are not valid. 42 keypoints, right then left, wrists 20 and 41.
    """
    rng = np.random.default_rng(seed)
    order = np.r_[1:21, 0]
    found = []
    for n in range(INTERHAND_IMAGES):
        hands, _ = random_hands(rng, 2, depth=(700, 1100))
        true = hands[:, order].reshape(42, 3)
        true[21:] += true[20] - true[41] + rng.normal(0, 60, 3)
        hand_type = [(1, 0), (0, 1), (1, 1)][n % 3]
        valid = rng.random(42) < 0.9
        valid[[20, 41]] = n % 7 != 5, True
        valid &= np.repeat(np.array(hand_type, bool), 21)
        for wrist, hand in ((20, slice(0, 21)), (41, slice(21, 42))):
            valid[hand] &= valid[wrist]
        found.append(_two_hand_sample(rng, true, valid, hand_type, n))
    return found


def _two_hand_sample(
    rng: np.random.Generator,
    true: np.ndarray,
    valid: np.ndarray,
    hand_type: tuple[int, int],
    number: int,
) -> dict:
    focal, centre = np.array([1200.0, 1210.0]), np.array([256.0, 250.0])
    depth = true[:, 2]
    pixels = true[:, :2] / depth[:, None] * focal + centre
    roots = np.repeat(depth[[20, 41]], 21)
    coords = np.concatenate(
        [
            pixels + rng.normal(0, 6, (42, 2)),
            (depth - roots + rng.normal(0, 10, 42))[:, None],
        ],
        axis=1,
    )
    judged = (1, 0) if number % 5 == 4 else hand_type
    return dict(
        pred_instances=dict(
            keypoints=coords[None],
            hand_type=np.array([judged], np.float64),
            rel_root_depth=depth[41] - depth[20] + rng.normal(0, 20, 1),
        ),
        gt_instances=dict(
            keypoints_cam=true[None],
            keypoints_visible=valid[None].astype(np.float64),
        ),
        hand_type=np.array([hand_type], np.float64),
        hand_type_valid=np.array([number % 6 != 1]),
        abs_depth=[depth[20], depth[41]],
        focal=focal,
        principal_pt=centre,
    )
