"""Making sets: the same bytes however often the work is interrupted."""

import hashlib
import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from functools import partial

import pytest

from synhand.synthesis import engine as engine_module
from synhand.synthesis.config import SynthesisConfig
from synhand.synthesis.engine import MANIFEST, SetError, synthesize
from synhand.synthesis.generator import SelfCheckError
from synhand.synthesis.jobs import Died, EngineError, Made, make_shard
from synhand.synthesis.ledger import (
    read_checksums,
    read_log,
    read_runs,
    write_checksums,
)
from synhand.synthesis.ray_pool import RayPool
from synhand.synthesis.renderer import Renderer, RendererError
from synhand.synthesis.shards import ShardSet, shard_name

SMALL = SynthesisConfig(seed=1, image_size=48, supersample=1.0)


@pytest.fixture(scope='module', autouse=True)
def renders():
    try:
        Renderer(8, 8)
    except RendererError as error:
        pytest.skip(str(error))


class InlinePool:
    """Makes shards in this process: no time for starting others."""

    name = 'inline'
    size = 2
    drawn = 0

    def __init__(self, job, workers=None):
        self.job, self.given = job, []

    def start(self, shard):
        self.given.append(shard)

    def make(self, shard):
        return make_shard(self.job, shard)

    def wait(self, seconds):
        shard = self.given.pop()
        return [(shard, self.make(shard))]

    def close(self):
        self.given.clear()


inline = partial(synthesize, engine=InlinePool)


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
    assert inline(whole, SMALL, 22, 6, 1) == 0
    assert contents(whole) == before


def test_missing_and_damaged_shards_are_made_again(whole, tmp_path):
    expected = contents(whole)
    for name, data in expected.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / MANIFEST).write_bytes((whole / MANIFEST).read_bytes())
    (tmp_path / shard_name(1)).unlink()
    cut = tmp_path / shard_name(2)
    cut.write_bytes(cut.read_bytes()[:500])
    assert inline(tmp_path, SMALL, 22, 6, 1) == 12
    assert contents(tmp_path) == expected


def writers(folder):
    """Processes that write a shard now, by the temporary names."""
    return [int(p.name.rpartition('-')[2]) for p in folder.glob('*.tmp-*')]


def wait_for(found, seconds=120):
    """The first value of ``found()`` that is true."""
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, 'nothing happened'
        time.sleep(0.001)
    return value


def kill(process):
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return  # It came to its end by itself.


def test_killed_ten_times_and_resumed_is_byte_identical(tmp_path):
    """At random moments: five times a worker, five times the parent."""
    config = replace(SMALL, image_size=32)
    reference, out = tmp_path / 'reference', tmp_path / 'out'
    inline(reference, config, 240, 2)
    out.mkdir()
    moments = random.Random(0)
    fork = multiprocessing.get_context('fork')
    for k in range(5):
        before = len(contents(out))
        parent = fork.Process(
            target=synthesize, args=(out, config, 240, 2, 1 + k % 2)
        )
        parent.start()
        wait_for(lambda: len(contents(out)) > before)  # noqa: B023
        time.sleep(moments.uniform(0, 0.03))
        kill(wait_for(lambda: writers(out))[0])
        time.sleep(moments.uniform(0, 0.03))
        assert parent.is_alive()
        kill(parent.pid)
        parent.join()
    assert len(contents(out)) < 120
    synthesize(out, config, 240, 2, 2)
    assert contents(out) == contents(reference)
    assert read_checksums(out) == read_checksums(reference)
    assert not list(out.glob('*.tmp-*'))


def test_killed_before_the_first_shard(tmp_path, whole):
    fork = multiprocessing.get_context('fork')
    parent = fork.Process(target=synthesize, args=(tmp_path, SMALL, 22, 6, 2))
    parent.start()
    wait_for(lambda: (tmp_path / MANIFEST).exists())
    kill(parent.pid)
    parent.join()
    inline(tmp_path, SMALL, 22, 6)
    assert contents(tmp_path) == contents(whole)


