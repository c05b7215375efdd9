"""Where on the hand's surface palm, nails, knuckles and creases are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from synhand.hands.anny_hand import (
    FINGER_CHAINS,
    FOREARM_BONES,
    AnnyHand,
    drawn_hand,
)

_REFERENCE_LENGTH = 190.0
_FAR = 1000.0


PALM_REGION, FOREARM_REGION = 1, 17


def segment_region(digit: int, segment: int) -> int:
    """Number of a bone of a digit: thumb 0, its first bone 0, and so on."""
    return 2 + 3 * digit + segment


@dataclass(frozen=True)
class SkinMap:
    """Per-vertex attributes of the hand mesh, the same for every shape.

    Attributes:
        rest: (V, 3) mm, the mean hand scaled to a length of 190 mm.
        mask: (V, 4) nail, palm, finger tip, knuckle shares in [0, 1].
        crease: (V, 4) mm along the finger from its three joints; share of
            finger (1) against palm (0).
        digit: (V,) 1 thumb to 5 little finger, 0 elsewhere.
        region: (V,) the bone that a vertex follows most: `PALM_REGION`,
            `FOREARM_REGION` or `segment_region` of a digit.
    """

    rest: np.ndarray
    mask: np.ndarray
    crease: np.ndarray
    digit: np.ndarray
    region: np.ndarray


@cache
def default_skin_map() -> SkinMap:
    return make_skin_map(drawn_hand())


def make_skin_map(hand: AnnyHand) -> SkinMap:
    """Measure the mean shape of a hand model."""
    rest = hand.rest(np.zeros(hand.num_components), _REFERENCE_LENGTH)
    normals = hand.vertex_normals(rest.vertices)
    finger = hand.weights[:, FINGER_CHAINS].sum(2)  # (V, 5)
    share = finger.sum(1)
    owner = finger.argmax(1)
    palmar = hand.palmar_directions()[owner]
    palmar = np.where(share[:, None] > 0.5, palmar, [0, 0, 1.0])
    facing = (normals * palmar).sum(1)
    palm = _smoothstep(-0.25, 0.45, facing)
    forearm = _smoothstep(10, -60, rest.vertices[:, 1])
    palm *= 1 - 0.6 * forearm
    along = _along_fingers(rest.keypoints['anatomical'], rest.vertices, owner)
    along[share < 0.02] = _FAR
    tip = _smoothstep(-14, 2, _tip_distance(rest, owner)) * (share > 0.5)
    knuckle = (1 - palm) * np.exp(-((along[:, :2] / 9) ** 2)).max(1)
    mask = np.stack([hand.nail, palm, tip, knuckle], axis=1)
    on_finger = _smoothstep(0.2, 0.8, share)
    crease = np.hstack([along, on_finger[:, None]])
    digit = np.where(share > 0.5, owner + 1, 0)
    return SkinMap(rest.vertices, mask, crease, digit, _regions(hand))


def _regions(hand: AnnyHand) -> np.ndarray:
    of_bone = np.full(hand.weights.shape[1], PALM_REGION)
    of_bone[FOREARM_BONES] = FOREARM_REGION
    for digit, chain in enumerate(FINGER_CHAINS):
        for segment, bone in enumerate(chain):
            of_bone[bone] = segment_region(digit, segment)
    return of_bone[hand.weights.argmax(1)]


def _along_fingers(
    keypoints: np.ndarray, vertices: np.ndarray, owner: np.ndarray
) -> np.ndarray:
    """Signed mm (V, 3) along the owning finger from each of its joints."""
    chains = keypoints[1:].reshape(5, 4, 3)[owner]
    bones = np.diff(chains, axis=1)
    bones /= np.linalg.norm(bones, axis=-1, keepdims=True)
    offset = vertices[:, None] - chains[:, :3]
    return (offset * bones).sum(-1)


def _tip_distance(rest, owner: np.ndarray) -> np.ndarray:
    """mm (V,) along the last bone, 0 at the tip, negative before it."""
    chains = rest.keypoints['anatomical'][1:].reshape(5, 4, 3)[owner]
    bone = chains[:, 3] - chains[:, 2]
    bone /= np.linalg.norm(bone, axis=-1, keepdims=True)
    return ((rest.vertices - chains[:, 3]) * bone).sum(-1)


def _smoothstep(low: float, high: float, x: np.ndarray) -> np.ndarray:
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
