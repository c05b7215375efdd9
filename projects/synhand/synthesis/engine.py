"""Runs the generator over a set's shards: many processes, resumable."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from pathlib import Path

import cv2

from synhand.files import sweep
from synhand.synthesis.config import SynthesisConfig
from synhand.synthesis.generator import Generator, SelfCheckError
from synhand.synthesis.ledger import (
    MANIFEST,
    Manifest,
    SetError,
    append_log,
    claim,
    environment,
    now,
    read_checksums,
    sha256,
    write_checksums,
)
from synhand.synthesis.renderer import RendererError
from synhand.synthesis.shards import (
    ShardError,
    open_shard,
    shard_name,
    write_shard,
)

__all__ = ['MANIFEST', 'SetError', 'synthesize']
_POLL_SECONDS = 0.5
_PATIENCE_SECONDS = 5
# More workers than this do not die by chance.
_MAX_DEATHS = 10
# An OpenGL context does not survive a fork.
_CONTEXT = multiprocessing.get_context('spawn')
Progress = Callable[[int], None]


def synthesize(
    out: str | Path,
    config: SynthesisConfig,
    num: int,
    shard_size: int = 500,
    workers: int | None = None,
    progress: Progress | None = None,
    shards: range | None = None,
) -> int:
    """Make a set, a part of it, or what is missing of either.

    Runs on several machines may fill one folder at the same time where their
    ``shards`` do not overlap.

    Args:
        out: Folder of the set; made when missing.
        config: What the set is made of.
        num: Images in the whole set.
        shard_size: Images a shard.
        workers: Processes; None takes one per processor.
        progress: Called with the number of images that are done, of those
            that earlier runs left too.
        shards: Only these; None: all.

    Returns:
        int: Images made by this call.

    Raises:
        SetError: The folder holds another set, there are no such shards, or
            some could not be made; the others are whole.
        OSError: No space or no permission; finished shards stay whole.
        RendererError: There is no OpenGL.
        ValueError: A photo for the background cannot be read.
    """
    out = Path(out)
    manifest = Manifest.of(config, num, shard_size)
    chosen = _chosen(manifest, shards)
    out.mkdir(parents=True, exist_ok=True)
    manifest = claim(out, manifest, may_grow=shards is None)
    missing = [k for k in chosen if not _done(out, k, manifest.rows(k))]
    made = sum(len(manifest.rows(k)) for k in missing)
    before = sum(len(manifest.rows(k)) for k in chosen) - made
    report = progress or _silent
    report(before)
    if missing:
        _sweep(out, missing)
        count = min(workers or os.cpu_count() or 1, len(missing))
        run = _Run(out, config, manifest, missing, count)
        run.finish(lambda done: report(before + done))
    return made


def _silent(done: int) -> None:
    """Progress that nobody asked for."""


def _chosen(manifest: Manifest, shards: range | None) -> range:
    every = range(manifest.num_shards)
    if shards is None:
        return every
    if not shards or shards[0] < 0 or shards[-1] not in every:
        raise SetError(
            f'shards {shards.start}-{shards.stop - 1} asked for; expected '
            f'some of 0-{every.stop - 1} ({manifest.num} images, '
            f'{manifest.shard_size} a shard)'
        )
    return shards


def _done(out: Path, shard: int, rows: range) -> bool:
    path = out / shard_name(shard)
    if not path.exists():
        return False
    try:
        return open_shard(path).num_rows == len(rows)
    except ShardError:
        return False


def _sweep(out: Path, missing: list[int]) -> None:
    """Remove what killed runs left of the shards that are to be made."""
    names = {shard_name(k) for k in missing}
    sweep(out, names)
    checksums = read_checksums(out)
    if names & checksums.keys():
        kept = {k: v for k, v in checksums.items() if k not in names}
        write_checksums(out, kept)


class _Run:
    """One call's work: a queue of shards and the workers that empty it."""

    def __init__(
        self,
        out: Path,
        config: SynthesisConfig,
        manifest: Manifest,
        missing: list[int],
        count: int,
    ) -> None:
        self.out, self.config, self.manifest = out, config, manifest
        self.queue = deque(missing)
        self.total, self.count = len(missing), count
        self.started = time.monotonic()
        self.name = f'{now()} {os.getpid()}'
        self.done = 0
        self.deaths = 0
        self.failures: list[str] = []
        self.checksums: dict[str, str] = {}

    def finish(self, progress: Progress) -> None:
        """Make all shards.

        Raises:
            SetError: Some could not be made.
        """
        append_log(
            self.out,
            'run',
            run=self.name,
            workers=self.count,
            environment=environment(),
        )
        busy: list[_Worker] = []
        try:
            self._employ(busy)
            while busy:
                wait([worker.pipe for worker in busy], _POLL_SECONDS)
                for worker in [w for w in busy if w.pipe.poll()]:
                    self._hear(worker, busy)
                self._employ(busy)
                progress(self.done + sum(w.images.value for w in busy))
        finally:
            for worker in busy:
                worker.stop()
            for worker in busy:
                worker.end()
            if self.checksums:
                found = read_checksums(self.out)
                write_checksums(self.out, {**found, **self.checksums})
        if self.failures:
            raise SetError(
                f'{self.out}: {len(self.failures)} of {self.total} shards '
                f'were not made ({self.failures[0]}); the others are whole, '
                'run the same command again for the rest'
            )

    def _employ(self, busy: list[_Worker]) -> None:
        """Start workers for shards that wait, as many as there may be."""
        while self.queue and len(busy) < self.count:
            worker = _Worker(self.out, self.config)
            busy.append(worker)
            self._give(worker)

    def _give(self, worker: _Worker) -> None:
        shard = self.queue.popleft()
        worker.give(shard, self.manifest.rows(shard))

    def _hear(self, worker: _Worker, busy: list[_Worker]) -> None:
        """Take a worker's answer, or its end, and give it the next shard."""
        name = shard_name(worker.shard)
        try:
            answer = worker.pipe.recv()
        except (EOFError, ConnectionError):
            busy.remove(worker)
            self._mourn(name, worker.exit_code())
            worker.end()
            return
        if isinstance(answer, SelfCheckError):
            self.failures.append(f'{name}: {answer}')
        elif isinstance(answer, Exception):
            raise _named(answer, self.out / name)
        else:
            self._note(worker.shard, answer)
        if self.queue:
            self._give(worker)
        else:
            busy.remove(worker)
            worker.end()

    def _note(self, shard: int, checksum: str) -> None:
        images = len(self.manifest.rows(shard))
        self.done += images
        self.checksums[shard_name(shard)] = checksum
        append_log(
            self.out,
            'shard',
            run=self.name,
            shard=shard,
            images=images,
            seconds=round(time.monotonic() - self.started, 2),
        )

    def _mourn(self, name: str, code: int | None) -> None:
        how = f'ended with exit code {code}'
        if code is not None and code < 0:
            how = f'was killed by {signal.Signals(-code).name}'
        self.failures.append(f'{name}: its worker {how}')
        self.deaths += 1
        if self.deaths >= _MAX_DEATHS:
            raise SetError(
                f'{self.out}: {self.deaths} workers died, the last at '
                f'{self.failures[-1]}; stopped, finished shards are whole'
            )


