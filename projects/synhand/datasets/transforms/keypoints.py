"""2D keypoints as a model's input: labels, or the result of another run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import InstanceData
from mmpose.registry import TRANSFORMS
from mmpose.structures import PoseDataSample

from synhand.codecs.latent25d import HAND_INSTANCE_TABLE
from synhand.dumps import read_samples
from synhand.skeleton import NUM_KEYPOINTS

_META_KEYS = (
    'id',
    'img_id',
    'img_path',
    'ori_shape',
    'dataset_name',
    'camera_matrix',
    'bone_scale',
)


@TRANSFORMS.register_module()
class LoadKeypoints2D(BaseTransform):
    """Puts the 2D result of another run beside the labels.

    Args:
        path: `predictions.json` of tools/predict.py (of the image
            whose path ends most like the sample's, the hand nearest to the
            box), or the file of tools/test.py --dump.

    Raises:
        FileNotFoundError: No such file.
        ValueError: It is neither, lacks a sample, or two of its images could
            be the sample's; one line.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(
                f'{path}: no such file; expected predictions.json or a dump '
                'of tools/test.py'
            )
        read = _read_json if self.path.suffix == '.json' else _read_dump
        self._found = read(self.path)

    def transform(self, results: dict) -> dict:
        """Adds `keypoints_2d` (1, K, 3): u, v in px, score."""
        if self.path.suffix == '.json':
            key = results['img_path']
            candidates = self._of_image(Path(key))
        else:
            key = results['id']
            candidates = self._found.get(key)
        if not candidates:
            raise ValueError(f'{self.path}: no keypoints of {key!r}')
        centres = [np.nanmean(c[:, :2], 0) for c in candidates]
        box = np.asarray(results['bbox'])[0]
        apart = np.abs(np.array(centres) - (box[:2] + box[2:]) / 2).sum(1)
        results['keypoints_2d'] = candidates[int(apart.argmin())][None]
        return results

    def _of_image(self, path: Path) -> list[npt.NDArray[np.float32]]:
        """Of the entries whose path ends most like this one."""
        entries = self._found.get(path.name, {})
        common = {e: _common_end(Path(e).parts, path.parts) for e in entries}
        most = max(common.values(), default=0)
        best = [entry for entry in entries if common[entry] == most]
        if len(best) > 1:
            raise ValueError(
                f'{self.path}: image: expected one that {path} ends like, '
                f'found {best[0]} and {best[1]}'
            )
        return entries[best[0]] if best else []


def _common_end(one: Sequence[str], other: Sequence[str]) -> int:
    """How many last parts of two paths are the same."""
    pairs = zip(reversed(one), reversed(other), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


_Found = dict[object, list[npt.NDArray[np.float32]]]


def _read_json(path: Path) -> dict[str, _Found]:
    """Keypoints by the file's name, then by the image as it is given."""
    try:
        entries = json.loads(path.read_text(encoding='utf-8'))
        found: dict[str, _Found] = {}
        for entry in entries:
            points = np.asarray(entry['keypoints_2d'], np.float32)
            images = found.setdefault(Path(entry['image']).name, {})
            images.setdefault(entry['image'], []).append(
                points.reshape(NUM_KEYPOINTS, 3)
            )
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f'{path}: not the predictions.json of tools/predict.py: {error!r}'
        ) from None
    return found


def _read_dump(path: Path) -> _Found:
    try:
        return {
            sample['id']: [_of_dump(sample['pred_instances'])]
            for sample in read_samples(path)
        }
    except (KeyError, IndexError) as error:
        raise ValueError(
            f'{path}: expected keypoints and their scores of each sample: '
            f'{error!r}'
        ) from None


def _of_dump(found: dict) -> npt.NDArray[np.float32]:
    points = np.asarray(found['keypoints'], np.float32)[0]
    scores = np.asarray(found['keypoint_scores'], np.float32)[0]
    return np.concatenate([points, scores[:, None]], -1)


@TRANSFORMS.register_module()
class PackHandKeypoints(BaseTransform):
    """Keypoints as input: those of `LoadKeypoints2D`, else the labels.

    Args:
        noise: Standard deviation of normal noise on them, of the longer side
            of the tight box. It is a function of the sample's id.
        seed: Of the noise.
    """

    def __init__(self, noise: float = 0.0, seed: int = 0) -> None:
        self.noise = noise
        self.seed = seed

    def transform(self, results: dict) -> dict:
        """Gives `inputs` (K, 3) (u, v in px, score) and `data_samples`."""
        given = results.get('keypoints_2d')
        if given is None:
            scores = np.asarray(results['keypoints_visible'])[..., None]
            given = np.concatenate([results['keypoints'], scores], -1)
        points = np.array(given[0], np.float32)
        box = np.asarray(results['bbox'], np.float64)[0]
        side = (box[2:] - box[:2]).max()
        rng = np.random.default_rng((self.seed, results['id']))
        noise = rng.normal(size=(NUM_KEYPOINTS, 2)) * self.noise * side
        points[:, :2] += noise
        truth = InstanceData()
        for key, name in HAND_INSTANCE_TABLE.items():
            if key in results:
                truth.set_field(np.asarray(results[key]), name)
        metainfo = {k: results[k] for k in _META_KEYS if k in results}
        sample = PoseDataSample(gt_instances=truth, metainfo=metainfo)
        return dict(inputs=torch.from_numpy(points), data_samples=sample)
