"""Labels of shards as arrays, slice by slice.

No image is read, and memory does not grow with the set: shards are
memory-mapped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from synhand.hands.anatomy import NUM_DOFS
from synhand.skeleton import NUM_KEYPOINTS
from synhand.synthesis.checks import CAUSES
from synhand.synthesis.shards import ShardError, map_stream

_SLICE_ROWS = 4096
_LABELS = ('index', 'width', 'height', 'camera_matrix', 'hands', 'scene')
_FACTS = pa.schema(
    [
        ('tone', pa.float64()),
        ('repaired', pa.float64()),
        ('attempts', pa.int64()),
        ('surfaces', pa.list_(pa.int64())),
        ('kind', pa.string()),
        ('touching', pa.bool_()),
        ('rejected', pa.struct([(cause, pa.int64()) for cause in CAUSES])),
    ]
)


@dataclass(frozen=True)
class Labels:
    """Labels of R consecutive images with H hands; K keypoints, D angles.

    Attributes:
        index: (R,).
        size: (R, 2) width and height in px.
        camera_matrix: (R, 3, 3) px.
        row: (H,) the image of each hand, from 0.
        target: (H,) whether it is the first of its image.
        side: (H,) 0 left, 1 right.
        bbox: (H, 4) xyxy px.
        keypoints_2d: (H, K, 2) px.
        keypoints_cam: (H, K, 3) mm, camera frame, anatomical family.
        keypoints_cam_mano: (H, K, 3), the other family.
        occluded: (H, K) 1 hidden, 0 seen.
        kind: (H,) strings.
        pose: (H, D) radians, NaN where a hand has another number of angles.
        hand_mm: (H,) hand lengths in mm, wrist to middle tip at rest; NaN
            where a hand has no shape.
        facts: R rows with columns tone, repaired, attempts, surfaces, kind,
            touching, rejected; null where an image's ``scene`` lacks them.
        table: R rows, all columns, images too; not read until asked for.
    """

    index: np.ndarray
    size: np.ndarray
    camera_matrix: np.ndarray
    row: np.ndarray
    target: np.ndarray
    side: np.ndarray
    bbox: np.ndarray
    keypoints_2d: np.ndarray
    keypoints_cam: np.ndarray
    keypoints_cam_mano: np.ndarray
    occluded: np.ndarray
    kind: pa.Array
    pose: np.ndarray
    hand_mm: np.ndarray
    facts: pa.Table
    table: pa.Table


def read_labels(
    path: str | Path, slice_rows: int = _SLICE_ROWS
) -> Iterator[Labels]:
    """The labels of one shard, slice by slice.

    Sets of earlier schemas are read too, as long as they have the labels.

    Raises:
        ShardError: The file is no shard or lacks labels.
    """
    table = _open(Path(path))
    for start in range(0, table.num_rows, slice_rows):
        yield _labels(table.slice(start, slice_rows))


def _open(path: Path) -> pa.Table:
    table = map_stream(path)
    lacking = sorted(set(_LABELS) - set(table.column_names))
    if lacking:
        raise ShardError(f'{path}: no columns {lacking}; expected a shard')
    return table


def _labels(table: pa.Table) -> Labels:
    columns = {name: table[name].combine_chunks() for name in _LABELS}
    counts = pc.list_value_length(columns['hands']).to_numpy()
    hands = columns['hands'].flatten()
    starts = np.cumsum(counts) - counts
    target = np.zeros(counts.sum(), bool)
    target[starts[counts > 0]] = True

    def values(name: str, *shape: int) -> np.ndarray:
        column = pc.struct_field(hands, name)
        return column.flatten().to_numpy().reshape(-1, *shape)

    camera = columns['camera_matrix'].flatten().to_numpy()
    sizes = [columns[name].to_numpy() for name in ('width', 'height')]
    return Labels(
        index=columns['index'].to_numpy(),
        size=np.stack(sizes, 1),
        camera_matrix=camera.reshape(-1, 3, 3),
        row=np.repeat(np.arange(len(counts)), counts),
        target=target,
        side=pc.struct_field(hands, 'side').to_numpy(),
        bbox=values('bbox', 4),
        keypoints_2d=values('keypoints_2d', NUM_KEYPOINTS, 2),
        keypoints_cam=values('keypoints_cam_anatomical', NUM_KEYPOINTS, 3),
        keypoints_cam_mano=values('keypoints_cam_mano', NUM_KEYPOINTS, 3),
        occluded=values('occluded', NUM_KEYPOINTS),
        kind=pc.struct_field(hands, 'kind'),
        pose=_poses(pc.struct_field(hands, 'pose')),
        hand_mm=_last_values(pc.struct_field(hands, 'shape')),
        facts=_facts(columns['scene']),
        table=table,
    )


def _poses(column: pa.ListArray) -> np.ndarray:
    lengths = pc.list_value_length(column).to_numpy()
    poses = np.full((len(column), NUM_DOFS), np.nan)
    whole = lengths == NUM_DOFS
    values = column.flatten().to_numpy()
    poses[whole] = values[np.repeat(whole, lengths)].reshape(-1, NUM_DOFS)
    return poses


def _last_values(column: pa.ListArray) -> np.ndarray:
    """The last value of each list, NaN of empty ones."""
    lengths = pc.list_value_length(column).to_numpy()
    values = column.flatten().to_numpy().astype(np.float64)
    last = np.full(len(column), np.nan)
    some = lengths > 0
    last[some] = values[np.cumsum(lengths)[some] - 1]
    return last


def _facts(scene: pa.StringArray) -> pa.Table:
    text = '\n'.join(fact or '{}' for fact in scene.to_pylist())
    options = pj.ParseOptions(
        explicit_schema=_FACTS, unexpected_field_behavior='ignore'
    )
    # One block: a parser of blocks asks each to hold a whole line.
    block = pj.ReadOptions(use_threads=False, block_size=len(text) + 1024)
    source = pa.BufferReader(text.encode())
    return pj.read_json(source, block, options)
