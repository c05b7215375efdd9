"""2.5D labels: a few numbers a keypoint, no volumes.

U. Iqbal, P. Molchanov, T. Breuel, J. Gall, J. Kautz: Hand pose estimation
via latent 2.5D heatmap regression, ECCV 2018.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from mmpose.codecs.base import BaseKeypointCodec
from mmpose.registry import KEYPOINT_CODECS
from torch import Tensor

from synhand.geometry.pose25d import reference_length
from synhand.skeleton import REFERENCE_BONE, ROOT

FloatArray = npt.NDArray[np.float32]

HAND_INSTANCE_TABLE = dict(
    bbox='bboxes',
    bbox_score='bbox_scores',
    bbox_scale='bbox_scales',
    keypoints='keypoints',
    keypoints_visible='keypoints_visible',
    keypoints_occluded='keypoints_occluded',
    keypoints_cam='keypoints_cam',
    keypoints_cam_valid='keypoints_cam_valid',
    camera_matrix='camera_matrix',
    hand_side='hand_side',
    bone_scale='bone_scale',
)
"""Entries of a sample and their names in `gt_instances`."""


@KEYPOINT_CODECS.register_module()
class Latent25DLabel(BaseKeypointCodec):
    """Keypoints of a crop as (u, v, z), and back.

    u and v are positions in the crop divided by (W - 1, H - 1): 0 and 1 are
    the centres of its first and last pixel, as `TopdownAffine` with UDP maps
    the box's edges. z is the depth relative to the root, Z - Z_root, divided
    by the length of the reference bone; crop, rotation in the image plane
    and mirroring leave it as it is.

    Note:
        - instance number: N
        - keypoint number: K
        - batch size: B
        - crop size: W, H

    Args:
        input_size: (W, H) of the crop in pixels.
        root: Keypoint that z is relative to.
        bone: Reference bone, the unit of z.
        inside_only: Do not train u and v of keypoints outside the crop.
    """

    auxiliary_encode_keys = {  # noqa: RUF012 - as in the base class
        'keypoints_cam',
        'keypoints_cam_valid',
        'bone_scale',
    }
    instance_mapping_table = HAND_INSTANCE_TABLE
    label_mapping_table = dict(
        keypoint_labels='keypoint_labels',
        keypoint_weights='keypoint_weights',
        depth_weights='depth_weights',
    )

    def __init__(
        self,
        input_size: tuple[int, int],
        root: int = ROOT,
        bone: tuple[int, int] = REFERENCE_BONE,
        inside_only: bool = True,
    ) -> None:
        self.input_size = tuple(input_size)
        self.root = root
        self.bone = tuple(bone)
        self.inside_only = inside_only
        self._last = np.array(self.input_size, np.float32) - 1

    def encode(
        self,
        keypoints: FloatArray,
        keypoints_visible: FloatArray | None = None,
        keypoints_cam: FloatArray | None = None,
        keypoints_cam_valid: FloatArray | None = None,
        bone_scale: FloatArray | None = None,
    ) -> dict[str, FloatArray]:
        """Labels of a sample.

        Args:
            keypoints: (N, K, 2) in pixels of the crop.
            keypoints_visible: (N, K), 1 = labelled; default: all.
            keypoints_cam: (N, K, 3) in mm, camera frame; None without 3D.
            keypoints_cam_valid: (N, K), 1 = known; default: where finite.
            bone_scale: (N,) length of the reference bone in mm; None or NaN:
                measured between the keypoints.

        Returns:
            `keypoint_labels` (N, K, 3): u, v, z (see the class);
            `keypoint_weights` (N, K): weight of u and v; `depth_weights`
            (N, K): weight of z. Unknown labels are 0 with weight 0.
        """
        position = keypoints[..., :2] / self._last
        known = np.isfinite(position).all(-1)
        if self.inside_only:
            known &= ((position >= 0) & (position <= 1)).all(-1)
        if keypoints_visible is not None:
            known &= keypoints_visible > 0
        depth, depth_known = self._depth(
            keypoints_cam, keypoints_cam_valid, bone_scale, known.shape
        )
        labels = np.zeros((*known.shape, 3), np.float32)
        labels[known, :2] = position[known]
        labels[depth_known, 2] = depth[depth_known]
        return dict(
            keypoint_labels=labels,
            keypoint_weights=known.astype(np.float32),
            depth_weights=depth_known.astype(np.float32),
        )

    def _depth(
        self,
        points: FloatArray | None,
        valid: FloatArray | None,
        bone_scale: FloatArray | None,
        shape: tuple[int, ...],
    ) -> tuple[npt.NDArray, npt.NDArray[np.bool_]]:
        """z (N, K), and where it is known (N, K)."""
        if points is None:
            return np.zeros(shape), np.zeros(shape, bool)
        scale = reference_length(points, self.bone)
        if bone_scale is not None:
            scale = np.where(np.isnan(bone_scale), scale, bone_scale)
        depth = points[..., 2] - points[..., self.root : self.root + 1, 2]
        depth = depth / np.where(scale > 0, scale, np.nan)[..., None]
        known = np.isfinite(depth)
        if valid is not None:
            known &= (valid > 0) & (valid[..., self.root, None] > 0)
        return depth, known

    def decode(self, encoded: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The numpy twin of :meth:`batch_decode`, without mirroring.

        Args:
            encoded: (N, K, 3): u, v, z as in the class.

        Returns:
            (N, K, 3): u, v in pixels of the crop as the stock estimator
            counts them (times W / (W - 1), as `UDPHeatmap`), and z; and
            scores (N, K), all 1.
        """
        keypoints = np.array(encoded, np.float32)
        keypoints[..., :2] *= np.array(self.input_size, np.float32)
        return keypoints, np.ones(keypoints.shape[:-1], np.float32)

    def batch_decode(
        self,
        batch_encoded: Tensor,
        batch_scores: Tensor,
        mirrored: Tensor | None = None,
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Predictions of a batch, on its device.

        Args:
            batch_encoded: (B, K, 3): u, v, z as in the class.
            batch_scores: (B, K).
            mirrored: (B,) bool, the crops that were mirrored.

        Returns:
            (B, 1, K, 3) and (B, 1, K), as :meth:`decode`; u mirrored back.
        """
        size = batch_encoded.new_tensor([*self.input_size, 1])
        if mirrored is not None:
            u = batch_encoded[..., :1]
            u = torch.where(mirrored[:, None, None], 1 - u, u)
            batch_encoded = torch.cat([u, batch_encoded[..., 1:]], -1)
        keypoints = (batch_encoded * size).detach().cpu().float().numpy()
        scores = batch_scores.detach().cpu().float().numpy()
        return keypoints[:, None], scores[:, None]
