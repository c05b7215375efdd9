"""From a sample to what models and metrics take."""

from __future__ import annotations

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import InstanceData
from mmpose.datasets.transforms import PackPoseInputs
from mmpose.registry import TRANSFORMS
from mmpose.structures import PoseDataSample

from synhand.codecs.latent25d import HAND_INSTANCE_TABLE

_META_KEYS = (
    'id',
    'img_id',
    'img_path',
    'ori_shape',
    'img_shape',
    'input_size',
    'input_center',
    'input_scale',
    'bbox_rotation',
    'flip_indices',
    'dataset_name',
    'mirrored',
    'camera_matrix',
    'bone_scale',
    'interacting',
    'group',
    'view',
    'joint_family',
    'input_keypoints',
)


@TRANSFORMS.register_module()
class PackHandInputs(PackPoseInputs):
    """MMPose's `PackPoseInputs` that keeps what hands have beside 2D.

    The ground truth of `HAND_INSTANCE_TABLE` is packed with and without
    labels of a codec, whatever the codec's own tables say; camera matrix,
    given bone length and mirroring go into the metainfo, where the
    estimator finds them.

    Args:
        meta_keys: Entries of the sample that become metainfo.
        pack_transformed: Also pack keypoints of the crop, for drawing.
    """

    def __init__(
        self,
        meta_keys: tuple[str, ...] = _META_KEYS,
        pack_transformed: bool = False,
    ) -> None:
        super().__init__(tuple(meta_keys), pack_transformed)

    def transform(self, results: dict) -> dict:
        own = results.get('instance_mapping_table', {})
        results['instance_mapping_table'] = {
            **HAND_INSTANCE_TABLE,
            'head_size': 'head_size',  # CMU Panoptic's normaliser
            'vertices_cam': 'vertices_cam',  # of sets with true meshes
            **own,
        }
        return super().transform(results)


@TRANSFORMS.register_module()
class PackHandLabels(BaseTransform):
    """Packs only the image and a codec's labels: cheap, for training.

    Labels stay numpy arrays, for the reason that a tensor costs a loader a
    file handle each; the heads of this project take both.
    """

    def transform(self, results: dict) -> dict:
        labels = InstanceData()
        for key, name in results['label_mapping_table'].items():
            labels.set_field(results[key], name)
        sample = PoseDataSample(gt_instance_labels=labels)
        pixels = np.ascontiguousarray(results['img'].transpose(2, 0, 1))
        return dict(inputs=torch.from_numpy(pixels), data_samples=sample)
