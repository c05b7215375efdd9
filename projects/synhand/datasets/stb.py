"""STB, the stereo hand pose tracking benchmark.

J. Zhang, J. Jiao, M. Chen, L. Qu, X. Xu, Q. Yang: A hand pose tracking
benchmark from stereo matching, ICIP 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from mmpose.registry import DATASETS
from scipy.io import loadmat

from synhand.datasets.base import hand_metainfo
from synhand.datasets.reading import existing, field, numbers
from synhand.datasets.table import HandTable, TableHandDataset, table_3d
from synhand.skeleton import (
    FINGERS,
    HAND_SIDES,
    NUM_KEYPOINTS,
    ROOT,
    to_standard,
)

FloatArray = npt.NDArray[np.float32]

SEQUENCES = {
    'train': tuple(
        f'B{number}{kind}'
        for number in range(2, 7)
        for kind in ('Counting', 'Random')
    ),
    'test': ('B1Counting', 'B1Random'),
}

BASELINE_MM = 120.054
"""From the left to the right camera of the stereo pair."""

_STEREO = [[822.79041, 0, 318.47345], [0, 822.79041, 250.31296], [0, 0, 1]]
_COLOUR = [[607.92271, 0, 314.78337], [0, 607.88192, 236.42484], [0, 0, 1]]

# From the colour to the depth camera of the second device, mm.
_ROTATION = cv2.Rodrigues(np.array([0.00531, -0.01196, 0.00301]))[0]
_TRANSLATION = np.array([-24.0381, -0.4563, -1.2326])

CAMERAS = {
    'SK': ('SK', 'SK_color', _COLOUR),
    'BB_left': ('BB', 'BB_left', _STEREO),
    'BB_right': ('BB', 'BB_right', _STEREO),
}
"""Name: label file's ending, images' beginning, camera matrix in px."""

WRISTS = {
    'middle': (FINGERS['middle'][0], 2.0),
    'ring': (FINGERS['ring'][0], 2.0),
    'bihand': (FINGERS['middle'][0], 2.2),
    'palm': None,
}
"""Readers that put a wrist on the line from this MCP through the palm's
centre, so many times as far from it as the centre is."""


@DATASETS.register_module()
class StbDataset(TableHandDataset):
    """STB in its official layout; left hands only.

    Files: `labels/SEQUENCE_{BB,SK}.mat` (`handPara` (3, K, N) in mm: of the
    left camera, or of the depth camera of the second device), images
    `images/SEQUENCE/{BB_left,BB_right,SK_color}_%d.png`. The set has the
    centre of the palm and no wrist: `wrist` says what stands for it, which
    moves the root by several mm.

    Args:
        data_root: Folder of the set.
        split: `'train'` (10 sequences) or `'test'` (2, B1).
        cameras: Some of `CAMERAS`.
        wrist: `'middle'` (the palm's centre is midway to the middle MCP, so
            that `palm-` scores have the set's own), `'ring'` (the reader of
            Zimmermann and Brox 2017), `'bihand'` (Yang et al. 2020) or
            `'palm'` (its centre as it is).
        **kwargs: Those of `RowHandDataset`.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: A file is malformed, or an argument.
    """

    METAINFO: dict = hand_metainfo('stb')

    def __init__(
        self,
        data_root: str,
        split: str = 'test',
        cameras: Sequence[str] = ('SK',),
        wrist: str = 'middle',
        **kwargs: Any,
    ) -> None:
        for name, value, known in (
            ('split', split, SEQUENCES),
            ('wrist', wrist, WRISTS),
            *(('cameras', camera, CAMERAS) for camera in cameras),
        ):
            if value not in known:
                raise ValueError(
                    f'{name}: expected {", ".join(known)}, got {value!r}'
                )
        self.split, self.cameras, self.wrist = split, tuple(cameras), wrist
        super().__init__(data_root, **kwargs)

    def _read(self) -> HandTable:
        images: list[str] = []
        points, matrices = [], []
        for sequence in SEQUENCES[self.split]:
            for camera in self.cameras:
                label, start, matrix = CAMERAS[camera]
                part = self._points(sequence, label, camera)
                points.append(part)
                matrices.append(np.tile(matrix, (len(part), 1, 1)))
                images += [
                    f'images/{sequence}/{start}_{i}.png'
                    for i in range(len(part))
                ]
        return table_3d(
            images,
            np.concatenate(points),
            np.concatenate(matrices),
            folder=f'{self.data_root}/',
            hand_side=np.full(len(images), HAND_SIDES['left']),
        )

    def _points(self, sequence: str, label: str, camera: str) -> FloatArray:
        """(N, K, 3) in mm in the frame of one camera, with a wrist."""
        path = Path(self.data_root) / 'labels' / f'{sequence}_{label}.mat'
        points = _read_labels(path)
        if camera == 'SK':
            points = (points - _TRANSLATION) @ _ROTATION
        elif camera == 'BB_right':
            points = points - [BASELINE_MM, 0, 0]
        points = to_standard(points, 'stb')
        rule = WRISTS[self.wrist]
        if rule is not None:
            base, factor = rule
            palm = points[:, ROOT] - points[:, base]
            points[:, ROOT] = points[:, base] + factor * palm
        return points


def _read_labels(path: Path) -> FloatArray:
    """(N, K, 3) in mm as the file has them."""
    existing(path, 'the labels of a sequence')
    try:
        content = loadmat(path)
    except Exception as error:  # a damaged file may break the reader anyhow
        reason = ' '.join(str(error).split())
        raise ValueError(f'{path}: not a readable .mat: {reason}') from None
    values = np.asarray(field(content, 'handPara', str(path)))
    count = values.shape[-1] if values.ndim == 3 else 0
    shape = (3, NUM_KEYPOINTS, count)
    return numbers(values, shape, f'{path}: handPara').transpose(2, 1, 0)
