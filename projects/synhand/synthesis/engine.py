"""Runs the generator over a set's shards: many processes, resumable."""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import asdict
from pathlib import Path

from synhand.synthesis.config import GENERATOR_VERSION, SynthesisConfig
from synhand.synthesis.shards import (
    ShardError,
    open_shard,
    shard_name,
    write_shard,
)

MANIFEST = 'set.json'
_POLL_SECONDS = 0.5
Progress = Callable[[int], None]


class SetError(ValueError):
    """The folder holds another set than the one asked for."""


def synthesize(
    out: str | Path,
    config: SynthesisConfig,
    num: int,
    shard_size: int = 500,
    workers: int | None = None,
    progress: Progress | None = None,
) -> int:
    """Make a set, or what is missing of it.

    Args:
        out: Folder of the set; made when missing.
        config: What the set is made of.
        num: Images in the whole set.
        shard_size: Images a shard.
        workers: Processes; None takes one per processor.
        progress: Called with the number of images that are done, of those
            that earlier runs left too.

    Returns:
        int: Images made by this call.

    Raises:
        SetError: The folder holds a set of another configuration.
        OSError: No space or no permission; finished shards stay whole.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    _claim(out, config, num, shard_size)
    jobs = {
        k: range(k * shard_size, min((k + 1) * shard_size, num))
        for k in range(-(-num // shard_size))
    }
    missing = {k: rows for k, rows in jobs.items() if not _done(out, k, rows)}
    made = sum(len(rows) for rows in missing.values())
    before = num - made
    if progress:
        progress(before)
    if missing:
        count = min(workers or os.cpu_count() or 1, len(missing))
        _run(out, config, missing, count, before, progress)
    return made


def _claim(
    out: Path, config: SynthesisConfig, num: int, shard_size: int
) -> None:
    """Write the set's manifest, or see that the folder's is the same."""
    path = out / MANIFEST
    manifest = {
        'digest': config.digest(),
        'generator_version': GENERATOR_VERSION,
        'num': num,
        'shard_size': shard_size,
        'config': asdict(config),
    }
    if path.exists():
        found = json.loads(path.read_text())
        for key in ('digest', 'shard_size'):
            if found.get(key) != manifest[key]:
                raise SetError(
                    f'{path}: {key} is {found.get(key)!r}, expected '
                    f'{manifest[key]!r}; use another folder for another set'
                )
    for left_over in out.glob('shard-*.tmp-*'):
        left_over.unlink()
    temporary = path.with_suffix('.tmp')
    temporary.write_text(json.dumps(manifest, indent=2) + '\n')
    os.replace(temporary, path)


def _done(out: Path, shard: int, rows: range) -> bool:
    path = out / shard_name(shard)
    if not path.exists():
        return False
    try:
        return open_shard(path).num_rows == len(rows)
    except ShardError:
        return False


def _run(
    out: Path,
    config: SynthesisConfig,
    missing: dict[int, range],
    workers: int,
    before: int,
    progress: Progress | None,
) -> None:
    # An OpenGL context does not survive a fork.
    context = multiprocessing.get_context('spawn')
    counter = context.Value('q', before)
    pool = ProcessPoolExecutor(
        workers, context, initializer=_start_worker, initargs=(config, counter)
    )
    with pool:
        waiting = {
            pool.submit(_make_shard, str(out), shard, rows)
            for shard, rows in missing.items()
        }
        try:
            while waiting:
                finished, waiting = wait(
                    waiting, _POLL_SECONDS, FIRST_COMPLETED
                )
                for future in finished:
                    future.result()
                if progress:
                    progress(counter.value)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


_generator = None
_counter = None


def _start_worker(config: SynthesisConfig, counter) -> None:
    """Make this process's generator; one thread each, processes are many."""
    global _generator, _counter
    os.environ.setdefault('LP_NUM_THREADS', '1')
    import cv2

    from synhand.synthesis.generator import Generator

    cv2.setNumThreads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _generator, _counter = Generator(config), counter


def _end_with_parent() -> None:
    """A pool's worker would wait for work for ever after a kill -9."""
    multiprocessing.parent_process().join()
    os._exit(1)


def _make_shard(out: str, shard: int, rows: range) -> None:
    def counted():
        for index in rows:
            yield _generator.row(index)
            with _counter.get_lock():
                _counter.value += 1

    write_shard(Path(out) / shard_name(shard), counted())
