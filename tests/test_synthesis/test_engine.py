"""Making sets: the same bytes however often the work is interrupted."""

import hashlib
import json
import multiprocessing
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from synhand.synthesis.config import SynthesisConfig
from synhand.synthesis.engine import MANIFEST, SetError, synthesize
from synhand.synthesis.ledger import (
    read_checksums,
    read_log,
    write_checksums,
)
from synhand.synthesis.renderer import Renderer, RendererError
from synhand.synthesis.shards import ShardSet, shard_name

SMALL = SynthesisConfig(seed=1, image_size=48, supersample=1.0)


@pytest.fixture(scope='module', autouse=True)
def renders():
    try:
        Renderer(8, 8)
    except RendererError as error:
        pytest.skip(str(error))


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """A set made in one go."""
    out = tmp_path_factory.mktemp('whole')
    done = []
    assert synthesize(out, SMALL, 22, 6, 2, done.append) == 22
    assert done[0] == 0
    assert done[-1] == 22
    assert done == sorted(done)
    return out


def contents(folder):
    return {p.name: p.read_bytes() for p in folder.glob('*.arrow')}


def test_every_row_once_in_order(whole):
    rows = ShardSet(whole)
    assert [rows.row(i)['index'] for i in range(len(rows))] == list(range(22))
    assert len(contents(whole)) == 4


def test_second_call_makes_nothing(whole):
    before = contents(whole)
    assert synthesize(whole, SMALL, 22, 6, 1) == 0
    assert contents(whole) == before


def test_missing_and_damaged_shards_are_made_again(whole, tmp_path):
    expected = contents(whole)
    for name, data in expected.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / MANIFEST).write_bytes((whole / MANIFEST).read_bytes())
    (tmp_path / shard_name(1)).unlink()
    cut = tmp_path / shard_name(2)
    cut.write_bytes(cut.read_bytes()[:500])
    assert synthesize(tmp_path, SMALL, 22, 6, 1) == 12
    assert contents(tmp_path) == expected


def test_killed_and_resumed_is_byte_identical(whole, tmp_path, root):
    command = [
        sys.executable,
        str(root / 'tools/synthesize.py'),
        '--out',
        str(tmp_path),
        '--num',
        '22',
        '--shard-size',
        '6',
        '--workers',
        '1',
        '--image-size',
        '48',
        '--seed',
        '1',
    ]
    # The command line has no supersampling switch: make its own reference.
    config = replace(SMALL, supersample=SynthesisConfig.supersample)
    reference = tmp_path / 'reference'
    synthesize(reference, config, 22, 6, 1)
    for seconds in (0.4, 1.6, 2.2):
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(command, check=True, capture_output=True)
    assert contents(tmp_path) == contents(reference)
    assert not list(tmp_path.glob('*.tmp-*'))


def test_shards_of_unknown_origin_are_refused(whole, tmp_path):
    name = shard_name(0)
    (tmp_path / name).write_bytes((whole / name).read_bytes())
    with pytest.raises(SetError, match='holds shards but no set.json'):
        synthesize(tmp_path, SMALL, 22, 6, 1)


def test_another_configuration_is_refused(whole):
    with pytest.raises(SetError, match='seed is 1, asked for 2; use another'):
        synthesize(whole, replace(SMALL, seed=2), 22, 6, 1)
    with pytest.raises(SetError, match='shard_size is 6, asked for 5'):
        synthesize(whole, SMALL, 22, 5, 1)
    with pytest.raises(SetError, match='num is 22 or more, asked for 21'):
        synthesize(whole, SMALL, 21, 6, 1)


def test_parts_make_the_whole(whole, tmp_path):
    """As two machines would: each its shards, one folder in the end."""
    first, second = tmp_path / 'first', tmp_path / 'second'
    done = []
    assert synthesize(first, SMALL, 22, 6, 1, shards=range(1)) == 6
    assert synthesize(second, SMALL, 22, 6, 1, done.append, range(2, 4)) == 10
    assert (done[0], done[-1]) == (0, 10)
    for path in second.glob('*.arrow'):
        shutil.copy(path, first)
    assert synthesize(first, SMALL, 22, 6, 1) == 6
    assert contents(first) == contents(whole)


