"""Random hand poses: gestures, correlated and free, without penetration.

Sources of the random distributions: the ranges of
:mod:`synhand.hands.anatomy`; DIP flexion follows PIP flexion with a slope
between 0.1 and 0.7 and a share of free DIPs, neighbouring fingers bend
together except in a share of poses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synhand.hands.anatomy import (
    DOF,
    FINGERS,
    LOWER,
    NUM_DOFS,
    UPPER,
    reflect_at_limits,
)
from synhand.hands.anny_hand import AnnyHand, RestHand
from synhand.synthesis.gestures import ABDUCTION, COMMON, GESTURES, HOLDS

_NAMES = tuple(GESTURES)
_LIBRARY = np.stack([GESTURES[name] for name in _NAMES])
# Common gestures, and ways to hold something, are drawn this many times as
# often as any other.
_COMMON_WEIGHT, _HOLD_WEIGHT = 4.0, 2.0
_WEIGHTS = np.where(np.isin(_NAMES, COMMON), _COMMON_WEIGHT, 1.0)
_WEIGHTS[np.isin(_NAMES, HOLDS)] = _HOLD_WEIGHT
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
_MCP = np.array([DOF[f'{f}_mcp_flexion'] for f in FINGERS])
_PIP = np.array([DOF[f'{f}_pip_flexion'] for f in FINGERS])
_DIP = np.array([DOF[f'{f}_dip_flexion'] for f in FINGERS])
_THUMB = np.array([i for name, i in DOF.items() if name.startswith('thumb')])
_WRIST = np.array([DOF['wrist_flexion'], DOF['wrist_deviation']])
_ARCH = np.array([DOF['ring_arch'], DOF['little_arch']])
_BLEND_STEPS = 6
# People hold their thumbs more differently than their fingers.
_THUMB_VARIETY = 1.5
_THUMBS_ASIDE = ('relaxed', 'fist_thumb_side', 'thumb_up')
# How often a gesture's fingers are bent more or less than the library has
# them, and by which factors at MCP, PIP and DIP.
_OWN_TIGHTNESS = 0.8
_TIGHTNESS = ((0.5, 1.1), (0.85, 1.06), (0.25, 1.2))


@dataclass(frozen=True)
class PoseShares:
    """How often each kind of pose is drawn; they are normalised."""

    gesture: float = 0.4
    between: float = 0.2
    correlated: float = 0.25
    free: float = 0.15


@dataclass(frozen=True)
class SampledPose:
    """A pose that a hand of the given shape can take.

    Attributes:
        angles: (D,) radians.
        kind: ``gesture:NAME``, ``between``, ``correlated`` or ``free``.
        repaired: How far its thumb was moved aside, or it was opened, to
            end a penetration, 0 to 1.
    """

    angles: np.ndarray
    kind: str
    repaired: float


def sample_pose(
    rng: np.random.Generator,
    hand: AnnyHand,
    rest: RestHand,
    shares: PoseShares,
) -> SampledPose:
    """Draw a pose; open it step by step while digits penetrate."""
    kinds = ('gesture', 'between', 'correlated', 'free')
    weights = np.array([getattr(shares, kind) for kind in kinds])
    kind = kinds[rng.choice(4, p=weights / weights.sum())]
    if kind == 'gesture':
        name = _NAMES[rng.choice(len(_NAMES), p=_WEIGHTS)]
        angles = _vary(rng, _tightened(rng, GESTURES[name]), 6.0)
        kind = f'gesture:{name}'
    elif kind == 'between':
        angles = _between(rng)
    elif kind == 'correlated':
        angles = _correlated(rng)
    else:
        angles = _free(rng)
    angles = _bend_wrist(rng, angles)
    return _repair(hand, rest, angles, kind)


def _vary(
    rng: np.random.Generator, angles: np.ndarray, degrees: float
) -> np.ndarray:
    noise = np.radians(rng.normal(0, degrees, NUM_DOFS))
    noise[_THUMB] *= _THUMB_VARIETY
    noise[_ARCH] = np.abs(noise[_ARCH])
    return reflect_at_limits(angles + noise)


def _tightened(rng: np.random.Generator, angles: np.ndarray) -> np.ndarray:
    """A gesture as another person bends it: fists are loose or clenched."""
    if rng.random() >= _OWN_TIGHTNESS:
        return angles
    angles = angles.copy()
    for joints, (low, high) in zip(
        (_MCP, _PIP, _DIP), _TIGHTNESS, strict=True
    ):
        spread = 0.15 * (high - low)
        factors = rng.uniform(low, high) + rng.normal(0, spread, len(joints))
        angles[joints] *= np.where(angles[joints] > 0, factors, 1.0)
    return angles


def _between(rng: np.random.Generator) -> np.ndarray:
    """A mixture of two gestures, each finger with a weight of its own."""
    a, b = _two_gestures(rng)
    common = rng.beta(0.7, 0.7)
    weight = np.clip(common + rng.normal(0, 0.2, 5), 0, 1)
    mixed = (1 - common) * a + common * b
    groups = [_THUMB, *np.stack([_MCP, _PIP, _DIP, ABDUCTION], axis=1)]
    for group, w in zip(groups, weight, strict=True):
        mixed[group] = (1 - w) * a[group] + w * b[group]
    return _vary(rng, _tightened(rng, mixed), 5.0)


def _two_gestures(rng: np.random.Generator) -> np.ndarray:
    chosen = rng.choice(len(_LIBRARY), 2, replace=False, p=_WEIGHTS)
    return _LIBRARY[chosen]


def _correlated(rng: np.random.Generator) -> np.ndarray:
    """Fingers that bend together more or less, DIPs that follow PIPs."""
    angles = np.zeros(NUM_DOFS)
    common = rng.beta(0.8, 0.9)
    loose = rng.choice([0.08, 0.2, 0.6], p=[0.4, 0.35, 0.25])
    curl = np.clip(common + rng.normal(0, loose, 4), 0, 1)
    angles[_PIP] = np.radians(105 * curl + rng.normal(0, 12, 4))
    bent = np.clip(curl + rng.normal(0, 0.2) + rng.normal(0, 0.1, 4), -0.3, 1)
    angles[_MCP] = np.radians(85 * bent)
    slope = rng.uniform(0.1, 0.7)
    angles[_DIP] = slope * angles[_PIP] + np.radians(rng.normal(0, 7, 4))
    spread = rng.normal(0.3, 0.5)
    straight = np.cos(np.clip(angles[_MCP], 0, np.pi / 2))
    fan = np.radians([16, 3, -9, -20]) * spread
    angles[ABDUCTION] = (fan + np.radians(rng.normal(0, 4, 4))) * straight
    angles[_THUMB] = _thumb(rng)
    angles[_ARCH] = UPPER[_ARCH] * np.mean(curl[2:]) * rng.random()
    return reflect_at_limits(angles)


def _thumb(rng: np.random.Generator) -> np.ndarray:
    """A thumb between two of the library's, with noise."""
    a, b = _two_gestures(rng)[:, _THUMB]
    t = rng.random()
    return (1 - t) * a + t * b + np.radians(rng.normal(0, 6, len(_THUMB)))


