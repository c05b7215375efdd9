"""The leaderboard's command."""

import pytest

from dump_factory import write_dump
from model_factory import load_tool


@pytest.fixture(scope='module')
def tool(root):
    import sys

    sys.path.insert(0, str(root / 'tools'))
    yield load_tool('leaderboard')
    sys.path.remove(str(root / 'tools'))


def test_dumps_become_a_table_and_a_page(tool, tmp_path):
    dumps = [
        write_dump(tmp_path / f'{name}.pkl', count=4, noise=noise)
        for name, noise in (('one@rhd', 5), ('two', 9))
    ]
    paths = [tmp_path / 'board.md', tmp_path / 'board.html']
    tool.main(
        [
            *map(str, dumps),
            *('--markdown', str(paths[0]), '--html', str(paths[1])),
            *('--pictures', '1', '--trained-on', 'two=half = synthetic'),
        ]
    )
    text, page = (path.read_text() for path in paths)
    assert '| two | half = synthetic | 4 |' in text
    assert '| one | - | 4 |' in text
    assert page.count('<figure>') == 4 and 'half = synthetic' in page
    left = {path.suffix for path in tmp_path.iterdir()}
    assert left == {'.pkl', '.jpg', '.md', '.html'}


def test_without_files_the_table_is_printed(tool, capsys):
    tool.main([])
    assert capsys.readouterr().out.startswith('# Leaderboard')


def test_bad_input_ends_in_one_line(tool, tmp_path, capsys):
    one = write_dump(tmp_path / 'a@rhd.pkl', count=2)
    other = tmp_path / 'more'
    other.mkdir()
    again = write_dump(other / 'a@rhd.pkl', count=2)
    (tmp_path / 'broken@rhd.pkl').write_bytes(b'x')
    for arguments, words in (
        ([one, again], ('a on rhd is in', str(again))),
        ([tmp_path / 'broken@rhd.pkl'], ('broken@rhd.pkl: refused',)),
        ([tmp_path / 'none@rhd.pkl'], ('none@rhd.pkl: no such file',)),
        ([one, '--html', tmp_path / 'no' / 'x.html'], ('x.html',)),
    ):
        with pytest.raises(SystemExit) as error:
            tool.main([str(argument) for argument in arguments])
        line = error.value.code
        assert line.startswith('leaderboard.py: error: ') and '\n' not in line
        assert all(word in line for word in words)
    with pytest.raises(SystemExit):
        tool.main(['--trained-on', 'x'])
    assert 'expected MODEL=SETS' in capsys.readouterr().err
