"""The synthetic set at rest: folders of Arrow IPC stream files.

One row is one image with everything that is known about it. The stream
format is what Hugging Face ``datasets`` writes and memory-maps, so a shard
opens with ``pyarrow`` and with ``datasets.Dataset.from_file`` alike.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from mmap import ACCESS_READ, MADV_NORMAL, MADV_RANDOM, mmap
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from synhand.files import written_whole
from synhand.skeleton import NUM_KEYPOINTS

_K2, _K3 = 2 * NUM_KEYPOINTS, 3 * NUM_KEYPOINTS
_IMAGE = pa.struct([('bytes', pa.binary()), ('path', pa.string())])

HAND_TYPE = pa.struct(
    [
        ('side', pa.int8()),
        ('bbox', pa.list_(pa.float32(), 4)),
        ('keypoints_2d', pa.list_(pa.float32(), _K2)),
        ('keypoints_cam_anatomical', pa.list_(pa.float32(), _K3)),
        ('keypoints_cam_mano', pa.list_(pa.float32(), _K3)),
        ('occluded', pa.list_(pa.int8(), NUM_KEYPOINTS)),
        ('kind', pa.string()),
        ('pose', pa.list_(pa.float32())),
        ('shape', pa.list_(pa.float32())),
    ]
)

SCHEMA = pa.schema(
    [
        ('index', pa.int64()),
        ('image', _IMAGE),
        ('alpha', _IMAGE),
        ('mask', _IMAGE),
        ('width', pa.int32()),
        ('height', pa.int32()),
        ('camera_matrix', pa.list_(pa.float32(), 9)),
        ('hands', pa.list_(HAND_TYPE)),
        ('scene', pa.string()),
    ]
)

_HAND_SHAPES = {
    'bbox': (4,),
    'keypoints_2d': (NUM_KEYPOINTS, 2),
    'keypoints_cam_anatomical': (NUM_KEYPOINTS, 3),
    'keypoints_cam_mano': (NUM_KEYPOINTS, 3),
    'occluded': (NUM_KEYPOINTS,),
    'pose': (-1,),
    'shape': (-1,),
}
_ROWS_PER_BATCH = 64
_OPENED_AT_ONCE = 16  # threads that mostly wait for the disk


class ShardError(ValueError):
    """A shard that is missing, damaged or of another layout."""


def shard_name(number: int) -> str:
    return f'shard-{number:05d}.arrow'


def _image_field(data: bytes) -> dict[str, bytes | None]:
    return {'bytes': data, 'path': None}


def _to_arrow(row: dict) -> dict:
    hands = [
        {
            key: np.asarray(value).reshape(-1).tolist()
            if key in _HAND_SHAPES
            else value
            for key, value in hand.items()
        }
        for hand in row['hands']
    ]
    return {
        **row,
        'image': _image_field(row['image']),
        'alpha': _image_field(row['alpha']),
        'mask': _image_field(row['mask']),
        'camera_matrix': np.asarray(row['camera_matrix']).ravel().tolist(),
        'hands': hands,
    }


def write_shard(path: str | Path, rows: Iterable[dict]) -> int:
    """Write rows to one shard, whole or not at all.

    Args:
        path: The file to make. It appears only when all rows are in it.
        rows: Dicts as :meth:`ShardSet.row` returns them.

    Returns:
        int: The number of rows written.

    Raises:
        OSError: No space, no permission; the temporary file is removed.
    """
    count = 0
    with (
        written_whole(path) as temporary,
        pa.OSFile(str(temporary), 'wb') as sink,
        pa.ipc.new_stream(sink, SCHEMA) as writer,
    ):
        batch: list[dict] = []
        for row in rows:
            batch.append(_to_arrow(row))
            count += 1
            if len(batch) == _ROWS_PER_BATCH:
                _write_batch(writer, batch)
                batch = []
        if batch:
            _write_batch(writer, batch)
    return count


def _write_batch(writer: pa.RecordBatchWriter, rows: list[dict]) -> None:
    writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=SCHEMA))


def open_shard(path: str | Path) -> pa.Table:
    """Memory-map one shard.

    Raises:
        ShardError: The file is absent, cut short, not an Arrow stream or of
            another layout; one line that names the file.
    """
    table = map_stream(path)
    if not table.schema.equals(SCHEMA):
        odd = sorted(set(SCHEMA.names) ^ set(table.schema.names))
        raise ShardError(
            f'{path}: columns {odd or "of another type"} do not match; '
            f'expected {SCHEMA.names}'
        )
    return table


def map_stream(path: str | Path) -> pa.Table:
    """Memory-map one shard of any schema.

    Raises:
        ShardError: The file is absent, cut short or not an Arrow stream.
    """
    path = Path(path)
    if not path.is_file():
        raise ShardError(f'{path}: no such shard')
    try:
        with path.open('rb') as file:
            pages = mmap(file.fileno(), 0, access=ACCESS_READ)
        # Opening looks at a few places only; reading ahead there would bring
        # a quarter of the file in.
        pages.madvise(MADV_RANDOM)
        table = pa.ipc.open_stream(pa.py_buffer(pages)).read_all()
        # Without it, damaged offsets crash the process that follows them.
        table.validate(full=True)
        pages.madvise(MADV_NORMAL)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ShardError(
            f'{path}: not a readable shard ({reason}); expected an Arrow IPC '
            'stream; delete it and run tools/synthesize.py again'
        ) from None
    return table


class ShardSet:
    """All shards of a folder as one list of rows, memory-mapped.

    Opens lazily and once per process, so that it can be handed to loader
    workers whether they are forked or spawned.

    Args:
        folder: Holds ``shard-*.arrow``.

    Raises:
        ShardError: The folder is missing or holds no shard.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise ShardError(
                f'{self.folder}: no such folder; expected a synthetic set '
                'made by tools/synthesize.py'
            )
        self.paths = sorted(self.folder.glob('shard-*.arrow'))
        if not self.paths:
            raise ShardError(
                f'{self.folder}: no shard-*.arrow in it; expected a '
                'synthetic set made by tools/synthesize.py'
            )
        self._tables: list[pa.Table] | None = None
        self._ends: list[int] = []

    def __getstate__(self) -> dict:
        return {**self.__dict__, '_tables': None, '_ends': []}

    def _open(self) -> list[pa.Table]:
        if self._tables is None:
            with ThreadPoolExecutor(_OPENED_AT_ONCE) as pool:
                tables = list(pool.map(open_shard, self.paths))
            self._ends = np.cumsum([t.num_rows for t in tables]).tolist()
            self._tables = tables
        return self._tables

    def __len__(self) -> int:
        self._open()
        return self._ends[-1]

    def hand_counts(self) -> npt.NDArray[np.int64]:
        """How many hands each row has, read without reading a row.

        Returns:
            (N,) for N rows.
        """
        lengths = [
            np.asarray(pc.list_value_length(table['hands']))
            for table in self._open()
        ]
        return np.concatenate(lengths).astype(np.int64)

    def row(self, i: int) -> dict:
        """Row ``i`` with numpy arrays.

        Returns:
            dict: ``index`` int; ``image``, ``alpha`` and ``mask`` file bytes
            (JPEG, 8-bit PNG of the foreground's coverage, 8-bit PNG of what
            each pixel shows, see :mod:`synhand.synthesis.things`);
            ``width``, ``height`` px; ``camera_matrix`` (3, 3) px; ``scene``
            JSON string; ``hands``, a list of dicts, the target hand first,
            with ``side`` (0 left, 1 right), ``bbox`` (4,) xyxy px,
            ``keypoints_2d`` (K, 2) px, ``keypoints_cam_anatomical`` and
            ``keypoints_cam_mano`` (K, 3) mm in the camera frame,
            ``occluded`` (K,), ``kind``, ``pose`` and ``shape`` (D,).
        """
        tables = self._open()
        if not 0 <= i < self._ends[-1]:
            raise IndexError(
                f'{self.folder}: row {i} asked for, has {self._ends[-1]}'
            )
        shard = bisect_right(self._ends, i)
        start = self._ends[shard - 1] if shard else 0
        row = tables[shard].slice(i - start, 1).to_pylist()[0]
        return _from_arrow(row)


def _from_arrow(row: dict) -> dict:
    row['image'] = row['image']['bytes']
    row['alpha'] = row['alpha']['bytes']
    row['mask'] = row['mask']['bytes']
    row['camera_matrix'] = np.array(row['camera_matrix']).reshape(3, 3)
    for hand in row['hands']:
        for key, shape in _HAND_SHAPES.items():
            hand[key] = np.array(hand[key]).reshape(shape)
    return row