def _named(error: Exception, path: Path) -> Exception:
    """A failed write with the name of the file, which Arrow leaves out."""
    if isinstance(error, OSError) and error.errno and not error.filename:
        return OSError(error.errno, os.strerror(error.errno), str(path))
    return error


class _Worker:
    """A process that makes one shard after the other.

    Attributes:
        pipe: Answers: the checksum of the shard, or what went wrong.
        shard: What it makes.
        images: How many of the shard's are drawn. Without a lock: one that a
            killed process held would stay locked.
    """

    def __init__(self, out: Path, config: SynthesisConfig) -> None:
        self.pipe, other_end = _CONTEXT.Pipe()
        self.images = _CONTEXT.Value('q', 0, lock=False)
        self.shard = -1
        self._process = _CONTEXT.Process(
            target=_work,
            args=(other_end, out, config, self.images),
            daemon=True,
        )
        self._process.start()
        other_end.close()  # Or the pipe would not tell of the process's end.

    def give(self, shard: int, rows: range) -> None:
        self.shard = shard
        self.images.value = 0
        # Where the process is gone, the pipe says so when it is read.
        try:
            self.pipe.send((shard, rows))
        except ConnectionError:
            return

    def exit_code(self) -> int | None:
        """That of a process which closed its pipe."""
        self._process.join(_PATIENCE_SECONDS)
        return self._process.exitcode

    def stop(self) -> None:
        """Tell the process to end; it removes its unfinished shard."""
        self._process.terminate()

    def end(self) -> None:
        """Stop the process and wait for its end."""
        self.stop()
        self._process.join(_PATIENCE_SECONDS)
        self._process.kill()
        self._process.join()
        self.pipe.close()


def _work(
    pipe: Connection, out: Path, config: SynthesisConfig, images
) -> None:
    """Make the shards that come through the pipe, one thread a process."""
    os.environ.setdefault('LP_NUM_THREADS', '1')
    cv2.setNumThreads(1)
    # Ctrl-C reaches every process: the parent ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    generator = None
    while True:
        try:
            shard, rows = pipe.recv()
        except EOFError:
            return
        try:
            generator = generator or Generator(config)
            path = out / shard_name(shard)
            write_shard(path, _counted(generator, rows, images))
            answer = sha256(path)
        except (OSError, ValueError, SelfCheckError, RendererError) as error:
            answer = error
        pipe.send(answer)


def _counted(generator: Generator, rows: range, images) -> Iterator[dict]:
    for index in rows:
        yield generator.row(index)
        images.value += 1


def _end_with_parent() -> None:
    """After a kill -9 of the parent nobody else would end a worker."""
    multiprocessing.parent_process().join()
    os._exit(1)
