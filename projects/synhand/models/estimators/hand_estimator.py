"""Top-down estimator whose result is 3D."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mmengine.structures import InstanceData
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from mmpose.utils.typing import InstanceList, PixelDataList, SampleList
from torch import Tensor

from synhand.geometry.bone_fit import fit_bone_lengths
from synhand.geometry.planar import planar_rotation
from synhand.geometry.pose25d import from_25d, to_25d
from synhand.hands.keypoint_prior import default_keypoint_prior
from synhand.models.autocast import autocast_as
from synhand.models.estimators.cameras import camera_of
from synhand.models.estimators.families import answer_in_family
from synhand.models.estimators.turned_views import (
    mean_prediction,
    rotate_images,
    turn_back,
)
from synhand.models.heads.parts import rays_of
from synhand.skeleton import MEAN_BONE_LENGTHS_MM


@MODELS.register_module()
class HandPoseEstimator(TopdownPoseEstimator):
    """MMPose's top-down estimator, with 2.5D and 3D keypoints.

    To the stock prediction it adds, for a head that gives `keypoints_z`,
    `keypoints_25d` (1, K, 3): u, v in pixels of the image file, z relative
    to the wrist in lengths of the reference bone; and `keypoints_cam`
    (1, K, 3) in mm, camera frame (x right, y down, z forward). The camera is
    the metainfo's `camera_matrix` where that is known, else an assumed one;
    the metainfo's `camera` says which: `'given'` or `'assumed'`. The scale
    is the metainfo's `bone_scale` (mm, only where a benchmark gives it),
    else that of an average hand.

    Args:
        *args: Those of `TopdownPoseEstimator`.
        assumed_fov: Field of view of the assumed camera along the longer
            side of the image in degrees; 60 is that of a telephone's main
            camera.
        root_depth: `'least_squares'` (all bones) or `'single_bone'`.
        mean_bone_lengths_mm: (20,), lengths of the skeleton's bones of a
            mean hand of the kind that the network was trained on; None for
            those of the literature.
        bone_stiffness: How much keypoints yield to the proportions of that
            mean hand; see `fit_bone_lengths`. 0: not at all.
        keypoint_prior: Whether `keypoints_cam` is the likeliest hand of the
            synthetic ones near the reading (`KeypointPrior.likeliest`), for
            joints of the family `anatomical`; `keypoints` and
            `keypoints_25d` stay what was read.
        joint_family: Which joints the network learnt. Where the metainfo's
            `joint_family` (a number in `JOINT_FAMILIES`) asks for others, as
            a benchmark with other joints does, the prediction is changed to
            these. None: it never is.
        channels_last: Keep maps in the memory order that convolutions on
            processors and tensor cores are fastest with.
        compile_features: Compile backbone and neck with `torch.compile`.
        **kwargs: Those of `TopdownPoseEstimator`. `train_cfg` and `test_cfg`
            may hold `autocast`, a type such as `'bfloat16'` that the network
            then computes in; losses stay in float32. `test_cfg` may hold
            `rotations`, angles in degrees: the crop is also read turned by
            each of them, and the poses, turned back, are averaged.
    """

    def __init__(
        self,
        *args: Any,
        assumed_fov: float = 60.0,
        root_depth: str = 'least_squares',
        mean_bone_lengths_mm: Sequence[float] | None = None,
        bone_stiffness: float = 0.0,
        keypoint_prior: bool = False,
        joint_family: str | None = None,
        channels_last: bool = True,
        compile_features: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.compile_features = compile_features
        self._compiled: Callable | None = None
        self.assumed_fov = assumed_fov
        self.root_depth = root_depth
        self.mean_bone_lengths_mm = mean_bone_lengths_mm or (
            MEAN_BONE_LENGTHS_MM
        )
        self.bone_stiffness = bone_stiffness
        self.keypoint_prior = keypoint_prior
        self.joint_family = joint_family
        self._layout = (
            torch.channels_last if channels_last else torch.contiguous_format
        )
        self.to(memory_format=self._layout)

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict:
        with autocast_as(inputs, self.train_cfg.get('autocast')):
            return super().loss(self._prepare(inputs), data_samples)

    def predict(self, inputs: Tensor, data_samples: SampleList) -> SampleList:
        with autocast_as(inputs, self.test_cfg.get('autocast')):
            inputs = self._prepare(inputs)
            if not self.test_cfg.get('rotations'):
                return super().predict(inputs, data_samples)
            found = self._predict_turned(inputs, data_samples)
            return self.add_pred_to_datasample(found, None, data_samples)

    def read_out(self, inputs: Tensor, **given: Any) -> dict[str, Tensor]:
        """What the head reads out of crops, in plain tensors.

        Args:
            inputs: (B, 3, H, W), normalised.
            **given: What of the samples the head's `read_out` has to know.
        """
        return self.head.read_out(self.extract_feat(inputs), **given)

    @property
    def averages(self) -> bool:
        """Whether a prediction is the mean of several readings."""
        views = self.test_cfg.get('rotations'), self.test_cfg.get('flip_test')
        return any(views)

    @contextmanager
    def single_reading(self) -> Iterator[None]:
        """Within it no view is turned or mirrored to average: faster."""
        full = self.test_cfg
        self.test_cfg = dict(full, rotations=(), flip_test=False)
        try:
            yield
        finally:
            self.test_cfg = full

    def _predict_turned(
        self, inputs: Tensor, data_samples: SampleList
    ) -> list[InstanceData]:
        """Means of what the head finds in the crops and in turned ones."""
        views = []
        for degrees in (0.0, *self.test_cfg['rotations']):
            view = rotate_images(inputs, degrees) if degrees else inputs
            feats = self.extract_feat(view)
            if self.test_cfg.get('flip_test', False):
                feats = [feats, self.extract_feat(view.flip(-1))]
            found = self.head.predict(feats, data_samples, self.test_cfg)
            for prediction, sample in zip(found, data_samples, strict=True):
                turn_back(prediction, sample, degrees)
            views.append(found)
        return [mean_prediction(poses) for poses in zip(*views, strict=True)]

    def extract_feat(self, inputs: Tensor) -> tuple[Tensor, ...]:
        if not self.compile_features:
            return super().extract_feat(inputs)
        if self._compiled is None:
            self._compiled = torch.compile(super().extract_feat)
        return self._compiled(inputs)

    def _prepare(self, inputs: Tensor) -> Tensor:
        return inputs.contiguous(memory_format=self._layout)

    def add_pred_to_datasample(
        self,
        batch_pred_instances: InstanceList,
        batch_pred_fields: PixelDataList | None,
        batch_data_samples: SampleList,
    ) -> SampleList:
        samples = super().add_pred_to_datasample(
            batch_pred_instances, batch_pred_fields, batch_data_samples
        )
        for sample in samples:
            _turn_to_image(sample)
        if samples and 'keypoints_z' in samples[0].pred_instances:
            self._add_3d(samples)
            for sample in samples:
                answer_in_family(sample, self.joint_family)
        return samples

    def _camera(self, sample: Any) -> np.ndarray:
        return camera_of(sample, self.assumed_fov)

    def _add_3d(self, samples: SampleList) -> None:
        cameras = np.stack([self._camera(sample) for sample in samples])
        scales = np.stack(
            [s.metainfo.get('bone_scale', np.full(1, np.nan)) for s in samples]
        )
        predictions = [sample.pred_instances for sample in samples]
        poses = np.stack(
            [
                np.concatenate(
                    [p.keypoints, p.pop('keypoints_z')[..., None]], -1
                )
                for p in predictions
            ]
        )
        points = from_25d(
            poses,
            cameras,
            bone_scale_mm=scales,
            method=self.root_depth,
            mean_bone_lengths_mm=self.mean_bone_lengths_mm,
            root_depth=self._refined_root_depth(poses, cameras, samples),
        )
        if self.bone_stiffness:
            points = fit_bone_lengths(
                points, self.mean_bone_lengths_mm, self.bone_stiffness
            )
            fitted = to_25d(points, cameras)
            poses = np.where(np.isfinite(fitted), fitted, poses)
        if self.keypoint_prior:
            points = _likeliest(points, samples)
        for prediction, pose, point in zip(
            predictions, poses, points, strict=True
        ):
            prediction.keypoints_25d = pose
            if self.bone_stiffness:
                prediction.keypoints = pose[..., :2].astype(np.float32)
            prediction.keypoints_cam = point.astype(np.float32)

    def _refined_root_depth(
        self, poses: np.ndarray, cameras: np.ndarray, samples: SampleList
    ) -> np.ndarray | None:
        """(B, 1) in reference bones, where the head learnt to refine it."""
        refiner = getattr(self.head, 'root_depth', None)
        if refiner is None:
            return None
        device = next(refiner.parameters()).device
        rays = rays_of(
            *(
                torch.from_numpy(values[:, 0]).to(device, torch.float32)
                for values in (poses, cameras)
            )
        )
        mirrored = [s.metainfo.get('mirrored', False) for s in samples]
        # what the network sees mirrored is a mirrored world
        rays[torch.tensor(mirrored, device=device), :, 0] *= -1
        with torch.no_grad():
            return refiner(rays).cpu().numpy()[:, None]


def _turn_to_image(sample: PoseDataSample) -> None:
    """Undo the rotation of the crop, which the stock estimator leaves out."""
    rotation = sample.metainfo.get('bbox_rotation')
    if rotation is None or not np.any(rotation):
        return
    turn = planar_rotation(np.radians(float(np.ravel(rotation)[0])))
    centre = sample.metainfo['input_center']
    found = sample.pred_instances
    turned = centre + (found.keypoints - centre) @ turn
    found.keypoints = turned.astype(found.keypoints.dtype)


def _likeliest(points: np.ndarray, samples: SampleList) -> np.ndarray:
    """The likeliest hands (N, 1, K, 3) near points, mm, camera frame."""
    signs = [[-1 if _is_left(sample) else 1, 1, 1] for sample in samples]
    mirror = np.array(signs)[:, None]
    scores = np.stack([s.pred_instances.keypoint_scores for s in samples])
    right = points[:, 0] * mirror
    found = default_keypoint_prior().likeliest(right, scores[:, 0])
    return (found * mirror)[:, None]


def _is_left(sample: PoseDataSample) -> bool:
    """As the prediction tells, or else as the network saw the crop."""
    if 'hand_side' in sample.pred_instances:
        return not sample.pred_instances.hand_side[0]
    return bool(sample.metainfo.get('mirrored'))
