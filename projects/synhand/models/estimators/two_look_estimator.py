"""Two looks at a hand: where it points, then what it does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.utils.typing import SampleList
from torch import Tensor
from torch.nn import functional as F

from synhand.models.autocast import autocast_as
from synhand.models.estimators.hand_estimator import (
    HandPoseEstimator,
)
from synhand.models.heads.parts import SideClassifier
from synhand.models.labels import collect_labels, known_side
from synhand.models.upright import (
    UprightWindows,
    towards_box,
    upright_windows,
)

_LEARNERS = ('reader', 'side')
_NO_SCORE = 1e-6
_ROUNDS = 6
_DISAGREEMENT = 0.02  # of the crop's side, at which a reading counts half


@MODELS.register_module()
class TwoLookEstimator(HandPoseEstimator):
    """Reads a hand from the window that a first model finds in the crop.

    The first model sees the whole crop, shrunk; the window around its
    keypoints is turned so that the hand points up, cut from the crop at its
    full resolution, and read by this model's own backbone and head. The
    result is in the crop's pixels, as of any other estimator.

    Args:
        *args: Those of `HandPoseEstimator`.
        first: Config of the first model, a `HandPoseEstimator` of square
            crops. It is not trained here.
        window_size: Pixels of a window's side: the input size of the own
            network.
        padding: Side of a window in longer sides of the turned keypoints'
            box.
        box_side: Longer side, in sides of the crop, of the boxes that crops
            are cut around; None where crops are no boxes of hands.
        box_share: How far keypoints are moved and scaled towards such a box
            before they make a window, outside of training, whose crops are
            jittered: 0 not, 1 all the way. Boxes of detectors err, too. Crops
            whose samples' `bbox_scores` are 0 are no boxes of hands either.
        turns: Angles in degrees: outside of training the last look also
            reads each window turned by each of them, and the poses, turned
            back, are averaged, those that agree and are sure before others.
        around: Angles in degrees: a look before the last one, if its mean
            score is below `sure`, also reads the window turned by each of
            them, for the first model may have missed where a hand points;
            the surest reading counts.
        sure: See `around`.
        side_channels: Channels of the backbone's last map, from which a
            classifier tells the side of hands whose side nobody said; None
            for no classifier: the surer of two readings decides.
        learns: What training changes: `'reader'`, the own network, or
            `'side'`, the classifier alone.
        **kwargs: Those of `HandPoseEstimator`. `test_cfg` may hold `looks`, 2
            by default: from the third look on, the last look's keypoints
            make the window where the crop is a box of the hand. Mirrored
            crops are not averaged with: the reader has only seen right hands.

    Raises:
        ValueError: `learns` is unknown, or there is nothing that could.
    """

    tells_side = True

    def __init__(
        self,
        *args: Any,
        first: dict,
        window_size: int,
        padding: float,
        box_side: float | None = None,
        box_share: float = 0.75,
        turns: Sequence[float] = (),
        around: Sequence[float] = (),
        sure: float = 0.5,
        side_channels: int | None = None,
        learns: str = 'reader',
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        if learns not in _LEARNERS or (learns == 'side' and not side_channels):
            raise ValueError(
                f'learns: expected one of {_LEARNERS}, the second with '
                f'side_channels, got {learns!r}'
            )
        self.first = MODELS.build(first)
        self.window_size = window_size
        self.padding = padding
        self.box_side = box_side
        self.box_share = box_share
        self.turns = (0.0, *turns)
        self.around = tuple(around)
        self.sure = sure
        self.learns = learns
        if learns == 'side':
            self.requires_grad_(False)
        self.first.requires_grad_(False)
        self.side = None
        if side_channels:
            self.side = SideClassifier(side_channels)
            self.side.requires_grad_(learns == 'side')

    def train(self, mode: bool = True) -> TwoLookEstimator:
        super().train(mode and self.learns == 'reader')
        self.first.eval()
        self.training = mode
        return self

    def extract_feat(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """The maps that the head reads, then the backbone's last one."""
        maps = self.backbone(inputs)
        feats = self.neck(maps) if self.with_neck else maps
        return (*feats, maps[-1])

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict:
        """Losses of the own network on the first model's windows.

        Or of the side classifier: all crops show right hands, and each
        mirrored window a left one.
        """
        inputs = self._prepare(inputs)
        windows = self._first_windows(inputs, self.train_cfg)
        views = self._prepare(windows.cut(inputs, self.window_size))
        if self.learns == 'side':
            return self._side_loss(views)
        _relabel(data_samples, windows)
        # windows are computed outside: half precision would move them
        with autocast_as(inputs, self.train_cfg.get('autocast')):
            feats = self.extract_feat(views)
            return self.head.loss(feats, data_samples, self.train_cfg)

    def _side_loss(self, views: Tensor) -> dict[str, Tensor]:
        both = torch.cat([views, views.flip(-1)])
        label = torch.ones(len(both), device=both.device)
        label[len(views) :] = 0
        dtype = self.train_cfg.get('autocast')
        with torch.no_grad(), autocast_as(views, dtype):
            feature = self.extract_feat(both)[-1]
        return dict(
            loss_side=self.side.loss(feature, label, torch.ones_like(label))
        )

    def predict(self, inputs: Tensor, data_samples: SampleList) -> SampleList:
        inputs = self._prepare(inputs)
        known = torch.tensor(
            [bool(s.gt_instances.bbox_scores[0] > 0) for s in data_samples],
            device=inputs.device,
        )
        unknown = torch.tensor(
            [known_side(s) < 0 for s in data_samples], device=inputs.device
        )
        windows = self._first_windows(inputs, self.test_cfg, known)
        given = self.head.conditions(data_samples)
        look = partial(
            self._further_looks, windows, inputs, known=known, given=given
        )
        right = torch.ones(len(inputs), device=inputs.device)
        if self.side is not None and unknown.any():
            right = torch.where(
                unknown, self._classify(windows, inputs), right
            )
        found = look(right < 0.5)
        if self.side is None and unknown.any():
            mirrored = look(unknown)
            one, other = (f['scores'].mean(-1) for f in (found, mirrored))
            sure = one / (one + other).clamp(min=_NO_SCORE)
            right = torch.where(unknown, sure, right)
            found = _choose(right < 0.5, mirrored, found)
        predictions = self.head.deliver(found, data_samples)
        _add_sides(predictions, right, data_samples)
        return self.add_pred_to_datasample(predictions, None, data_samples)

    @property
    def averages(self) -> bool:
        return len(self.turns) > 1

    @contextmanager
    def single_reading(self) -> Iterator[None]:
        full = self.turns, self.around
        self.turns, self.around = (0.0,), ()
        try:
            yield
        finally:
            self.turns, self.around = full

    def _further_looks(
        self,
        windows: UprightWindows,
        crops: Tensor,
        left: Tensor,
        known: Tensor,
        given: dict[str, Tensor],
    ) -> dict[str, Tensor]:
        """What the last look sees of hands that are left, `left` (B,), or not.

        Where the crop is a box of the hand, `known` (B,), the keypoints of
        each look make the window of the next.
        """
        for _ in range(self.test_cfg.get('looks', 2) - 2):
            windows, position = self._glance(windows, crops, left, given)
            better = self._windows(position, known)
            windows = better.where(known, windows)
        return self._read(windows, crops, left, given)

    def _glance(
        self,
        windows: UprightWindows,
        crops: Tensor,
        left: Tensor,
        given: dict[str, Tensor],
    ) -> tuple[UprightWindows, Tensor]:
        """One reading of windows, and of unsure ones from all around.

        Returns:
            The windows as turned for the surest readings, and the keypoints
            (B, K, 2) of these, in positions of the crops.
        """
        around, chosen = self.around, windows
        with self.single_reading():
            found = self._read(windows, crops, left, given)
            position, score = found['pose'][..., :2], found['scores'].mean(-1)
            unsure = (score < self.sure).nonzero()[:, 0]
            few = {name: value[unsure] for name, value in given.items()}
            for degrees in around if len(unsure) else ():
                turned = windows.turned([degrees])
                found = self._read(
                    turned.take(unsure), crops[unsure], left[unsure], few
                )
                here = found['scores'].mean(-1)
                surer = here > score[unsure]
                rows = unsure[surer]
                score = score.index_copy(0, rows, here[surer])
                position = position.index_copy(
                    0, rows, found['pose'][surer, :, :2]
                )
                changed = torch.zeros_like(left).index_fill(0, rows, True)
                chosen = turned.where(changed, chosen)
        return chosen, position

    def _classify(self, windows: UprightWindows, crops: Tensor) -> Tensor:
        """(B,) what the classifier gives for a right hand, 0 to 1."""
        views = self._prepare(windows.cut(crops, self.window_size))
        with autocast_as(crops, self.test_cfg.get('autocast')):
            feature = self.extract_feat(views)[-1]
        return self.side(feature.float()).sigmoid()

    def _first_windows(
        self, crops: Tensor, cfg: dict, known: Tensor | None = None
    ) -> UprightWindows:
        """Windows around what the first model finds in crops (B, 3, H, H)."""
        size = self.first.head.decoder.input_size[::-1]
        small = self._prepare(F.interpolate(crops, tuple(size), mode='area'))
        with torch.no_grad(), autocast_as(crops, cfg.get('autocast')):
            found = self.first.head.read_out(self.first.extract_feat(small))
        return self._windows(found['pose'][..., :2].float(), known)

    def _windows(
        self, position: Tensor, known: Tensor | None
    ) -> UprightWindows:
        """Windows of keypoints (B, K, 2), drawn to boxes that are `known`."""
        if self.box_side and known is not None:
            shares = self.box_share * known.float()
            position = towards_box(position, self.box_side, shares)
        return upright_windows(position, self.padding)

    def read_out(self, inputs: Tensor, **given: Any) -> dict[str, Tensor]:
        """What is read out of crops of right hands, in two looks."""
        windows = self._first_windows(inputs, {})
        return self._read(windows, inputs, None, given)

    def _read(
        self,
        windows: UprightWindows,
        crops: Tensor,
        left: Tensor | None,
        given: dict[str, Tensor],
    ) -> dict[str, Tensor]:
        """What the own network sees in windows, in positions of the crops.

        The mean over `turns`. Windows that show left hands, `left` (B,),
        are read mirrored.
        """
        times = len(self.turns)
        windows, crops = windows.turned(self.turns), _repeat(crops, times)
        given = {name: _repeat(v, times) for name, v in given.items()}
        views = windows.cut(crops, self.window_size)
        if left is not None:
            left = _repeat(left, times)
            views[left] = views[left].flip(-1)
        views = self._prepare(views)
        with autocast_as(crops, self.test_cfg.get('autocast')):
            found = self.head.read_out(self.extract_feat(views), **given)
        found['pose'] = found['pose'].float()
        if left is not None:
            found = _choose(left, self.head.mirror(found), found)
        position, depth = found['pose'].split([2, 1], -1)
        pose = torch.cat([windows.outside(position), depth], -1)
        found = {**found, 'pose': pose}
        return _mean_reading(
            {n: v.unflatten(0, (times, -1)) for n, v in found.items()}
        )