def _free(rng: np.random.Generator) -> np.ndarray:
    """Every angle on its own within its limits, DIPs tied half of the time."""
    angles = rng.uniform(LOWER, UPPER)
    tied = rng.random(4) < 0.5
    slope = rng.uniform(0.1, 0.8, 4)
    angles[_DIP] = np.where(tied, slope * angles[_PIP], angles[_DIP])
    angles[ABDUCTION] *= np.cos(np.clip(angles[_MCP], 0, np.pi / 2))
    return angles


def _bend_wrist(rng: np.random.Generator, angles: np.ndarray) -> np.ndarray:
    spread = np.radians([24.0, 10.0]) * (1.6 if rng.random() < 0.3 else 0.8)
    angles[_WRIST] = np.radians([-8, 3]) + rng.normal(0, spread)
    return reflect_at_limits(angles)


def _repair(
    hand: AnnyHand, rest: RestHand, angles: np.ndarray, kind: str
) -> SampledPose:
    """The pose, or the first step to an open one without penetration.

    The thumb gives way before the fingers do: a fist stays a fist.
    """
    if not penetrates(hand, rest, angles):
        return SampledPose(angles, kind, 0.0)
    opened = angles.copy()
    opened[_MCP] *= 0.2
    opened[_PIP] *= 0.2
    opened[_DIP] *= 0.2
    opened[ABDUCTION] = np.radians([10, 1, -7, -15])
    opened[_THUMB] = GESTURES['relaxed'][_THUMB]
    t = (np.arange(_BLEND_STEPS) + 1) / _BLEND_STEPS
    for target in (*_other_thumbs(angles), opened):
        steps = angles + t[:, None] * (target - angles)
        free = ~penetrates(hand, rest, steps)
        if free.any():
            step = int(np.argmax(free))
            return SampledPose(steps[step], kind, float(t[step]))
    return SampledPose(opened, kind, 1.0)  # taken as it is


