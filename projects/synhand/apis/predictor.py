"""Hands in photos, with a trained model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import init_default_scope
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.structures import PoseDataSample

from synhand.apis.finder import FoundHand
from synhand.apis.loading import load_model, model_device, model_files
from synhand.apis.queries import (
    FloatArray,
    Image,
    Query,
    check_box,
    hand_queries,
    one_each,
    pixels_of,
    shrunk,
)
from synhand.datasets.base import (
    METAINFO_KEYS,
    hand_metainfo,
    hand_sample,
)
from synhand.geometry.boxes import tight_box, whole_image, without_overlaps
from synhand.skeleton import (
    HAND_SIDES,
    JOINT_FAMILIES,
    ROOT,
    SIDE_NAMES,
    family_number,
)
from synhand.zoo import DEFAULT_MODEL

MIN_SCORE = 0.2
"""Mean keypoint score below which there is no hand. On squares of photos
without hands `upright-25d` gives up to 0.15 (95 %), on hands in a room 0.32
(5 %) and more, on a fifth of egocentric ones less than 0.2."""

_STOCK_PADDING = 1.25
_SAME = 0.5  # overlap of boxes


class PredictionError(ValueError):
    """A model whose results are of no use here."""


@dataclass(frozen=True, eq=False)
class HandPrediction:
    """One hand.

    Attributes:
        hand: `'left'` or `'right'`, as given or as the model sees it;
            `'unknown'` where it makes no difference and nobody said.
        bbox: (4,) x1, y1, x2, y2 in pixels of the image: as given, else that
            of the keypoints of the first look, or the whole image where the
            second look was less sure.
        keypoints_2d: (K, 3): x, y in pixels of the image, score 0 to 1.
        keypoints_3d_mm: (K, 3) in mm, relative to the wrist, in the camera's
            axes (x right, y down, z forward); a left hand is a left hand.
        keypoints_cam_mm: (K, 3) in mm, camera frame; None without a given
            camera, for then the distance is unknown.
        camera: `'given'`, or `'assumed'`: `keypoints_3d_mm` was computed
            with a camera of an assumed field of view.
    """

    hand: str
    bbox: FloatArray
    keypoints_2d: FloatArray
    keypoints_3d_mm: FloatArray
    keypoints_cam_mm: FloatArray | None
    camera: str

    @property
    def score(self) -> float:
        """Mean score of the keypoints, 0 to 1."""
        return float(self.keypoints_2d[:, 2].mean())

    def to_json(self) -> dict:
        """Plain lists and strings: 0.01 px, 0.01 mm, scores to 0.0001."""
        points, scores = self.keypoints_2d[:, :2], self.keypoints_2d[:, 2]
        absolute = self.keypoints_cam_mm
        return dict(
            hand=self.hand,
            bbox=_rounded(self.bbox),
            keypoints_2d=[
                [*point, round(float(score), 4)]
                for point, score in zip(_rounded(points), scores, strict=True)
            ],
            keypoints_3d_mm=_rounded(self.keypoints_3d_mm),
            keypoints_cam_mm=None if absolute is None else _rounded(absolute),
            camera=self.camera,
        )


def _rounded(array: FloatArray) -> list:
    return np.round(array.astype(np.float64), 2).tolist()


class HandPredictor:
    """A trained model that finds the keypoints of hands in photos.

    Photos go through the test pipeline of the model's config. A box is the
    tight box of the hand; the pipeline pads it. Hands are not searched for:
    without a box the first crop is the whole photo, which should therefore
    show one hand with some margin, and the second one is of what was found
    there; the reading with the higher mean score is kept. Where a model was
    trained on right hands only (its pipeline mirrors left ones) and the side
    is unknown, a model that tells sides decides; with another one a photo is
    read both as of a right and as of a left hand, and again the reading with
    the higher mean score is kept.

    Args:
        model: Name of a released model; None without `config` means
            `synhand.zoo.DEFAULT_MODEL`.
        config: A config file, with `checkpoint` in place of `model`.
        checkpoint: Its weights.
        device: `'cpu'`, `'cuda'`, `'cuda:1'`...; `'auto'`: the first GPU if
            there is one.
        batch_size: Crops that go through the network at a time.
        joint_family: Which joints to answer with: `'anatomical'`, or
            `'mano'`, as FreiHAND and others have them. May be changed later.

    Raises:
        FileNotFoundError: The config or the checkpoint is missing.
        ValueError: The model, its checkpoint, the device or the joint family
            is unknown or does not fit.

    Examples:
        >>> predictor = HandPredictor('small-25d')
        >>> (hand,) = predictor.predict('photo.jpg', hands='left')
        >>> hand.keypoints_3d_mm.shape
        (21, 3)
    """

    def __init__(
        self,
        model: str | None = None,
        config: str | Path | None = None,
        checkpoint: str | Path | None = None,
        device: str = 'auto',
        batch_size: int = 32,
        joint_family: str = JOINT_FAMILIES[0],
    ) -> None:
        if batch_size < 1:
            raise ValueError(f'batch_size: expected 1 or more: {batch_size}')
        self.batch_size = batch_size
        self.device = model_device(device)
        config, checkpoint = model_files(
            model, config, checkpoint, DEFAULT_MODEL
        )
        cfg = Config.fromfile(config)
        init_default_scope(cfg.get('default_scope', 'mmpose'))
        self.model = load_model(cfg, checkpoint).to(self.device)
        self.joint_family = joint_family
        steps = _pipeline(cfg, config)
        self._compose = Compose(steps)
        self._padding = _padding(steps)
        self.needs_side = any(
            step['type'] == 'MirrorHand'
            and step.get('mode', 'right') == 'right'
            for step in steps
        ) and not getattr(self.model, 'tells_side', False)
        info = parse_pose_metainfo(hand_metainfo('hand'))
        self._info = {key: info[key] for key in METAINFO_KEYS}

    @property
    def joint_family(self) -> str:
        return JOINT_FAMILIES[self._family]

    @joint_family.setter
    def joint_family(self, family: str) -> None:
        number = family_number(family)
        head = getattr(self.model, 'head', None)
        knows = getattr(self.model, 'joint_family', None) or getattr(
            head, 'families', None
        )
        if number and not knows:
            raise ValueError(
                f'joint_family: expected a model that can answer with those '
                f'of {family}, this one has its own joints only'
            )
        self._family = number

    def predict(
        self,
        images: str | Path | Image | Sequence[str | Path | Image],
        boxes: Sequence | None = None,
        hands: str | Sequence[str | None] | None = None,
        camera_matrices: Sequence | None = None,
    ) -> list[HandPrediction]:
        """Find one hand for each image; two hands: give the image twice.

        N hands. For one image that is not in a list the other arguments are
        not in lists either.

        Args:
            images: N paths, or images (H, W, 3) uint8 blue, green, red.
            boxes: N tight boxes (4,) x1, y1, x2, y2 in pixels; None, also of
                a single hand: the whole image.
            hands: N times `'left'`, `'right'`, `'unknown'` or None, or one
                word for all.
            camera_matrices: N camera matrices (3, 3) in pixels of the image;
                None, also of a single hand: unknown.

        Returns:
            N hands in the order of `images`.

        Raises:
            FileNotFoundError, OSError: An image cannot be read.
            PredictionError: The model gives no 3D keypoints, or values that
                are not finite.
            ValueError: An image or another argument is wrong.
        """
        queries = list(hand_queries(images, boxes, hands, camera_matrices))
        found = []
        for start in range(0, len(queries), self.batch_size):
            found += self._predict(queries[start : start + self.batch_size])
        return found

    def predict_all(
        self,
        images: Sequence[str | Path | Image],
        find: Callable[[Image], Sequence[FoundHand]],
        camera_matrices: Sequence | None = None,
        min_score: float = MIN_SCORE,
    ) -> list[list[HandPrediction]]:
        """Every hand that is found in each image.

        `find` may propose more places than there are hands; see
        `sure_hands`.

        Args:
            images: N paths, or images (H, W, 3) uint8 blue, green, red.
            find: Boxes of an image's hands, such as a `HandFinder`.
            camera_matrices: N camera matrices (3, 3) in pixels of the image;
                None, also of a single image: unknown.
            min_score: Least mean score of a hand's keypoints.

        Returns:
            For each image its hands, the surest first; maybe none.

        Raises:
            As `predict`.
        """
        if isinstance(images, (str, Path)):
            raise ValueError(f'images: expected a list of images: {images}')
        cameras = one_each(camera_matrices, len(images), 'camera_matrices')
        hands = []
        for image, camera in zip(images, cameras, strict=True):
            pixels = pixels_of(image, 'image')
            places = find(pixels)
            hands.append(self.read_likely(pixels, places, camera, min_score))
        return hands

    def read_likely(
        self,
        image: Image,
        places: Sequence[FoundHand],
        camera_matrix: npt.ArrayLike | None = None,
        min_score: float = MIN_SCORE,
    ) -> list[HandPrediction]:
        """The hands of one image, of places where they may be.

        Of many places few are hands: a model that averages several readings
        of a hand reads each place once, then the hands among them in full.

        Args:
            image: (H, W, 3) blue, green, red.
            places: Where hands may be, of a `HandFinder`.
            camera_matrix: (3, 3) in pixels of the image; None: unknown.
            min_score: Least mean score of a hand's keypoints.

        Returns:
            See `sure_hands`.

        Raises:
            As `predict`.
        """
        if getattr(self.model, 'averages', False):
            with self.model.single_reading():
                found = self._read_places(image, places, camera_matrix)
            sure = sure_hands(found, min_score)
            places = [
                place
                for place, hand in zip(places, found, strict=True)
                if any(hand is other for other in sure)
            ]
        found = self._read_places(image, places, camera_matrix)
        return sure_hands(found, min_score)

    def _read_places(
        self,
        image: Image,
        places: Sequence[FoundHand],
        camera_matrix: npt.ArrayLike | None,
    ) -> list[HandPrediction]:
        return self.predict(
            [image] * len(places),
            [place.bbox for place in places],
            [place.hand for place in places],
            [camera_matrix] * len(places),
        )

    def _predict(self, queries: list[Query]) -> list[HandPrediction]:
        """One look at each hand, a second one where no box was given."""
        found = self._look(queries)
        closer = {
            i: replace(query, box=box, hand=hand.hand)
            for i, (query, hand) in enumerate(zip(queries, found, strict=True))
            if query.box is None and (box := _found_box(hand)) is not None
        }
        second = self._look(list(closer.values()))
        for i, hand in zip(closer, second, strict=True):
            if hand.score >= found[i].score:
                found[i] = hand
        return found

    def _look(self, queries: list[Query]) -> list[HandPrediction]:
        owners, samples, sides, boxes = [], [], [], []
        for number, query in enumerate(queries):
            image = pixels_of(query.image, query.where)
            box = query.box
            if box is None:
                box = whole_image(*image.shape[1::-1])
            check_box(box, image, f'{query.where}: box')
            boxes.append(box)
            for hand in self._readings(query.hand):
                owners.append(number)
                sides.append(hand)
                samples.append(self._sample(query, image, hand))
        found = self._run(samples)
        best: list[tuple | None] = [None] * len(queries)
        for number, hand, sample in zip(owners, sides, found, strict=True):
            score = sample.pred_instances.keypoint_scores.mean()
            if best[number] is None or score > best[number][0]:
                best[number] = (score, hand, sample)
        return [
            _prediction(hand, box, sample)
            for (_, hand, sample), box in zip(best, boxes, strict=True)
        ]

    def _readings(self, hand: str) -> tuple[str, ...]:
        both = self.needs_side and hand == 'unknown'
        return ('right', 'left') if both else (hand,)

    def _sample(self, query: Query, image: Image, hand: str) -> dict:
        """What the pipeline makes of a hand, for the model."""
        box = query.box
        if box is None:
            box = shrunk(whole_image(*image.shape[1::-1]), self._padding)
        sample = hand_sample(
            bbox=box,
            box_known=query.box is not None,
            camera_matrix=query.camera,
            hand_side=HAND_SIDES[hand],
        )
        return self._compose(
            dict(
                sample,
                img=image,
                img_path=None,
                id=0,
                img_id=0,
                joint_family=np.array([self._family], np.int64),
                **self._info,
            )
        )

    def _run(self, samples: list[dict]) -> list[PoseDataSample]:
        found: list[PoseDataSample] = []
        for start in range(0, len(samples), self.batch_size):
            batch = samples[start : start + self.batch_size]
            with torch.inference_mode():
                found += self.model.test_step(pseudo_collate(batch))
        return found


def sure_hands(
    found: Sequence[HandPrediction], min_score: float = MIN_SCORE
) -> list[HandPrediction]:
    """What is a hand of what was read in proposed places, each hand once.

    Args:
        found: Readings of one image.
        min_score: Least mean score of a hand's keypoints.

    Returns:
        The surest first, without those whose keypoints lie where surer ones
        do.
    """
    hands = sorted(found, key=lambda hand: -hand.score)
    hands = [hand for hand in hands if hand.score >= min_score]
    boxes = [tight_box(hand.keypoints_2d[:, :2]) for hand in hands]
    return [hands[number] for number in without_overlaps(boxes, _SAME)]


def _found_box(hand: HandPrediction) -> FloatArray | None:
    """Tight box (4,) of keypoints within the box looked at; None if empty."""
    low, high = np.tile(hand.bbox.reshape(2, 2), 2)
    box = np.clip(tight_box(hand.keypoints_2d[:, :2]), low, high)
    return box if (box[2:] - box[:2] >= 2).all() else None


def _pipeline(cfg: Config, config: str) -> list[dict]:
    """The config's test pipeline, reading images instead of shards."""
    dataset = cfg.get('test_dataloader', {}).get('dataset', {})
    steps = dataset.get('pipeline')
    if not steps:
        raise ValueError(
            f'{config}: test_dataloader.dataset.pipeline: expected the '
            'transforms of the model, found none'
        )
    return [
        dict(type='LoadImage') if step['type'] == 'LoadShardImage' else step
        for step in steps
    ]


def _padding(steps: list[dict]) -> float:
    for step in steps:
        if step['type'] == 'GetBBoxCenterScale':
            return step.get('padding', _STOCK_PADDING)
    return 1.0


def _prediction(
    hand: str, box: FloatArray, sample: PoseDataSample
) -> HandPrediction:
    found = sample.pred_instances
    if 'keypoints_cam' not in found:
        raise PredictionError(
            'the model gives no 3D keypoints; HandPredictor expects one with '
            'keypoints_cam in its predictions'
        )
    points = np.asarray(found.keypoints_cam[0], np.float32)
    scores = found.keypoint_scores[0][:, None]
    pixels = np.concatenate([found.keypoints[0], scores], -1)
    if not (np.isfinite(points).all() and np.isfinite(pixels).all()):
        raise PredictionError('the model gives values that are not finite')
    if hand == 'unknown' and 'hand_side' in found:
        hand = SIDE_NAMES[int(found.hand_side[0])]
    camera = sample.metainfo['camera']
    return HandPrediction(
        hand=hand,
        bbox=box,
        keypoints_2d=pixels.astype(np.float32),
        keypoints_3d_mm=points - points[ROOT],
        keypoints_cam_mm=points if camera == 'given' else None,
        camera=camera,
    )