def _choose(
    where: Tensor, one: dict[str, Tensor], other: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Of two readings (B, ...), the first where `where` (B,) holds."""
    return {
        name: torch.where(
            where.view(-1, *[1] * (value.dim() - 1)), value, other[name]
        )
        for name, value in one.items()
    }


def _repeat(values: Tensor, times: int) -> Tensor:
    """(times * B, ...), the whole batch again and again."""
    return values.repeat(times, *[1] * (values.dim() - 1))


def _mean_reading(found: dict[str, Tensor]) -> dict[str, Tensor]:
    """Readings (A, B, ...) of turned windows as one (B, ...).

    A window in which the hand was misread disagrees at most keypoints: each
    reading counts the less the farther its keypoints lie, on average, from
    the mean (iterated; the weights are those of a Cauchy distribution). u
    and v are weighted by scores as well; for depth those, of heatmaps, made
    it worse on held-out synthetic hands.
    """
    position, depth = found['pose'].split([2, 1], -1)
    sure = found['scores'].float().clamp(min=_NO_SCORE)[..., None] ** 3
    weights = sure
    for _ in range(_ROUNDS):
        centre = _weighted_mean(position, weights)
        away = (position - centre).norm(dim=-1, keepdim=True)
        away = away.mean(-2, keepdim=True)
        agreement = 1 / (1 + (away / _DISAGREEMENT) ** 2)
        weights = sure * agreement
    mean = {name: value.mean(0) for name, value in found.items()}
    pose = [
        _weighted_mean(position, weights),
        _weighted_mean(depth, agreement),
    ]
    return dict(mean, pose=torch.cat(pose, -1))


def _weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """Over the first axis."""
    return (values * weights).sum(0) / weights.expand_as(values).sum(0)


def _add_sides(
    predictions: list[InstanceData], right: Tensor, samples: SampleList
) -> None:
    """Adds `hand_side` (1,) and `hand_side_scores` (1,), 1 where known."""
    for prediction, chance, sample in zip(
        predictions, right.tolist(), samples, strict=True
    ):
        known = known_side(sample)
        side = known if known >= 0 else int(chance >= 0.5)
        prediction.hand_side = np.array([side], np.int8)
        prediction.hand_side_scores = np.array([max(chance, 1 - chance)])


def _relabel(samples: SampleList, windows: UprightWindows) -> None:
    """Bring the labels (u, v) of samples from crops to windows, in place.

    Keypoints outside the window lose the weight of their u and v.
    """
    device = windows.centre.device
    labels = collect_labels(samples, 'keypoint_labels', device)
    weights = collect_labels(samples, 'keypoint_weights', device)
    position = windows.inside(labels[..., :2])
    weights = weights * ((position >= 0) & (position <= 1)).all(-1)
    position = torch.where(weights[..., None] > 0, position, 0)
    labels = torch.cat([position, labels[..., 2:]], -1).cpu().numpy()
    for sample, label, weight in zip(
        samples, labels, weights.cpu().numpy(), strict=True
    ):
        about = sample.gt_instance_labels
        about.keypoint_labels = label[None]
        about.keypoint_weights = weight[None].astype(np.float32)
