"""Differentiable hands: shape and pose to vertices and keypoints, batched.

One interface, :class:`HandModel`, for the free hand that comes with the
package (:class:`synhand.hands.anny_layer.AnnyLayer`) and for the MANO file
of a user who holds its licence (:class:`synhand.hands.mano.ManoHand`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.sparse import csr_matrix
from torch import Tensor, nn

from synhand.hands.anny_hand import ADULT_LENGTH_MM
from synhand.hands.meshes import MeshLevel, edges_of, mesh_levels
from synhand.hands.rotations import (
    matrix_to_quaternion,
    quaternion_product,
    to_matrices,
)
from synhand.skeleton import BONES, FINGERTIPS, NUM_KEYPOINTS


@dataclass(frozen=True)
class HandOutput:
    """B posed hands in mm, in the frame the global rotation leads to.

    Attributes:
        vertices: (B, V, 3); None where only keypoints were asked for.
        keypoints: Per joint family (B, K, 3).
    """

    vertices: Tensor | None
    keypoints: dict[str, Tensor]

    @property
    def tips(self) -> Tensor:
        """Fingertips (B, 5, 3), thumb to little; equal in both families."""
        return self.keypoints['mano'][:, list(FINGERTIPS)]


@dataclass(frozen=True)
class RestHands:
    """B hands of their shapes in the rest pose, mm.

    Attributes:
        vertices: (B, V, 3), or None.
        pivots: Where the bones turn, (B, N, 3).
        keypoints: (B, 2 K, 3), the families one after the other.
    """

    vertices: Tensor | None
    pivots: Tensor
    keypoints: Tensor


class HandModel(nn.Module):
    """Skinning over a linear shape basis; linear blend skinning by default.

    A model has C shape coefficients, N bones of which J turn, and D degrees
    of freedom: its own coordinates of a pose. Everything is in mm. Tensors
    are buffers, so that `.to(device)` moves the model.

    Args:
        mean: (V + N + 2 K, 3): rest vertices, pivots of the bones, keypoints
            of both families.
        basis: (C, V + N + 2 K, 3), their change with each coefficient.
        weights: (V, N) skinning weights.
        faces: (F, 3).
        parents: (N,) of the bones; the root has -1.
        carriers: (2 K,) the bone that each keypoint moves with.
        pose_space: Mean (D,), components (D, D) in rows and their standard
            deviations (D,) of natural poses.
        limits: Lower and upper (D,) bounds of the degrees of freedom.
        shape_std: (C,) how people vary in each coefficient.
        side: 0 left, 1 right.
        dtype: Of all tensors.
    """

    def __init__(
        self,
        mean: npt.NDArray,
        basis: npt.NDArray,
        weights: npt.NDArray,
        faces: npt.NDArray,
        parents: npt.NDArray,
        carriers: npt.NDArray,
        pose_space: tuple[npt.NDArray, npt.NDArray, npt.NDArray],
        limits: tuple[npt.NDArray, npt.NDArray],
        shape_std: npt.NDArray,
        side: int,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.side = side
        self.num_vertices, self.num_bones = weights.shape
        self.num_shape = len(basis)
        self.num_dofs = len(pose_space[0])
        self._levels = _tree(np.asarray(parents))
        listed = [bone for bones, _ in self._levels for bone in bones]
        self._order = np.argsort(listed).tolist()

        def buffer(name: str, value: npt.NDArray) -> None:
            self.register_buffer(
                name, torch.as_tensor(value).to(dtype), persistent=False
            )

        buffer('mean', mean.reshape(-1))
        buffer('basis', basis.reshape(len(basis), -1))
        buffer('weights', weights)
        for name, value in zip(
            ('mean', 'components', 'std'), pose_space, strict=True
        ):
            buffer(f'pose_{name}', value)
        for name, value in zip(('lower', 'upper'), limits, strict=True):
            buffer(name, value)
        buffer('shape_std', shape_std)
        buffer('mean_length', np.array(ADULT_LENGTH_MM))
        for name, value in (('faces', faces), ('carriers', carriers)):
            self.register_buffer(
                name, torch.as_tensor(np.array(value, np.int64)), False
            )

    mean: Tensor
    basis: Tensor
    weights: Tensor
    faces: Tensor
    carriers: Tensor
    pose_mean: Tensor
    pose_components: Tensor
    pose_std: Tensor
    lower: Tensor
    upper: Tensor
    shape_std: Tensor
    mean_length: Tensor

    @property
    def num_joints(self) -> int:
        """Rotations J that :meth:`forward` takes as a pose."""
        raise NotImplementedError

    def rotations(self, dofs: Tensor) -> Tensor:
        """Joint rotations (B, J, 3, 3) of degrees of freedom (B, D)."""
        raise NotImplementedError

    def _bone_rotations(self, joints: Tensor) -> Tensor:
        """Rotations (B, N, 3, 3) of bones against their parents."""
        raise NotImplementedError

    # ---- pose space ----------------------------------------------------

    def from_pca(self, coefficients: Tensor) -> Tensor:
        """Degrees of freedom (B, D) of n coefficients (B, n).

        Coefficients are in standard deviations of the natural poses.
        """
        n = coefficients.shape[-1]
        scaled = coefficients * self.pose_std[:n]
        return self.pose_mean + scaled @ self.pose_components[:n]

    def to_pca(self, dofs: Tensor, components: int | None = None) -> Tensor:
        """Coefficients (B, n) of degrees of freedom (B, D)."""
        n = components or self.num_dofs
        found = (dofs - self.pose_mean) @ self.pose_components[:n].T
        return found / self.pose_std[:n]

    # ---- resolutions ---------------------------------------------------

    def hand_vertices(self) -> npt.NDArray[np.bool_]:
        """Which vertices (V,) belong to the hand, and not to the forearm."""
        return np.ones(self.num_vertices, bool)

    def template(self) -> npt.NDArray[np.float64]:
        """Vertices (V, 3) of the mean shape in the rest pose, mm."""
        zero = self.mean.new_zeros(1, self.num_shape)
        vertices = self.rest(zero).vertices
        assert vertices is not None
        return vertices[0].double().cpu().numpy()

    def levels(self, sizes: Sequence[int]) -> list[MeshLevel]:
        """The hand without forearm and coarser versions of it.

        Args:
            sizes: Numbers of vertices of the coarser ones, falling; Mesh
                Graphormer's is about 200.

        Raises:
            ValueError: See :func:`synhand.hands.meshes.mesh_levels`.
        """
        faces = self.faces.cpu().numpy()
        keep = self.hand_vertices()
        return mesh_levels(self.template(), faces, sizes, keep)

    # ---- hands ---------------------------------------------------------

    def rest(
        self,
        shape: Tensor,
        length: Tensor | None = None,
        vertices: bool = True,
    ) -> RestHands:
        """Hands of given shapes in the rest pose.

        Args:
            shape: (B, C) coefficients.
            length: (B,) mm, wrist joint to tip of the middle finger; None
                keeps the shapes' own sizes.
            vertices: Also the surface.
        """
        start = 0 if vertices else 3 * self.num_vertices
        flat = torch.addmm(
            self.mean[start:], shape.to(self.basis), self.basis[:, start:]
        )
        points = flat.unflatten(-1, (-1, 3))
        skin = self.num_vertices if vertices else 0
        surface, pivots, keypoints = points.split(
            [skin, self.num_bones, len(self.carriers)], dim=1
        )
        if length is not None:
            origin = self._origin(pivots)
            reach = self._middle_end(keypoints) - origin[:, 0]
            scale = (length / reach.norm(dim=-1))[:, None, None]
            surface, pivots, keypoints = (
                origin + (part - origin) * scale
                for part in (surface, pivots, keypoints)
            )
        return RestHands(surface if vertices else None, pivots, keypoints)

    def _middle_end(self, keypoints: Tensor) -> Tensor:
        """(B, 3), the end of the middle finger that lengths reach to."""
        return keypoints[:, FINGERTIPS[2]]

    def _origin(self, pivots: Tensor) -> Tensor:
        """What keeps its place in scaling and turning, (B, 1, 3)."""
        raise NotImplementedError

    def forward(
        self,
        shape: Tensor,
        pose: Tensor,
        rotation: Tensor | None = None,
        translation: Tensor | None = None,
        length: Tensor | None = None,
        vertices: bool = True,
    ) -> HandOutput:
        """Posed hands.

        Args:
            shape: (B, C) coefficients.
            pose: (B, D) degrees of freedom, or one rotation a joint:
                (B, J, 3) axis-angle in radians, (B, J, 6) two columns or
                (B, J, 3, 3) matrices.
            rotation: Of the whole hand about its wrist, (B, 3), (B, 6) or
                (B, 3, 3); None for none.
            translation: (B, 3) mm, added last; None for none.
            length: (B,) mm, see :meth:`rest`.
            vertices: False leaves the surface out, which is much faster.

        Returns:
            HandOutput: In mm.

        Raises:
            ValueError: A pose or rotation of another shape.
        """
        rest = self.rest(shape, length, vertices)
        joints = self._joint_rotations(pose)
        turns, moves = self._chain(self._bone_rotations(joints), rest.pivots)
        turns, moves = _place(
            turns, moves, self._origin(rest.pivots), rotation, translation
        )
        keypoints = self._keypoints(rest, joints, turns, moves)
        surface = None
        if rest.vertices is not None:
            corrected = self._corrected(rest, joints)
            surface = self._skin(corrected, turns, moves)
        anatomical, mano = keypoints.chunk(2, dim=1)
        return HandOutput(surface, dict(anatomical=anatomical, mano=mano))

    def _joint_rotations(self, pose: Tensor) -> Tensor:
        if pose.ndim == 2:
            if pose.shape[1] != self.num_dofs:
                raise ValueError(
                    f'pose: expected (B, {self.num_dofs}) degrees of freedom '
                    f'or (B, {self.num_joints}, ...) rotations, got shape '
                    f'{tuple(pose.shape)}'
                )
            return self.rotations(pose)
        if pose.shape[1] != self.num_joints:
            raise ValueError(
                f'pose: expected {self.num_joints} rotations, got shape '
                f'{tuple(pose.shape)}'
            )
        return to_matrices(pose, leading=2)

    def _chain(self, local: Tensor, pivots: Tensor) -> tuple[Tensor, Tensor]:
        """Rotations (B, N, 3, 3) and translations (B, N, 3) of bones."""
        turn: list[Tensor] = []
        move: list[Tensor] = []
        for bones, parents in self._levels:
            step, centre = local[:, bones], pivots[:, bones]
            place = centre
            if parents:
                parent = turn[-1][:, parents]
                place = _carry(centre, parent, move[-1][:, parents])
                step = parent @ step
            turn.append(step)
            move.append(place - _apply(step, centre))
        order = self._order
        return torch.cat(turn, 1)[:, order], torch.cat(move, 1)[:, order]

    def _corrected(self, rest: RestHands, joints: Tensor) -> Tensor:
        """Rest vertices (B, V, 3) with what the pose adds to them."""
        assert rest.vertices is not None
        return rest.vertices

    def _skin(self, points: Tensor, turns: Tensor, moves: Tensor) -> Tensor:
        """Vertices (B, V, 3) that move with the bones."""
        return skin(self.weights, points, turns, moves)

    def _keypoints(
        self, rest: RestHands, joints: Tensor, turns: Tensor, moves: Tensor
    ) -> Tensor:
        """Posed keypoints (B, 2 K, 3); each moves with one bone."""
        of_bone = turns[:, self.carriers], moves[:, self.carriers]
        return _carry(rest.keypoints, *of_bone)


def skin(
    weights: Tensor, points: Tensor, turns: Tensor, moves: Tensor
) -> Tensor:
    """Linear blend skinning of points (B, P, 3) by weights (P, N).

    Args:
        weights: (P, N), rows sum to 1.
        points: (B, P, 3) at rest.
        turns: (B, N, 3, 3) rotations of the bones.
        moves: (B, N, 3) translations of the bones.
    """
    columns = torch.cat([turns.mT, moves[:, :, None]], 2).flatten(2)
    x, y, z, move = (weights @ columns).unflatten(-1, (4, 3)).unbind(-2)
    u, v, w = points.split(1, -1)
    return x * u + y * v + z * w + move


def rigid_skin(
    weights: Tensor,
    points: Tensor,
    turns: Tensor,
    moves: Tensor,
    levels: Sequence[tuple[list[int], list[int]]],
    order: Sequence[int],
) -> Tensor:
    """Dual quaternion skinning, the torch twin of `skinning.skin`.

    Args:
        weights: See :func:`skin`; so `points`, `turns` and `moves`.
        levels: Of :func:`_tree`.
        order: Places of the bones in the levels, one after the other.
    """
    quaternions = _along_tree(turns, levels)[:, order]
    none = torch.zeros_like(moves[..., :1])
    dual = quaternion_product(torch.cat([none, moves], -1), quaternions) / 2
    blended = weights @ torch.cat([quaternions, dual], -1)
    real, dual = blended.split(4, -1)
    length = real.norm(dim=-1, keepdim=True)
    (w, v), (dual_w, dual_v) = (
        (part / length).split([1, 3], -1) for part in (real, dual)
    )
    cross = torch.linalg.cross
    turned = cross(v, cross(v, points) + w * points)
    moved = turned + w * dual_v - dual_w * v + cross(v, dual_v)
    return points + 2 * moved


def _along_tree(
    turns: Tensor, levels: Sequence[tuple[list[int], list[int]]]
) -> Tensor:
    """Quaternions (B, N, 4) of bones level by level, each of the sign that is
    nearer to its parent's."""
    found: list[Tensor] = []
    before: list[int] = []
    for bones, parents in levels:
        step = turns[:, bones]
        if parents:
            above = turns[:, [before[p] for p in parents]]
            local = matrix_to_quaternion(above.mT @ step)
            found.append(quaternion_product(found[-1][:, parents], local))
        else:
            found.append(matrix_to_quaternion(step))
        before = bones
    return torch.cat(found, 1)


