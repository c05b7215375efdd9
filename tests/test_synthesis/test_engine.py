"""Making sets: the same bytes however often the work is interrupted."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from synhand.synthesis.config import SynthesisConfig
from synhand.synthesis.engine import MANIFEST, SetError, synthesize
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


def test_another_configuration_is_refused(whole):
    with pytest.raises(SetError, match='digest is .* expected'):
        synthesize(whole, replace(SMALL, seed=2), 22, 6, 1)
    with pytest.raises(SetError, match='shard_size is 6, expected 5'):
        synthesize(whole, SMALL, 22, 5, 1)


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