def test_shards_of_unknown_origin_are_refused(whole, tmp_path):
    name = shard_name(0)
    (tmp_path / name).write_bytes((whole / name).read_bytes())
    with pytest.raises(SetError, match='holds shards but no set.json'):
        inline(tmp_path, SMALL, 22, 6, 1)


def test_another_configuration_is_refused(whole):
    with pytest.raises(SetError, match='seed is 1, asked for 2; use another'):
        inline(whole, replace(SMALL, seed=2), 22, 6, 1)
    with pytest.raises(SetError, match='shard_size is 6, asked for 5'):
        inline(whole, SMALL, 22, 5, 1)
    with pytest.raises(SetError, match='num is 22 or more, asked for 21'):
        inline(whole, SMALL, 21, 6, 1)


def test_parts_make_the_whole(whole, tmp_path):
    """As two machines would: each its shards, one folder in the end."""
    first, second = tmp_path / 'first', tmp_path / 'second'
    done = []
    assert inline(first, SMALL, 22, 6, 1, shards=range(1)) == 6
    assert inline(second, SMALL, 22, 6, 1, done.append, range(2, 4)) == 10
    assert (done[0], done[-1]) == (0, 10)
    for path in second.glob('*.arrow'):
        shutil.copy(path, first)
    assert inline(first, SMALL, 22, 6, 1) == 6
    assert contents(first) == contents(whole)


def test_part_of_another_set_is_refused(whole):
    with pytest.raises(SetError, match='num is 22, asked for 24'):
        inline(whole, SMALL, 24, 6, 1, shards=range(2))
    with pytest.raises(SetError, match='shards 3-4 asked for; .* some of 0-3'):
        inline(whole, SMALL, 22, 6, 1, shards=range(3, 5))


def kill_one(folder, killed):
    """The writer of a second shard."""
    wait_for(lambda: contents(folder))
    killed += wait_for(lambda: writers(folder))[:1]
    kill(killed[0])


def check_one_death(folder, whole, engine):
    """The shard of the killed worker was made by another."""
    assert contents(folder) == contents(whole)
    assert read_checksums(folder) == read_checksums(whole)
    assert not list(folder.glob('*.tmp-*'))
    deaths = [e for e in read_log(folder) if e['event'] == 'death']
    assert len(deaths) == 1
    (run,) = read_runs(folder)
    assert (run.images, run.engine) == (22, engine)
    return deaths[0]['how']


def test_killed_worker_is_replaced(whole, tmp_path):
    killed = []
    killer = threading.Thread(target=kill_one, args=(tmp_path, killed))
    killer.start()
    assert synthesize(tmp_path, SMALL, 22, 6, 2) == 22
    killer.join()
    how = check_one_death(tmp_path, whole, 'local')
    assert 'was killed by SIGKILL' in how


def test_ray_makes_the_same_with_a_worker_killed_half_way(whole, tmp_path):
    """A local cluster of two workers."""
    pytest.importorskip('ray', reason="Ray is not installed ('.[ray]')")
    killed, done = [], []
    killer = threading.Thread(target=kill_one, args=(tmp_path, killed))
    killer.start()
    made = synthesize(tmp_path, SMALL, 22, 6, 2, done.append, engine=RayPool)
    killer.join()
    assert made == 22
    assert done == sorted(done)
    check_one_death(tmp_path, whole, 'ray')


class DyingPool(InlinePool):
    """Shards 1 and up are the death of every worker."""

    def make(self, shard):
        return Died('its worker died') if shard else super().make(shard)


def test_shard_that_kills_three_workers_is_given_up(tmp_path):
    with pytest.raises(SetError, match='2 of 3 shards .* 3 workers died at'):
        synthesize(tmp_path, SMALL, 6, 2, engine=DyingPool)
    assert list(contents(tmp_path)) == [shard_name(0)]
    assert list(read_checksums(tmp_path)) == [shard_name(0)]