def _tree(parents: npt.NDArray) -> list[tuple[list[int], list[int]]]:
    """Bones by their distance from the root.

    Each level has its bones and the places of their parents in the level
    before.
    """
    level = [int(bone) for bone in np.flatnonzero(parents < 0)]
    levels: list[tuple[list[int], list[int]]] = [(level, [])]
    while True:
        before = level
        level = [int(b) for b in np.flatnonzero(np.isin(parents, before))]
        if not level:
            return levels
        levels.append((level, [before.index(parents[b]) for b in level]))


def _apply(turns: Tensor, points: Tensor) -> Tensor:
    return (turns @ points[..., None])[..., 0]


def _carry(points: Tensor, turns: Tensor, moves: Tensor) -> Tensor:
    return _apply(turns, points) + moves


def _place(
    turns: Tensor,
    moves: Tensor,
    origin: Tensor,
    rotation: Tensor | None,
    translation: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Bone transforms followed by the motion of the whole hand."""
    if rotation is not None:
        turn = to_matrices(rotation, leading=1)[:, None]
        turns = turn @ turns
        moves = origin + _apply(turn, moves - origin)
    if translation is not None:
        moves = moves + translation[:, None]
    return turns, moves


def skeleton_adjacency() -> csr_matrix:
    """Adjacency (K, K) of the 21 keypoints, 1 along the bones.

    The coarsest graph of a hand, for networks without a mesh.
    """
    return edges_of(np.array(BONES), NUM_KEYPOINTS)
