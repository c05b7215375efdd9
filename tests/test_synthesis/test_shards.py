"""Shards: what goes in comes out, whole or not at all."""

import pickle
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from shard_factory import make_row
from synhand.synthesis.shards import (
    SCHEMA,
    ShardError,
    ShardSet,
    open_shard,
    shard_name,
    write_shard,
)


@pytest.fixture
def folder(tmp_path):
    for shard, rows in enumerate((range(0, 70), range(70, 75))):
        write_shard(tmp_path / shard_name(shard), map(make_row, rows))
    return tmp_path


def test_rows_come_back_as_written(folder):
    rows = ShardSet(folder)
    assert len(rows) == 75
    for i in (0, 63, 64, 69, 70, 74):
        found, expected = rows.row(i), make_row(i)
        assert found['index'] == i
        assert found['image'] == expected['image']
        assert found['alpha'] == expected['alpha']
        np.testing.assert_allclose(
            found['camera_matrix'], expected['camera_matrix'], rtol=1e-6
        )
        for key, value in expected['hands'][0].items():
            if isinstance(value, np.ndarray):
                np.testing.assert_allclose(
                    found['hands'][0][key], value, rtol=1e-5, atol=1e-4
                )
            else:
                assert found['hands'][0][key] == value


def test_row_beyond_the_end_is_refused(folder):
    with pytest.raises(IndexError, match='row 75 asked for, has 75'):
        ShardSet(folder).row(75)


def test_set_survives_pickling(folder):
    rows = ShardSet(folder)
    rows.row(3)
    assert pickle.loads(pickle.dumps(rows)).row(3)['index'] == 3


def test_opening_reads_no_images(folder):
    before = pa.total_allocated_bytes()
    table = open_shard(folder / shard_name(0))
    assert table.num_rows == 70
    assert pa.total_allocated_bytes() - before < 4096


def test_failed_write_leaves_nothing(tmp_path):
    def rows():
        yield make_row(0)
        raise OSError('No space left on device')

    with pytest.raises(OSError, match='No space left'):
        write_shard(tmp_path / shard_name(0), rows())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('keep', [0, 10, 0.5, 0.97])
def test_cut_shard_is_named(folder, keep):
    path = folder / shard_name(0)
    data = path.read_bytes()
    size = int(keep * len(data)) if isinstance(keep, float) else keep
    path.write_bytes(data[:size])
    with pytest.raises(ShardError, match='shard-00000.arrow') as error:
        ShardSet(folder).row(69)
    assert '\n' not in str(error.value)


def test_garbage_is_named(folder):
    (folder / shard_name(1)).write_bytes(b'not an arrow stream' * 50)
    with pytest.raises(ShardError, match='shard-00001.arrow.*Arrow IPC'):
        len(ShardSet(folder))


def test_damaged_offsets_do_not_crash(folder):
    """Random bytes anywhere: one line, or rows; never a dead process."""
    path = folder / shard_name(0)
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    code = (
        'import sys; from synhand.synthesis.shards import *\n'
        'try: open_shard(sys.argv[1])\n'
        'except ShardError as error: print(error)'
    )
    for share in (0.2, 0.5, 0.9, 0.97, 0.99):
        start = int(share * len(data))
        broken = data.copy()
        broken[start : start + 2000] = rng.bytes(
            len(broken[start : start + 2000])
        )
        path.write_bytes(broken)
        run = subprocess.run(
            [sys.executable, '-c', code, str(path)],
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, (share, run.stderr[-500:])


def test_other_columns_are_named(tmp_path):
    path = tmp_path / shard_name(0)
    table = pa.table({'index': [1], 'photo': ['x']})
    with (
        pa.OSFile(str(path), 'wb') as sink,
        pa.ipc.new_stream(sink, table.schema) as writer,
    ):
        writer.write_table(table)
    with pytest.raises(ShardError, match="'photo'"):
        open_shard(path)


def test_missing_and_empty_folders_are_named(tmp_path):
    with pytest.raises(ShardError, match='nowhere: no such folder'):
        ShardSet(tmp_path / 'nowhere')
    with pytest.raises(ShardError, match=r'no shard-\*.arrow'):
        ShardSet(tmp_path)


def test_schema_is_what_other_readers_see(folder):
    with pa.memory_map(str(folder / shard_name(0))) as source:
        assert pa.ipc.open_stream(source).schema.equals(SCHEMA)
