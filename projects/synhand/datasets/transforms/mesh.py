"""What mesh models take and are tested with, beside keypoints."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import numpy.typing as npt
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

from synhand.codecs.latent25d import Latent25DLabel
from synhand.datasets.transforms.loading import decode_image
from synhand.geometry.alignment import procrustes_align
from synhand.hands.anny_hand import default_hand
from synhand.hands.anny_layer import AnnyLayer
from synhand.synthesis.mask_layers import BODY, LAYERS

_NOT_BEFORE_HANDS = (0, BODY)  # of the masks: background and bodies


@TRANSFORMS.register_module()
class OutsideMap(BaseTransform):
    """How far each place of the crop is from where the hand may be.

    That is the hand and whatever else a synthetic mask has before the
    background, which may hide it; or the mask of a photo (255 = hand).
    Beyond the image nothing is known. After `MirrorHand`.

    Required Keys: those of the crop, and `mask_bytes` or `mask_path`; a
    sample without either stays as it is. Added Key: `outside_map`
    (1, S, S) in the crop's width, 0 where the hand may be.

    Args:
        size: S.
    """

    def __init__(self, size: int = 24) -> None:
        self.size = size

    def transform(self, results: dict) -> dict:
        allowed = _allowed(results)
        if allowed is None:
            return results
        shape = (self.size, self.size)
        crop = cv2.warpAffine(
            allowed,
            _to_map(results, shape)[:2],
            shape,
            flags=cv2.INTER_LINEAR,
            borderValue=255,
        )
        far = cv2.distanceTransform(
            (crop < 128).astype(np.uint8), cv2.DIST_L2, 5
        )
        # no pixel to be near to: nothing is known
        far[far > self.size * 2] = 0
        results['outside_map'] = far[None] / (self.size - 1)
        return results


def _allowed(results: dict) -> npt.NDArray[np.uint8] | None:
    """(H, W), 255 where the hand may be."""
    where = f'{results["img_path"]}: mask'
    if results.get('mask_bytes'):
        mask = decode_image(results['mask_bytes'], cv2.IMREAD_GRAYSCALE, where)
        behind = np.isin(mask % LAYERS, _NOT_BEFORE_HANDS)
        return np.where(behind, 0, 255).astype(np.uint8)
    if results.get('mask_path'):
        with open(results['mask_path'], 'rb') as file:
            return decode_image(file.read(), cv2.IMREAD_GRAYSCALE, where)
    return None


def _to_map(results: dict, size: tuple[int, int]) -> npt.NDArray[np.float64]:
    """(3, 3): pixels of the image file to those of a map of the crop."""
    matrix = Latent25DLabel(results['input_size'])._to_crop(results)
    return np.diag([size[0] - 1.0, size[1] - 1.0, 1.0]) @ matrix


@TRANSFORMS.register_module()
class KeypointsToCrop(BaseTransform):
    """2D keypoints of another model, as a network's input. After the crop.

    Required Keys: `keypoints_2d` (1, K, 3) of `LoadKeypoints2D`; without it
    the labels (an upper bound). Added Key: `input_keypoints` (1, K, 3): u, v
    as `Latent25DLabel` defines them, and score.
    """

    def transform(self, results: dict) -> dict:
        given = results.get('keypoints_2d')
        if given is None:
            scores = np.asarray(results['keypoints_visible'])[..., None]
            given = np.concatenate([results['keypoints'], scores], -1)
        found = np.array(given, np.float32)
        matrix = Latent25DLabel(results['input_size'])._to_crop(results)
        found[..., :2] = cv2.transform(found[..., :2], matrix[:2])
        results['input_keypoints'] = np.nan_to_num(found)
        return results


@TRANSFORMS.register_module()
class AddTrueVertices(BaseTransform):
    """The true mesh of a hand of known parameters, for testing.

    Required Keys: `hand_pose`, `hand_shape`, `hand_side`, `keypoints_cam`.
    Added Key: `vertices_cam` (1, V, 3) in mm, camera frame, the free hand
    without its forearm; `PackHandInputs` packs it.

    Args:
        joint_family: Of `keypoints_cam`.
    """

    def __init__(self, joint_family: str = 'anatomical') -> None:
        self.family = joint_family

    def transform(self, results: dict) -> dict:
        hand = default_hand()
        rest = hand.rest(results['hand_shape'][0].astype(np.float64))
        posed = hand.pose(rest, results['hand_pose'][0].astype(np.float64))
        mirror = [-1 if results['hand_side'][0] == 0 else 1, 1, 1]
        vertices = procrustes_align(
            posed.keypoints[self.family] * mirror,
            results['keypoints_cam'][0],
            points=posed.vertices[_hand_vertices()] * mirror,
        )
        results['vertices_cam'] = vertices[None].astype(np.float32)
        return results


@cache
def _hand_vertices() -> npt.NDArray[np.bool_]:
    return AnnyLayer().hand_vertices()
