"""Labels of a mesh: the hand's parameters, and where it must not be."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from mmpose.registry import KEYPOINT_CODECS

from synhand.codecs.root_relative import RootRelativeLabel

FloatArray = npt.NDArray[np.float32]


@KEYPOINT_CODECS.register_module()
class HandMeshLabel(RootRelativeLabel):
    """The labels of `RootRelativeLabel`, and what a mesh is made of.

    A mesh is not shipped: the head makes it on its device from the hand's
    pose and shape and aligns its keypoints to `relative_labels`.

    Note:
        - instance number: N
        - degrees of freedom: D, shape coefficients: C

    Args:
        *args: Those of `RootRelativeLabel`.
        num_dofs: D of the hand model that the set's parameters are of.
        num_shape: C of the same.
        mask_size: Cells along each side of `outside_map`.
        **kwargs: Those of `RootRelativeLabel`.
    """

    auxiliary_encode_keys = {  # noqa: RUF012 - as in the base class
        *RootRelativeLabel.auxiliary_encode_keys,
        'hand_pose',
        'hand_shape',
        'hand_side',
        'outside_map',
    }
    label_mapping_table = dict(
        RootRelativeLabel.label_mapping_table,
        pose_labels='pose_labels',
        shape_labels='shape_labels',
        mesh_weights='mesh_weights',
        outside_map='outside_map',
        outside_weights='outside_weights',
    )

    def __init__(
        self,
        *args: Any,
        num_dofs: int = 26,
        num_shape: int = 40,
        mask_size: int = 24,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.num_dofs, self.num_shape = num_dofs, num_shape
        self.mask_size = mask_size

    def encode(
        self,
        keypoints: FloatArray,
        keypoints_visible: FloatArray | None = None,
        **about: Any,
    ) -> dict[str, FloatArray]:
        """Labels of a sample.

        Args:
            keypoints: See `Latent25DLabel`.
            keypoints_visible: See `Latent25DLabel`.
            **about: What `RootRelativeLabel` takes; `hand_pose` (N, D)
                radians and `hand_shape` (N, C) of the hand model, or None;
                `hand_side` (N,); `outside_map` (N, H, W) of `OutsideMap`,
                or None.

        Returns:
            Those of `RootRelativeLabel`; `pose_labels` (N, D),
            `shape_labels` (N, C) and `mesh_weights` (N,), 1 where the
            parameters and the 3D of all keypoints are known and the crop
            shows a right hand; `outside_map` (N, H, W) and
            `outside_weights` (N,). Unknown ones are 0.

        Raises:
            ValueError: Parameters of another hand model.
        """
        found = super().encode(keypoints, keypoints_visible, **about)
        count = len(keypoints)
        pose, shape = (
            _checked(about.get(name), (count, size), name)
            for name, size in (
                ('hand_pose', self.num_dofs),
                ('hand_shape', self.num_shape),
            )
        )
        known = (found['relative_weights'] > 0).all(-1) & _right(about, count)
        known &= about.get('hand_pose') is not None
        outside, has_mask = about.get('outside_map'), True
        if outside is None:
            outside, has_mask = np.zeros((count, *[self.mask_size] * 2)), False
        return dict(
            found,
            pose_labels=pose,
            shape_labels=shape,
            mesh_weights=known.astype(np.float32),
            outside_map=np.asarray(outside, np.float32),
            outside_weights=np.full(count, has_mask, np.float32),
        )


def _checked(
    values: npt.ArrayLike | None, shape: tuple[int, int], name: str
) -> FloatArray:
    array = np.zeros(shape, np.float32)
    if values is None:
        return array
    given = np.asarray(values, np.float32)
    if given.shape != shape:
        raise ValueError(
            f'{name}: expected shape {shape} of the hand model that '
            f'HandMeshLabel is set to, got {given.shape}'
        )
    return given


def _right(about: dict, count: int) -> npt.NDArray[np.bool_]:
    """(N,) whether the crop shows a right hand, or a mirrored left one."""
    side = about.get('hand_side')
    wanted = 0 if about.get('mirrored') else 1
    if side is None:
        return np.zeros(count, bool)
    return np.asarray(side) == wanted