def test_part_of_another_set_is_refused(whole):
    with pytest.raises(SetError, match='num is 22, asked for 24'):
        synthesize(whole, SMALL, 24, 6, 1, shards=range(2))
    with pytest.raises(SetError, match='shards 3-4 asked for; .* some of 0-3'):
        synthesize(whole, SMALL, 22, 6, 1, shards=range(3, 5))


def test_killed_worker_loses_its_shard_alone(whole, tmp_path):
    """Two workers and four shards: three are made, by a new worker too."""
    killed = []

    def kill_one(done):
        workers = multiprocessing.active_children()
        if done and workers and not killed:
            workers[0].kill()
            killed.append(workers[0])

    with pytest.raises(SetError, match='1 of 4 shards .* killed by SIGKILL'):
        synthesize(tmp_path, SMALL, 22, 6, 2, kill_one)
    assert len(contents(tmp_path)) == 3
    assert len(read_checksums(tmp_path)) == 3
    lost = {shard_name(k) for k in range(4)} - contents(tmp_path).keys()
    synthesize(tmp_path, SMALL, 22, 6, 2)
    assert contents(tmp_path) == contents(whole)
    assert len(lost) == 1
    assert not list(tmp_path.glob('*.tmp-*'))


def test_left_overs_of_other_parts_are_not_touched(tmp_path):
    """Another machine may be writing them."""
    mine = tmp_path / f'{shard_name(0)}.tmp-elsewhere-1'
    other = tmp_path / f'{shard_name(1)}.tmp-elsewhere-1'
    for path in (mine, other):
        path.write_bytes(b'half')
    synthesize(tmp_path, SMALL, 4, 2, 1, shards=range(1))
    assert other.exists()
    assert not mine.exists()


def test_log_and_checksums_tell_what_was_made(whole):
    events = read_log(whole)
    shards = [e for e in events if e['event'] == 'shard']
    assert sorted((e['shard'], e['images']) for e in shards) == [
        (0, 6),
        (1, 6),
        (2, 6),
        (3, 4),
    ]
    assert events[0]['event'] == 'run'
    assert events[0]['workers'] == 2
    assert 'numpy' in events[0]['environment']
    for name, checksum in read_checksums(whole).items():
        data = (whole / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == checksum


def test_made_again_shard_gets_a_new_checksum(whole, tmp_path):
    for path in whole.iterdir():
        shutil.copy(path, tmp_path)
    expected = read_checksums(tmp_path)
    write_checksums(tmp_path, {**expected, shard_name(1): '0' * 64})
    (tmp_path / shard_name(1)).unlink()
    synthesize(tmp_path, SMALL, 22, 6, 1)
    assert read_checksums(tmp_path) == expected


def test_no_more_room_is_one_line_and_leaves_no_halves(root, tmp_path):
    """A limit on file sizes fails like a full disk, in write()."""
    command = [sys.executable, str(root / 'tools/synthesize.py')]
    command += ['--out', str(tmp_path), '--num', '8', '--shard-size', '4']
    command += ['--image-size', '64', '--workers', '2']
    run = subprocess.run(
        command,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_FSIZE, (6000, 6000)
        ),
    )
    assert run.returncode == 1
    last = run.stderr.strip().splitlines()[-1]
    assert last.startswith('error: ')
    assert 'finished shards are whole' in last
    assert str(tmp_path / 'shard-0000') in last
    assert 'Traceback' not in run.stderr
    assert not list(tmp_path.glob('shard-*'))
    assert subprocess.run(command, capture_output=True).returncode == 0
    assert len(ShardSet(tmp_path)) == 8


def test_set_can_grow(whole, tmp_path):
    assert synthesize(tmp_path, SMALL, 6, 6, 1) == 6
    assert synthesize(tmp_path, SMALL, 9, 6, 1) == 3
    assert len(ShardSet(tmp_path)) == 9
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    assert manifest['num'] == 9


def test_tool_reports_one_line(root, tmp_path):
    blocked = tmp_path / 'file'
    blocked.write_text('')
    run = subprocess.run(
        [
            sys.executable,
            str(root / 'tools/synthesize.py'),
            '--out',
            str(blocked / 'set'),
            '--num',
            '3',
        ],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1
    assert run.stderr.strip().splitlines()[-1].startswith('error: ')
    assert 'Traceback' not in run.stderr
