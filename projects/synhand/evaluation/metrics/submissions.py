"""Predictions as the files that benchmarks take."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmpose.registry import METRICS

from synhand.evaluation.metrics.base import Row, field
from synhand.evaluation.metrics.keypoints_3d import HandKeypoint3DMetric
from synhand.files import write_bytes
from synhand.skeleton import NUM_KEYPOINTS, from_standard

_MM_A_METRE = 1000.0
_DECIMALS = 7  # of a metre: a tenth of a micrometre
_NO_MESH = [[0.0, 0.0, 0.0]]
_OPENGL = np.array([1, -1, -1])


class SubmissionMetric(HandKeypoint3DMetric):
    """Writes all predictions to a file, and scores them if there is truth.

    Each sample's place in the official list is its metainfo's `id`. A
    prediction that is missing or not finite is written as zeros.

    Args:
        outfile: The file to write; without a suffix the folder, where it
            gets the name that the benchmark expects.
        count: Numbers of samples that the benchmark expects; none: any.
        format_only: Write the file and compute nothing, for sets whose truth
            is not public.
        id_key: Entry of the metainfo with the place in the official list.
        **kwargs: Those of `HandKeypoint3DMetric`.
    """

    file_name: str

    def __init__(
        self,
        outfile: str,
        count: int | Sequence[int] | None = None,
        format_only: bool = False,
        id_key: str = 'id',
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.outfile = Path(outfile)
        if not self.outfile.suffix:
            self.outfile /= self.file_name
        self.counts = (count,) if isinstance(count, int) else count
        self.format_only = format_only
        self.id_key = id_key

    def row(self, sample: Mapping[str, Any]) -> Row:
        if self.id_key not in sample:
            raise ValueError(
                f'{type(self).__name__}: the metainfo has no `{self.id_key}`, '
                "the sample's place in the official list"
            )
        found = sample['pred_instances']
        points = field(found, 'keypoints_cam', (1, NUM_KEYPOINTS, 3))
        row = {} if self.format_only else super().row(sample)
        row['id'] = np.array([int(sample[self.id_key])])
        row['submitted'] = np.where(np.isfinite(points).all(), points, 0.0)
        mesh = found.get('vertices_cam')
        if mesh is not None and np.isfinite(mesh).all():
            row['mesh'] = np.asarray(mesh)
        return row

    def compute_metrics(self, results: list) -> dict[str, float]:
        shapes = {row['mesh'].shape for row in results if 'mesh' in row}
        if len(shapes) > 1:
            raise ValueError(
                f'{type(self).__name__}: vertices_cam: expected one shape, '
                f'got {sorted(shapes)}'
            )
        for shape in shapes:
            for row in results:
                row.setdefault('mesh', np.zeros(shape))
        return super().compute_metrics(results)

    def summary(self, data: Row) -> dict[str, float]:
        order = np.argsort(data['id'])
        names = data['id'][order]
        if (np.diff(names) == 0).any():
            raise ValueError(
                f'{type(self).__name__}: two samples have one id, '
                f'{names[:-1][np.diff(names) == 0][0]}'
            )
        if self.counts and len(names) not in self.counts:
            expected = ' or '.join(map(str, self.counts))
            raise ValueError(
                f'{type(self).__name__}: expected {expected} samples, got '
                f'{len(names)} (count=None writes a part of a set)'
            )
        mesh = data['mesh'][order] if 'mesh' in data else None
        self.outfile.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(
            self.outfile,
            self.content(names, data['submitted'][order], mesh),
        )
        return {} if self.format_only else super().summary(data)

    def content(
        self, ids: np.ndarray, points: np.ndarray, mesh: np.ndarray | None
    ) -> bytes:
        """The file's content.

        Args:
            ids: (N,) places in the official list, rising.
            points: (N, K, 3) in mm, camera frame, standard order.
            mesh: (N, V, 3) in mm, camera frame, or None.
        """
        raise NotImplementedError


@METRICS.register_module()
class FreiHANDSubmission(SubmissionMetric):
    """FreiHAND's submission: a zip file with `pred.json`.

    `[xyz_list, verts_list]` in the order of the evaluation images, in metres
    in the camera frame (x right, y down, z forward), keypoints in standard
    order. Without a mesh each hand has one vertex at the origin, which the
    official script takes for "no MANO mesh".

    Args:
        outfile: The zip file; by default `pred.zip`.
        count: 3,960, the official evaluation set; None for a part.
        **kwargs: Those of `SubmissionMetric`.
    """

    default_prefix = 'freihand'
    file_name = 'pred.zip'

    def __init__(
        self,
        outfile: str = '.',
        count: int | Sequence[int] | None = 3960,
        **kwargs: Any,
    ) -> None:
        super().__init__(outfile, count, **kwargs)

    def content(
        self, ids: np.ndarray, points: np.ndarray, mesh: np.ndarray | None
    ) -> bytes:
        xyz = self._frame(self._order(points))
        vertices: list = [_NO_MESH] * len(ids)
        if mesh is not None:
            vertices = self._frame(mesh).tolist()
        text = json.dumps([xyz.tolist(), vertices])
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, 'w', zipfile.ZIP_DEFLATED) as archive:
            archive.writestr('pred.json', text)
        return buffer.getvalue()

    def _order(self, points: np.ndarray) -> np.ndarray:
        return from_standard(points, 'freihand')

    def _frame(self, points: np.ndarray) -> np.ndarray:
        return (points / _MM_A_METRE).round(_DECIMALS)


@METRICS.register_module()
class HO3DSubmission(FreiHANDSubmission):
    """HO-3D's submission: FreiHAND's, in OpenGL's frame and MANO's order.

    Metres, x right, y up, z backward; MANO's keypoints with the tips last;
    in the order of the set's `evaluation.txt`.

    Args:
        outfile: The zip file; by default `pred.zip`.
        count: 11,524 (version 2) or 20,137 (version 3); None for a part.
        **kwargs: Those of `SubmissionMetric`.
    """

    default_prefix = 'ho3d'

    def __init__(
        self,
        outfile: str = '.',
        count: int | Sequence[int] | None = (11524, 20137),
        **kwargs: Any,
    ) -> None:
        super().__init__(outfile, count, **kwargs)

    def _order(self, points: np.ndarray) -> np.ndarray:
        return from_standard(points, 'ho3d')

    def _frame(self, points: np.ndarray) -> np.ndarray:
        return super()._frame(points) * _OPENGL + 0.0


@METRICS.register_module()
class DexYCBSubmission(SubmissionMetric):
    """DexYCB's result file: a line of 64 numbers for each image.

    The image's number in the split, then x, y, z of the keypoints in mm,
    camera frame, standard order, separated by commas.

    Args:
        outfile: The text file; by default `dexycb.txt`.
        **kwargs: Those of `SubmissionMetric`.
    """

    default_prefix = 'dexycb'
    file_name = 'dexycb.txt'

    def __init__(self, outfile: str = '.', **kwargs: Any) -> None:
        super().__init__(outfile, **kwargs)

    def content(
        self, ids: np.ndarray, points: np.ndarray, mesh: np.ndarray | None
    ) -> bytes:
        ordered = from_standard(points, 'dexycb').reshape(len(ids), -1)
        lines = [
            ','.join([str(name), *(f'{value:.4f}' for value in values)])
            for name, values in zip(ids, ordered, strict=True)
        ]
        return ('\n'.join(lines) + '\n').encode()
