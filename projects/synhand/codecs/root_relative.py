"""3D labels: root-relative, in reference bones, as the crop shows them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from mmpose.registry import KEYPOINT_CODECS

from synhand.codecs.latent25d import Latent25DLabel
from synhand.geometry.placement import virtual_rotation

FloatArray = npt.NDArray[np.float32]


@KEYPOINT_CODECS.register_module()
class RootRelativeLabel(Latent25DLabel):
    """The labels of `Latent25DLabel`, and 3D relative to the root.

    The 3D is (P - P_root) / s, s the length of the reference bone, in the
    frame of the camera that looks at the crop's centre
    (:mod:`synhand.geometry.placement`): turned with the crop, mirrored with
    it. A network finds in the crop all that this frame depends on.

    Note:
        - instance number: N
        - keypoint number: K
    """

    auxiliary_encode_keys = {  # noqa: RUF012 - as in the base class
        *Latent25DLabel.auxiliary_encode_keys,
        'camera_matrix',
        'input_center',
        'bbox_rotation',
        'mirrored',
    }
    label_mapping_table = dict(
        Latent25DLabel.label_mapping_table,
        relative_labels='relative_labels',
        relative_weights='relative_weights',
    )

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
            **about: What `Latent25DLabel` takes, and `camera_matrix`
                (N, 3, 3) in pixels of the image file; `input_center` (2,),
                the crop's centre in the same; `bbox_rotation` (N,), the
                box's turn in degrees, as `TopdownAffine` takes it, or None;
                `mirrored`, whether the crop was.

        Returns:
            Those of `Latent25DLabel`; `relative_labels` (N, K, 3), 0 where
            unknown; `relative_weights` (N, K). The 3D is unknown without a
            camera.
        """
        found = super().encode(keypoints, keypoints_visible, **about)
        relative = np.zeros((*keypoints.shape[:-1], 3), np.float32)
        known = np.zeros(relative.shape[:-1], bool)
        if about.get('keypoints_cam') is not None and (
            about.get('camera_matrix') is not None
        ):
            turned = self._turned(about)
            known = found['depth_weights'] > 0
            known &= np.isfinite(turned).all(-1)
            relative[known] = turned[known]
        return dict(
            found,
            relative_labels=relative,
            relative_weights=known.astype(np.float32),
        )

    def _turned(self, about: dict) -> npt.NDArray[np.float64]:
        """(N, K, 3) in the crop's frame; NaN where unknown."""
        points = about['keypoints_cam']
        scale = self._scale(points, about.get('bone_scale'))
        centred = points - points[..., self.root : self.root + 1, :]
        rotation = virtual_rotation(
            about['camera_matrix'],
            about['input_center'],
            about.get('bbox_rotation'),
        )
        turned = centred / scale[..., None, None]
        turned = turned @ np.swapaxes(rotation, -1, -2)
        turned[..., 0] *= -1 if about.get('mirrored') else 1
        return turned
