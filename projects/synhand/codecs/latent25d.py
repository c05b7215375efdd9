"""2.5D labels: a few numbers a keypoint, no volumes.

U. Iqbal, P. Molchanov, T. Breuel, J. Gall, J. Kautz: Hand pose estimation
via latent 2.5D heatmap regression, ECCV 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from mmpose.codecs.base import BaseKeypointCodec
from mmpose.registry import KEYPOINT_CODECS
from mmpose.structures.bbox import get_udp_warp_matrix
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


EXTRAS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = dict(
    side=(('hand_side', 'mirrored'), ('side_labels', 'side_weights')),
    family=(('joint_family',), ('joint_family',)),
    camera=(
        (
            'camera_matrix',
            'input_center',
            'input_scale',
            'bbox_rotation',
            'mirrored',
        ),
        (
            'crop_cameras',
            'camera_weights',
            'root_depths',
            'root_depth_weights',
        ),
    ),
)
"""Optional labels: what they need of a sample, and what they are called."""


def _side(about: dict) -> dict[str, FloatArray]:
    side = np.asarray(about['hand_side'])
    right = (side == 1) ^ bool(about.get('mirrored'))
    known = side >= 0
    return dict(
        side_labels=(right & known).astype(np.float32),
        side_weights=known.astype(np.float32),
    )


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
        extras: Further labels, of `EXTRAS`: `'side'`, `'family'`, `'camera'`
            (for crops that `AntialiasedTopdownAffine` made).
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
        extras: Sequence[str] = (),
    ) -> None:
        if not set(extras) <= set(EXTRAS):
            raise ValueError(
                f'extras: expected some of {tuple(EXTRAS)}, got {extras}'
            )
        self.extras = tuple(extras)
        self.auxiliary_encode_keys = set(type(self).auxiliary_encode_keys)
        self.label_mapping_table = dict(type(self).label_mapping_table)
        for extra in self.extras:
            self.auxiliary_encode_keys |= set(EXTRAS[extra][0])
            self.label_mapping_table.update({n: n for n in EXTRAS[extra][1]})
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
        **about: Any,
    ) -> dict[str, FloatArray]:
        """Labels of a sample.

        Args:
            keypoints: (N, K, 2) in pixels of the crop.
            keypoints_visible: (N, K), 1 = labelled; default: all.
            keypoints_cam: (N, K, 3) in mm, camera frame; None without 3D.
            keypoints_cam_valid: (N, K), 1 = known; default: where finite.
            bone_scale: (N,) length of the reference bone in mm; None or NaN:
                measured between the keypoints.
            **about: Other entries of the sample, for `extras`.

        Returns:
            `keypoint_labels` (N, K, 3): u, v, z (see the class);
            `keypoint_weights` (N, K): weight of u and v; `depth_weights`
            (N, K): weight of z. Unknown labels are 0 with weight 0.

            With `'side'`: `side_labels` (N,), 1 where the crop shows a right
            hand or a mirrored left one, and `side_weights` (N,). With
            `'family'`: `joint_family` (N,), see `JOINT_FAMILIES`. With
            `'camera'`: `crop_cameras` (N, 3, 3), which bring normalised
            camera coordinates (X / Z, Y / Z, 1), those of a mirrored crop
            mirrored, to (u, v, 1); `root_depths` (N,) in reference bones;
            `camera_weights` and `root_depth_weights` (N,).
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
        encoded = dict(
            keypoint_labels=labels,
            keypoint_weights=known.astype(np.float32),
            depth_weights=depth_known.astype(np.float32),
        )
        if 'side' in self.extras:
            encoded.update(_side(about))
        if 'family' in self.extras:
            family = about.get('joint_family')
            family = np.zeros(len(labels)) if family is None else family
            encoded['joint_family'] = np.asarray(family, np.int64)
        if 'camera' in self.extras:
            depths = self._root_depth(keypoints_cam, bone_scale, depth_known)
            encoded.update(depths, **self._crop_camera(about, len(labels)))
        return encoded

    def _root_depth(
        self,
        points: FloatArray | None,
        bone_scale: FloatArray | None,
        depth_known: npt.NDArray[np.bool_],
    ) -> dict[str, FloatArray]:
        depths = np.zeros(len(depth_known), np.float32)
        known = depth_known[:, self.root]
        if points is not None:
            scale = self._scale(points, bone_scale)
            depths[known] = (points[:, self.root, 2] / scale)[known]
        return dict(
            root_depths=depths, root_depth_weights=known.astype(np.float32)
        )

    def _crop_camera(self, about: dict, count: int) -> dict[str, FloatArray]:
        cameras = np.tile(np.eye(3, dtype=np.float32), (count, 1, 1))
        camera = about.get('camera_matrix')
        known = camera is not None and bool(np.isfinite(camera).all())
        if known:
            cameras[:] = self._to_crop(about) @ camera
            if about.get('mirrored'):
                cameras[:, :, 0] *= -1  # the camera sees a mirrored world
        weights = np.full(count, known, np.float32)
        return dict(crop_cameras=cameras, camera_weights=weights)

    def _to_crop(self, about: dict) -> npt.NDArray:
        """(3, 3): pixels of the image file to (u, v, 1)."""
        rotation = about.get('bbox_rotation')
        warp = get_udp_warp_matrix(
            about['input_center'],
            about['input_scale'],
            0.0 if rotation is None else float(rotation[0]),
            output_size=self.input_size,
        )
        matrix = np.vstack([warp / self._last[:, None], [0, 0, 1]])
        if about.get('mirrored'):
            matrix[0] = [0, 0, 1] - matrix[0]
        return matrix

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
        scale = self._scale(points, bone_scale)
        depth = points[..., 2] - points[..., self.root : self.root + 1, 2]
        depth = depth / scale[..., None]
        known = np.isfinite(depth)
        if valid is not None:
            known &= (valid > 0) & (valid[..., self.root, None] > 0)
        return depth, known

    def _scale(
        self, points: FloatArray, bone_scale: FloatArray | None
    ) -> npt.NDArray:
        """(N,) length of the reference bone in mm; NaN: unknown."""
        scale = reference_length(points, self.bone)
        if bone_scale is not None:
            scale = np.where(np.isnan(bone_scale), scale, bone_scale)
        return np.where(scale > 0, scale, np.nan)

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
