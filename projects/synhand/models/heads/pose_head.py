"""What heads share that read poses out in torch."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

import torch
from mmengine.structures import InstanceData
from mmpose.models.heads.base_head import BaseHead
from mmpose.utils.typing import ConfigType, SampleList
from torch import Tensor

from synhand.models.labels import collect_labels

Feats = Sequence[Tensor]

VIEW_START = (0.5, 0.5, -2.0)
"""The root in the crop's centre, a reference bone e^-2 of its width."""


class PoseHead(BaseHead):
    """Mix-in of heads whose result is a pose before it is decoded.

    A head says in :meth:`read_out` what its network saw; this class averages
    with the mirrored crop, mirrors back and hands over to the codec.

    Note:
        - batch size: B
        - keypoint number: K
        - D: 2, or 3 with depth
    """

    @abstractmethod
    def read_out(self, feats: Feats) -> dict[str, Tensor]:
        """What the network sees in crops, in plain tensors.

        Args:
            feats: Feature maps, each (B, C, H', W').

        Returns:
            `pose` (B, K, D): u, v and z as `Latent25DLabel` defines them;
            `scores` (B, K) from 0 to 1; and what a head adds, (B, K, ...),
            such as `relative` (B, K, 3), 3D of `RootRelativeLabel`.
        """

    def conditions(self, batch_data_samples: SampleList) -> dict[str, Tensor]:
        """What of the samples' metainfo :meth:`read_out` has to know."""
        return {}

    def mirror(self, found: dict[str, Tensor]) -> dict[str, Tensor]:
        """What :meth:`read_out` would give for the mirrored crops."""
        u, rest = found['pose'].split([1, found['pose'].shape[-1] - 1], -1)
        mirrored = {**found, 'pose': torch.cat([1 - u, rest], -1)}
        if 'relative' in found:
            sign = found['relative'].new_tensor([-1, 1, 1])
            mirrored['relative'] = found['relative'] * sign
        return mirrored

    def predict(
        self,
        feats: Feats | list[Feats],
        batch_data_samples: SampleList,
        test_cfg: ConfigType | None = None,
    ) -> list[InstanceData]:
        """Poses of a batch.

        Args:
            feats: Feature maps; with `flip_test` a list of those of the
                crops and of the mirrored crops.
            batch_data_samples: Their metainfo says which were `mirrored`.
            test_cfg: `flip_test`: average with the mirrored crops.

        Returns:
            B times `keypoints` (1, K, 2) in pixels of the crop as the stock
            estimator counts them, `keypoint_scores` (1, K) from 0 to 1; with
            depth `keypoints_z` (1, K) relative to the root, in reference
            bones; and `keypoint_NAME` for whatever else was read out.
        """
        given = self.conditions(batch_data_samples)
        if test_cfg and test_cfg.get('flip_test', False):
            one = self.read_out(feats[0], **given)
            other = self.mirror(self.read_out(feats[1], **given))
            found = {name: (one[name] + other[name]) / 2 for name in one}
        else:
            found = self.read_out(feats, **given)
        return self.deliver(found, batch_data_samples)

    def deliver(
        self, found: dict[str, Tensor], batch_data_samples: SampleList
    ) -> list[InstanceData]:
        """What `predict` returns, of what was seen in the crops."""
        mirrored = torch.tensor(
            [s.metainfo.get('mirrored', False) for s in batch_data_samples],
            device=found['pose'].device,
        )
        return self._pack(self._mirror_back(found, mirrored))

    def _mirror_back(
        self, found: dict[str, Tensor], mirrored: Tensor
    ) -> dict[str, Tensor]:
        back = self.mirror(found)
        return {
            name: torch.where(
                mirrored.view(-1, *[1] * (value.ndim - 1)), back[name], value
            )
            for name, value in found.items()
        }

    def _pack(self, found: dict[str, Tensor]) -> list[InstanceData]:
        if self.decoder is None:
            raise RuntimeError(
                f'{type(self).__name__}: predict needs a `decoder`'
            )
        pose = found.pop('pose')
        flat = pose.shape[-1] == 2
        if flat:
            pose = torch.cat([pose, torch.zeros_like(pose[..., :1])], -1)
        decoded = self.decoder.batch_decode(pose, found.pop('scores'))
        rest = {k: v.detach().cpu().float().numpy() for k, v in found.items()}
        predictions = []
        for index, (keypoints, scores) in enumerate(
            zip(*decoded, strict=True)
        ):
            prediction = InstanceData(
                keypoints=keypoints[..., :2], keypoint_scores=scores
            )
            if not flat:
                prediction.keypoints_z = keypoints[..., 2]
            for name, values in rest.items():
                prediction.set_field(values[index][None], f'keypoint_{name}')
            predictions.append(prediction)
        return predictions


def keypoint_targets(
    batch_data_samples: SampleList, device: torch.device
) -> tuple[Tensor, Tensor]:
    """2D labels of a batch, from any codec that derives from 2.5D.

    Returns:
        (B, K, 2): u, v as `Latent25DLabel` defines them; and their weights
        (B, K).
    """
    labels, weights = (
        collect_labels(batch_data_samples, name, device)
        for name in ('keypoint_labels', 'keypoint_weights')
    )
    return labels[..., :2], weights


def relative_targets(
    batch_data_samples: SampleList, device: torch.device
) -> tuple[Tensor, Tensor]:
    """3D labels of a batch, of `RootRelativeLabel`.

    Returns:
        (B, K, 3), and their weights (B, K).
    """
    labels, weights = (
        collect_labels(batch_data_samples, name, device)
        for name in ('relative_labels', 'relative_weights')
    )
    return labels, weights


def parallel_projection(
    relative: Tensor, view: Tensor, input_size: Sequence[int]
) -> Tensor:
    """Scaled parallel projection to the crop.

    Args:
        relative: (B, P, 3), root-relative, in reference bones.
        view: (B, 3): u and v of the root, logarithm of the crop's widths
            that a reference bone takes.
        input_size: (W, H) of the crop in pixels.

    Returns:
        (B, P, 2): u and v as `Latent25DLabel` defines them.
    """
    root, log_scale = view.split([2, 1], -1)
    width, height = input_size
    square = log_scale.new_tensor([1, (width - 1) / (height - 1)])
    scale = log_scale.exp()[:, None] * square
    return root[:, None] + scale * relative[..., :2]


def changed_weights(
    weights: Mapping[str, float], changes: Mapping[str, float] | None
) -> dict[str, float]:
    """Weights of losses with some of them changed.

    Raises:
        ValueError: There is no such loss.
    """
    unknown = set(changes or ()) - set(weights)
    if unknown:
        raise ValueError(
            f'weights of losses: expected some of {tuple(weights)}, got '
            f'{sorted(unknown)}'
        )
    return dict(weights, **(changes or {}))


def weighted_losses(
    losses: Mapping[str, Tensor],
    weights: Mapping[str, float],
    suffix: str = '',
) -> dict[str, Tensor]:
    """`loss_NAME` with a suffix, for all losses whose weight is above 0."""
    return {
        f'loss_{name}{suffix}': weights[name] * value
        for name, value in losses.items()
        if weights[name] > 0
    }
