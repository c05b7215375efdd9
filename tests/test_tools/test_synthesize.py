"""`tools/synthesize.py`: what it prints, and its exit code."""

import json
import re

import pytest

from model_factory import load_tool
from shard_factory import make_row
from synhand.synthesis.config import SynthesisConfig
from synhand.synthesis.ledger import Manifest
from synhand.synthesis.renderer import Renderer, RendererError
from synhand.synthesis.shards import ShardSet, shard_name, write_shard
from synhand.synthesis.verify import verify


@pytest.fixture
def tool(monkeypatch, capsys):
    """``tool(arguments...)``: exit code, stdout, stderr."""
    module = load_tool('synthesize')

    def run(*arguments):
        argv = ['synthesize.py', *map(str, arguments)]
        monkeypatch.setattr('sys.argv', argv)
        code = module.main()
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def renders():
    try:
        Renderer(8, 8)
    except RendererError as error:
        pytest.skip(str(error))


def test_parts_then_verify(renders, tool, tmp_path):
    out = tmp_path / 'set'
    common = ('--out', out, '--num', 8, '--shard-size', 3, '--image-size', 40)
    code, said, _ = tool(*common, '--workers', 1, '--shards', '1-2')
    assert code == 0
    assert '5 images, 5 made now' in said
    assert 'self-check: 5 images passed' in said
    assert '3 images are not made yet' in (out / 'README.md').read_text()
    code, said, errors = tool(*common, '--workers', 1)
    assert 'resumed: 5 of 8 images are there' in errors
    assert '8 images, 3 made now' in said
    assert re.search(r'this run: [\d.]+ s, [\d.]+ images/s; in all: ', said)
    assert '(runs: 2)' in said
    assert 'this run' not in tool(*common)[1]
    code, said, _ = tool('--out', out, '--verify', '--sample', 2)
    assert code == 0
    assert '2 images made again, 2 of them equal to the last bit' in said
    assert '**0 problems**' in (out / 'README.md').read_text()


def drawn_set(folder, rows):
    """A set without a renderer, whose poses have too few angles."""
    write_shard(folder / shard_name(0), map(make_row, range(rows)))
    Manifest.of(SynthesisConfig(), rows, rows).write(folder)


def test_verify_names_problems_and_counts_the_rest(tool, tmp_path):
    drawn_set(tmp_path, 25)
    count = verify(tmp_path, sample=0).problems
    assert count >= 25
    code, said, errors = tool('--out', tmp_path, '--verify', '--sample', 0)
    assert code == 1
    lines = [line for line in errors.splitlines() if 'angles' in line]
    assert len(lines) == 20
    assert f'... and {count - 20} more' in errors
    assert f'{count} problems' in said
    assert f'**{count} problems**' in (tmp_path / 'README.md').read_text()


def test_verify_of_a_folder_that_is_no_set(tool, tmp_path):
    code, _, errors = tool('--out', tmp_path, '--verify')
    assert code == 1
    assert errors.splitlines()[-1].startswith('error: ')
    assert 'set.json: no such file' in errors


def test_other_set_is_one_line(renders, tool, tmp_path):
    common = ('--out', tmp_path, '--num', 2, '--image-size', 40)
    assert tool(*common, '--workers', 1)[0] == 0
    code, _, errors = tool(*common, '--seed', 3)
    assert code == 1
    assert 'error: ' in errors.splitlines()[-1]
    assert 'seed is 0, asked for 3' in errors.splitlines()[-1]
    assert len(ShardSet(tmp_path)) == 2
    assert json.loads((tmp_path / 'set.json').read_text())['num'] == 2


@pytest.mark.parametrize(
    ('arguments', 'line'),
    [
        (('--num', '3', '--shards', '4-2'), "'4-2'; expected FIRST-LAST"),
        (('--num', '3', '--shards', 'all'), "'all'; expected FIRST-LAST"),
        (('--num', '0'), '--num: expected 1 or more'),
        (('--num', '3', '--workers', '0'), '--workers: expected 1 or more'),
        (('--num', '3', '--ray-address', 'a:1'), 'expected --engine ray'),
        ((), '--num: expected the number of images'),
    ],
)
def test_bad_arguments_are_named(tool, tmp_path, capsys, arguments, line):
    with pytest.raises(SystemExit, match='2'):
        tool('--out', tmp_path / 'set', *arguments)
    assert line in capsys.readouterr().err
    assert not (tmp_path / 'set').exists()
