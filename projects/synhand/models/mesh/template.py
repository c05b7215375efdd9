"""The hand that mesh networks predict: which vertices, joined how.

V vertices of the hand without forearm, W of a coarser version, K keypoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synhand.hands.anny_layer import AnnyLayer
from synhand.hands.layer import HandModel, skeleton_adjacency
from synhand.hands.mano import ManoHand
from synhand.hands.meshes import MeshLevel
from synhand.skeleton import REFERENCE_BONE, ROOT

FloatArray = npt.NDArray[np.float32]

_POSES = 192
_NEAR = 160
_RIDGE = 1e-3  # more would be exact, and magnify errors of vertices


@dataclass(frozen=True)
class HandTemplate:
    """A right hand at zero pose and mean shape, and its resolutions.

    Attributes:
        joints: (K, 3) in reference bones, relative to the wrist.
        coarse: (W, 3), the same; W = 0 without a coarse mesh.
        vertex_ids: (V,) numbers in the hand model's mesh.
        faces: (F, 3) in the numbers of the V vertices.
        adjacency: (W, W) normalised (T. Kipf, M. Welling, ICLR 2017);
            (K, K) of the skeleton without a coarse mesh.
        up: (V, W), rows sum to 1: V vertices from W.
        coarse_ids: (W,) numbers among the V vertices.
        regressor: (K, V), rows sum to 1: keypoints from vertices.
    """

    joints: FloatArray
    coarse: FloatArray
    vertex_ids: npt.NDArray[np.int64]
    faces: npt.NDArray[np.int64]
    adjacency: FloatArray
    up: FloatArray
    coarse_ids: npt.NDArray[np.int64]
    regressor: FloatArray


def hand_layer(mano: str | None = None) -> HandModel:
    """The right hand that comes with the package, or that of a MANO file.

    Raises:
        FileNotFoundError, ValueError: See :class:`ManoHand`.
    """
    return AnnyLayer() if mano is None else ManoHand(mano, side='right')


def in_bones(points: Tensor, keypoints: Tensor) -> Tensor:
    """Points relative to the root, in lengths of the reference bone.

    Args:
        points: (B, P, 3), in the frame and unit of `keypoints`.
        keypoints: (B, K, 3).
    """
    first, second = (keypoints[:, k] for k in REFERENCE_BONE)
    length = (second - first).norm(dim=-1)[:, None, None]
    return (points - keypoints[:, ROOT, None]) / length


@lru_cache
def hand_faces(
    mano: str | None = None,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Numbers (V,) of the hand's vertices without forearm, faces (F, 3)."""
    with torch.device('cpu'):
        level = hand_layer(mano).levels(())[0]
    return level.vertex_ids, level.faces


@lru_cache
def hand_template(
    mano: str | None = None,
    family: str = 'anatomical',
    size: int | None = 195,
) -> HandTemplate:
    """The template of a network.

    Args:
        mano: See :func:`hand_layer`.
        family: Of the keypoints.
        size: W; None: no coarse mesh.

    Raises:
        ValueError: The mesh cannot be made as coarse.
    """
    # A model may be built on another device, for its shapes alone.
    with torch.device('cpu'), torch.no_grad():
        hand = hand_layer(mano).double()
        fine, *coarser = hand.levels([size] if size else [])
        still = hand(
            hand.mean.new_zeros(1, hand.num_shape),
            hand.mean.new_zeros(1, hand.num_dofs),
        )
        joints = still.keypoints[family]
        vertices = in_bones(still.vertices, joints)[0].numpy()
        regressor = keypoint_regressor(hand, fine.vertex_ids, family)
        coarse = coarser[0] if coarser else None
        ids = coarse.vertex_ids if coarse else np.zeros(0, np.int64)
        graph = coarse or _skeleton(fine)
        up = coarse.up.toarray() if coarse else np.zeros((0, 0))
        return HandTemplate(
            in_bones(joints, joints)[0].numpy().astype(np.float32),
            vertices[ids].astype(np.float32),
            fine.vertex_ids,
            fine.faces,
            graph.normalized_adjacency().toarray().astype(np.float32),
            up.astype(np.float32),
            np.searchsorted(fine.vertex_ids, ids),
            regressor.astype(np.float32),
        )


def _skeleton(fine: MeshLevel) -> MeshLevel:
    """The keypoints as the coarsest level."""
    joints = skeleton_adjacency()
    return MeshLevel(np.arange(joints.shape[0]), fine.faces[:0], joints, None)


def keypoint_regressor(
    hand: HandModel,
    vertex_ids: npt.NDArray[np.int64] | Sequence[int],
    family: str = 'anatomical',
) -> npt.NDArray[np.float64]:
    """Weights (K, V) that give a hand's keypoints from its vertices.

    Fitted to random shapes and natural poses: each keypoint is a weighted
    mean of the vertices that lie nearest to it at rest.

    Args:
        hand: The hand model, in float64.
        vertex_ids: (V,) vertices that may be used.
        family: Of the keypoints.
    """
    points, targets = _random_hands(hand, vertex_ids, family)
    weights = np.zeros((targets.shape[1], points.shape[1]))
    apart = targets.mean(0)[:, None] - points.mean(0)
    order = np.linalg.norm(apart, axis=-1).argsort(1)[:, :_NEAR]
    for keypoint, near in enumerate(order):
        weights[keypoint, near] = _mean_weights(
            points[:, near], targets[:, keypoint]
        )
    return weights


def _random_hands(
    hand: HandModel, vertex_ids: object, family: str
) -> tuple[npt.NDArray, npt.NDArray]:
    """Vertices (N, V, 3) and keypoints (N, K, 3) in mm."""
    generator = torch.Generator().manual_seed(0)

    def normal(size: int) -> Tensor:
        draws = torch.randn(_POSES, size, generator=generator)
        return draws.to(hand.mean)

    dofs = hand.from_pca(normal(hand.num_dofs))
    dofs = torch.minimum(torch.maximum(dofs, hand.lower), hand.upper)
    found = hand(normal(hand.num_shape) * hand.shape_std, dofs)
    assert found.vertices is not None
    vertices = found.vertices[:, torch.as_tensor(np.array(vertex_ids))]
    return vertices.numpy(), found.keypoints[family].numpy()


def _mean_weights(
    points: npt.NDArray, targets: npt.NDArray
) -> npt.NDArray[np.float64]:
    """Weights (n,) of sum 1 for points (N, n, 3) to meet targets (N, 3)."""
    middle = points.mean(1, keepdims=True)
    design = (points - middle).swapaxes(1, 2).reshape(-1, points.shape[1])
    wanted = (targets - middle[:, 0]).reshape(-1)
    normal = design.T @ design
    ridge = _RIDGE * np.trace(normal) / len(normal) * np.eye(len(normal))
    weights = np.linalg.solve(normal + ridge, design.T @ wanted)
    return weights - weights.mean() + 1 / len(weights)