def _other_thumbs(angles: np.ndarray) -> list[np.ndarray]:
    """The pose with its thumb lifted off the fingers, then out of the way."""
    lifted = angles.copy()
    lifted[DOF['thumb_elevation']] = UPPER[DOF['thumb_elevation']]
    poses = [lifted]
    for name in _THUMBS_ASIDE:
        pose = angles.copy()
        pose[_THUMB] = GESTURES[name][_THUMB]
        poses.append(pose)
    return poses


# Radii of the digits' segments in mm for a hand of 190 mm: thumb
# (metacarpal, proximal, distal), fingers (proximal, middle, distal).
_RADII = np.array(
    [[12.0, 10.5, 9.0], [10.0, 8.5, 7.2], [10.0, 8.5, 7.2], [9.4, 8.0, 6.8],
     [8.4, 7.0, 6.2]]
)  # fmt: skip
_PALM_RADIUS = 10.0
_PALM_FLESH = 13.0
_SAMPLES = 5
# Flesh gives way, and a fist presses its fingers into the palm.
_SOFTNESS = 0.6


def penetrates(
    hand: AnnyHand, rest: RestHand, angles: np.ndarray
) -> np.ndarray:
    """Whether two digits, or a digit and the palm, share space.

    Digits are strings of spheres along their bones; neighbours are not
    compared at their common base.

    Args:
        hand: The hand model.
        rest: Its shape.
        angles: (..., D) radians.

    Returns:
        ndarray: (...) bool.
    """
    keypoints = hand.pose_keypoints(rest, angles)['anatomical']
    scale = np.linalg.norm(rest.keypoints['anatomical'][12]) / 190.0
    centers = SPHERE_WEIGHTS @ keypoints / scale
    square = (centers * centers).sum(-1)
    apart = square[..., None] + square[..., None, :]
    apart -= 2 * centers @ centers.swapaxes(-1, -2)
    return (apart < _LIMITS).any((-1, -2))


def _sphere_weights() -> np.ndarray:
    """Weights (P, K) of the keypoints in the centres of the spheres.

    Five along each of the 15 bones of the digits, then five along each line
    from the wrist to a finger's base.
    """
    eye = np.eye(21)
    chains = eye[1:].reshape(5, 4, 21)
    t = (np.arange(_SAMPLES) + 0.5)[:, None] / _SAMPLES
    segments = chains[:, :3, None] * (1 - t) + chains[:, 1:, None] * t
    palm_t = np.linspace(0.25, 0.9, _SAMPLES)[:, None]
    palm = eye[0] + palm_t * (chains[1:, 0] - eye[0])[:, None]
    return np.concatenate([segments.reshape(-1, 21), palm.reshape(-1, 21)])


def _distance_limits() -> np.ndarray:
    """mm² (P, P) between spheres of a hand of 190 mm; -1 if anything goes."""
    shape = (5, 3, _SAMPLES)
    palm = np.full(4 * _SAMPLES, 5)
    radii = np.broadcast_to(_RADII[..., None], shape).ravel()
    radii = np.append(radii, np.full(len(palm), _PALM_RADIUS))
    digit = np.broadcast_to(np.arange(5)[:, None, None], shape).ravel()
    digit = np.append(digit, palm)
    base = np.zeros(shape, bool)
    base[:, 0] = True
    base[0, 1, 0] = True
    base = np.append(base.ravel(), palm == 5)
    relevant = digit[:, None] != digit
    relevant &= ~(base[:, None] & base)
    limit = _SOFTNESS * (radii[:, None] + radii)
    return np.where(relevant, limit**2, -1.0)


SPHERE_WEIGHTS = _sphere_weights()
"""Weights (P, K) of the keypoints in the centres of a hand's spheres."""
SPHERE_RADII = np.append(
    np.repeat(_RADII.ravel(), _SAMPLES), np.full(4 * _SAMPLES, _PALM_FLESH)
)
"""Their radii (P,) in mm for a hand of 190 mm, out to the skin."""
_LIMITS = _distance_limits()
