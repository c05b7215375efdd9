"""2D sets over MMPose's own classes, with this project's sample.

COCO-WholeBody hands (S. Jin et al., ECCV 2020), OneHand10K (Y. Wang et al.,
TCSVT 2018) and CMU Panoptic hands (T. Simon et al., CVPR 2017), read from
the annotation files that MMPose names in its data-set guide.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from mmpose.datasets.datasets import hand as stock
from mmpose.registry import DATASETS

from synhand.datasets.base import hand_metainfo, hand_sample
from synhand.datasets.reading import existing
from synhand.skeleton import HAND_SIDES

_KEPT = ('img_id', 'id', 'img_path')


class _HandKeys:
    """Mixed into a stock class: our keys, and one line for bad files.

    What is not labelled is NaN here, and (0, 0) in the stock classes; boxes
    stay those of the set's annotations, which its metrics divide by.
    """

    def _load_annotations(self) -> tuple[list[dict], list[dict]]:
        path = existing(self.ann_file, 'COCO-style annotations')
        try:
            hands, images = super()._load_annotations()
            hands = [hand for hand in hands if self._is_valid_instance(hand)]
            sides = self._sides(hands)
            hands = [
                self._sample_of(hand, side)
                for hand, side in zip(hands, sides, strict=True)
            ]
        except KeyError as error:
            raise ValueError(
                f'{path}: an entry lacks the field {error}'
            ) from None
        except (ValueError, TypeError, AssertionError) as error:
            raise ValueError(f'{path}: malformed: {error}') from None
        if not hands:
            raise ValueError(f'{path}: expected hands, found none')
        existing(hands[0]['img_path'], 'an image of the set')
        return hands, images

    def _sides(self, hands: list[dict]) -> list[int]:
        return [HAND_SIDES['unknown']] * len(hands)

    @staticmethod
    def _sample_of(hand: dict, side: int) -> dict:
        visible = hand['keypoints_visible'][0] > 0
        pixels = np.where(visible[:, None], hand['keypoints'][0], np.nan)
        _check(pixels[visible], hand)
        sample = hand_sample(
            bbox=hand['bbox'],
            keypoints=pixels,
            keypoints_visible=visible,
            hand_side=side,
        )
        sample.update({key: hand[key] for key in _KEPT})
        if 'head_size' in hand:
            sample['head_size'] = np.array([hand['head_size']], np.float32)
        return sample


def _check(pixels: np.ndarray, hand: dict) -> None:
    for name, values in (('keypoints', pixels), ('bbox', hand['bbox'])):
        if not np.isfinite(values).all():
            raise ValueError(
                f'annotation {hand["id"]}: {name}: expected finite numbers'
            )


@DATASETS.register_module()
class OneHand10KHands(_HandKeys, stock.OneHand10KDataset):
    """OneHand10K; it does not say which hand is shown."""

    METAINFO: dict = hand_metainfo('onehand10k')


@DATASETS.register_module()
class PanopticHands(_HandKeys, stock.PanopticHand2DDataset):
    """CMU Panoptic hands.

    `head_size` (1,) px is kept for PCKh. The side is read from names that
    end in `_l` or `_r` (the manual labels); of others it is not known.
    """

    METAINFO: dict = hand_metainfo('panoptic')

    def _sides(self, hands: list[dict]) -> list[int]:
        letters = {'l': HAND_SIDES['left'], 'r': HAND_SIDES['right']}
        names = [Path(hand['img_path']).stem for hand in hands]
        return [
            letters.get(name[-1], -1) if name[-2:-1] == '_' else -1
            for name in names
        ]


@DATASETS.register_module()
class CocoWholeBodyHands(_HandKeys, stock.CocoWholeBodyHandDataset):
    """The labelled hands of COCO-WholeBody's people."""

    METAINFO: dict = hand_metainfo('coco_wholebody_hand')

    def _sides(self, hands: list[dict]) -> list[int]:
        # the stock class numbers the hands in this order and drops the side
        sides = [
            HAND_SIDES[side]
            for image in self.coco.getImgIds()
            for annotation in self.coco.loadAnns(
                self.coco.getAnnIds(imgIds=image, iscrowd=False)
            )
            for side in ('left', 'right')
            if annotation[f'{side}hand_valid']
            and max(annotation[f'{side}hand_kpts']) > 0
        ]
        return [sides[hand['id']] for hand in hands]