def test_ten_deaths_stop_the_run(tmp_path):
    with pytest.raises(SetError, match='10 workers died, the last at shard-0'):
        synthesize(tmp_path, SMALL, 10, 2, engine=DyingPool)


class UncheckedPool(InlinePool):
    """The labels of shard 1 contradict each other."""

    def make(self, shard):
        if shard == 1:
            return SelfCheckError('image 2: side contradicts the 3D hand')
        return super().make(shard)


def test_failed_self_check_loses_its_shard_alone(tmp_path):
    with pytest.raises(
        SetError, match='1 of 3 .*shard-00001.*: image 2: side'
    ):
        synthesize(tmp_path, SMALL, 6, 2, engine=UncheckedPool)
    assert list(read_checksums(tmp_path)) == [shard_name(0), shard_name(2)]


class FarPool(InlinePool):
    """Its workers write to a folder that is not shared."""

    def make(self, shard):
        return Made('0' * 64, {})


def test_folder_that_is_not_shared_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(engine_module, '_PATIENCE_SECONDS', 0.01)
    monkeypatch.setattr(engine_module, '_POLL_SECONDS', 0.01)
    with pytest.raises(EngineError, match='that all machines share'):
        synthesize(tmp_path, SMALL, 4, 2, engine=FarPool)


def test_worker_with_other_photos_is_told(tmp_path):
    photos = tmp_path / 'photos'
    photos.mkdir()
    (photos / 'a.jpg').write_bytes(b'one')
    config = replace(SMALL, backgrounds=str(photos))

    class OtherPool(InlinePool):
        def make(self, shard):
            (photos / 'b.jpg').write_bytes(b'two')
            return super().make(shard)

    with pytest.raises(SetError, match='expected the same version, photos'):
        synthesize(tmp_path / 'out', config, 4, 2, engine=OtherPool)


def test_missing_ray_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'ray', None)
    with pytest.raises(EngineError, match=r"pip install '.\[ray\]'"):
        synthesize(tmp_path, SMALL, 4, 2, engine=RayPool)


def test_left_overs_of_other_parts_are_not_touched(tmp_path):
    """Another machine may be writing them."""
    mine = tmp_path / f'{shard_name(0)}.tmp-elsewhere-1'
    other = tmp_path / f'{shard_name(1)}.tmp-elsewhere-1'
    for path in (mine, other):
        path.write_bytes(b'half')
    inline(tmp_path, SMALL, 4, 2, 1, shards=range(1))
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
    (run,) = read_runs(whole)
    assert (run.images, run.workers, run.engine) == (22, 2, 'local')
    assert {'renderer', 'numpy'} <= run.environments[0].keys()
    assert events[-1]['event'] == 'end'
    assert run.seconds == events[-1]['seconds'] > 0
    for name, checksum in read_checksums(whole).items():
        data = (whole / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == checksum


def test_made_again_shard_gets_a_new_checksum(whole, tmp_path):
    for path in whole.iterdir():
        shutil.copy(path, tmp_path)
    expected = read_checksums(tmp_path)
    write_checksums(tmp_path, {**expected, shard_name(1): '0' * 64})
    (tmp_path / shard_name(1)).unlink()
    inline(tmp_path, SMALL, 22, 6, 1)
    assert read_checksums(tmp_path) == expected


def test_no_more_room_is_one_line_and_leaves_no_halves(root, tmp_path):
    """A limit on file sizes fails like a full disk, in write()."""
    command = [sys.executable, str(root / 'tools/synthesize.py')]
    command += ['--out', str(tmp_path), '--num', '8', '--shard-size', '4']
    command += ['--image-size', '64', '--workers', '1']
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
    assert inline(tmp_path, SMALL, 6, 6, 1) == 6
    assert inline(tmp_path, SMALL, 9, 6, 1) == 3
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
