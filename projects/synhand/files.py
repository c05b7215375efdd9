"""Files that are written whole or not at all.

A file is written under a temporary name in its own folder and renamed. The
temporary name ends in the machine and the process that writes, so that
several may write into one folder, and a later run knows what a killed one
left.
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_MARK = '.tmp-'


def temporary_name(path: Path) -> Path:
    """Where this process writes what becomes ``path``."""
    owner = f'{platform.node()}-{os.getpid()}'
    return path.with_name(f'{path.name}{_MARK}{owner}')


@contextmanager
def written_whole(path: str | Path, durable: bool = True) -> Iterator[Path]:
    """A temporary path that takes the place of ``path`` at the end.

    Args:
        path: A file, or a folder that is not there yet. Its parent exists.
        durable: Whether a file has reached the disk before it is renamed, so
            that a power cut leaves the old or the new one.

    Yields:
        Path: To be written by the body. After an error it is removed, and
        ``path`` is as it was.

    Raises:
        OSError: No space, no permission; names ``path``.
    """
    path = Path(path)
    temporary = temporary_name(path)
    try:
        yield temporary
        if durable and temporary.is_file():
            _flush(temporary)
        os.replace(temporary, path)
    except OSError as error:
        raise _named(error, temporary, path) from None
    finally:
        _remove(temporary)


def write_bytes(path: Path, content: bytes, durable: bool = True) -> None:
    """Write a file whole or not at all."""
    with written_whole(path, durable) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write a file as UTF-8, whole or not at all."""
    write_bytes(path, text.encode())


def append_line(path: Path, line: str) -> None:
    """Add a line to a file, below a line that a killed process cut short.

    Raises:
        OSError: No space, no permission; names ``path``.
    """
    try:
        with path.open('a+b') as file:
            file.seek(max(file.seek(0, os.SEEK_END) - 1, 0))
            start = b'' if file.read(1) in (b'', b'\n') else b'\n'
            file.write(start + line.encode() + b'\n')
    except OSError as error:
        raise _named(error, path, path) from None


def sweep(folder: Path, abandoned: Collection[str] = ()) -> None:
    """Remove what killed processes left in a folder.

    Args:
        folder: Where they wrote.
        abandoned: Names of files that no process writes now, on any machine.
            Of other files, only what dead processes of this machine left is
            removed.
    """
    for left in folder.glob(f'*{_MARK}*'):
        name, _, owner = left.name.rpartition(_MARK)
        if name in abandoned or _is_dead(owner):
            _remove(left)


def _is_dead(owner: str) -> bool:
    node, _, process = owner.rpartition('-')
    if node != platform.node() or not process.isdecimal():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except OSError:  # It is another user's.
        return False
    return False


def _flush(path: Path) -> None:
    with path.open('rb') as file:
        os.fsync(file.fileno())


def _remove(path: Path) -> None:
    """Without an error: the one that led here says more."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _named(error: OSError, temporary: Path, path: Path) -> OSError:
    """The error with the name that was asked for; write() leaves it out."""
    ours = error.filename in (None, str(temporary))
    if not error.errno or not ours:
        return error
    return OSError(error.errno, os.strerror(error.errno), str(path))
