"""Files that are whole or absent, whatever happens while they are written."""

import os
import platform
import subprocess
import sys

import pytest

from synhand.files import (
    append_line,
    sweep,
    temporary_name,
    write_bytes,
    write_text,
    written_whole,
)

needs_full_disk = pytest.mark.skipif(
    not os.path.exists('/dev/full'), reason='no /dev/full, a full disk'
)


def test_old_file_stays_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / 'file'
    write_text(path, 'old')
    with written_whole(path) as temporary:
        temporary.write_text('half')
        assert path.read_text() == 'old'
        temporary.write_text('new')
    assert path.read_text() == 'new'
    assert os.listdir(tmp_path) == ['file']


def test_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / 'file'
    write_text(path, 'old')
    with (
        pytest.raises(KeyboardInterrupt),
        written_whole(path) as temporary,
    ):
        temporary.write_text('half')
        raise KeyboardInterrupt
    assert path.read_text() == 'old'
    assert os.listdir(tmp_path) == ['file']


def test_folder_appears_whole(tmp_path):
    path = tmp_path / 'folder'
    with pytest.raises(RuntimeError), written_whole(path) as temporary:
        temporary.mkdir()
        (temporary / 'a').write_text('')
        raise RuntimeError
    assert os.listdir(tmp_path) == []
    with written_whole(path) as temporary:
        temporary.mkdir()
        (temporary / 'a').write_text('')
    assert os.listdir(path) == ['a']


@needs_full_disk
def test_full_disk_names_the_file(tmp_path):
    path = tmp_path / 'file'
    temporary_name(path).symlink_to('/dev/full')
    with pytest.raises(OSError, match='No space left') as error:
        write_bytes(path, b'x')
    assert error.value.filename == str(path)
    assert os.listdir(tmp_path) == []


def test_missing_permission_names_the_file(tmp_path):
    """Root may write anywhere, so it acts as another user meanwhile."""
    tmp_path.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        for folder in tmp_path.parents:
            if folder.name.startswith(('pytest-', 'popen-')):
                folder.chmod(0o755)
        os.seteuid(65534)
    try:
        with pytest.raises(PermissionError) as error:
            write_bytes(tmp_path / 'file', b'x')
    finally:
        if root:
            os.seteuid(0)
        tmp_path.chmod(0o755)
    assert error.value.filename == str(tmp_path / 'file')
    assert os.listdir(tmp_path) == []


def test_error_about_another_file_keeps_its_name(tmp_path):
    with pytest.raises(FileNotFoundError) as error, written_whole(tmp_path):
        open(tmp_path / 'absent').close()
    assert error.value.filename == str(tmp_path / 'absent')


def test_appended_line_starts_below_a_cut_one(tmp_path):
    path = tmp_path / 'log'
    append_line(path, 'one')
    append_line(path, 'two')
    with path.open('a') as file:
        file.write('cut')
    append_line(path, 'three')
    assert path.read_text() == 'one\ntwo\ncut\nthree\n'
    with pytest.raises(IsADirectoryError) as error:
        append_line(tmp_path, 'x')
    assert error.value.filename == str(tmp_path)


@needs_full_disk
def test_full_disk_names_the_appended_file(tmp_path):
    path = tmp_path / 'log'
    path.symlink_to('/dev/full')
    with pytest.raises(OSError, match='No space left') as error:
        append_line(path, 'x')
    assert error.value.filename == str(path)


def test_sweep_takes_what_the_dead_left_and_what_is_abandoned(tmp_path):
    code = (
        'import os, signal, sys\n'
        'from synhand.files import written_whole\n'
        'with written_whole(sys.argv[1]) as temporary:\n'
        '    temporary.write_text("half")\n'
        '    os.kill(os.getpid(), signal.SIGKILL)'
    )
    subprocess.run([sys.executable, '-c', code, str(tmp_path / 'dead')])
    assert len(os.listdir(tmp_path)) == 1
    mine = temporary_name(tmp_path / 'mine').name
    elsewhere = f'there.tmp-not-{platform.node()}-1'
    for name in (mine, elsewhere, 'shard.tmp-elsewhere-7', 'kept'):
        (tmp_path / name).touch()
    sweep(tmp_path, {'shard'})
    assert set(os.listdir(tmp_path)) == {mine, elsewhere, 'kept'}
    sweep(tmp_path, {'mine', 'there'})
    assert os.listdir(tmp_path) == ['kept']
