"""Runs the generator over a set's shards: many processes, resumable."""

from __future__ import annotations

import os
import platform
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from synhand.files import sweep
from synhand.synthesis.config import SynthesisConfig
from synhand.synthesis.generator import SelfCheckError
from synhand.synthesis.jobs import Answer, Died, EngineError, Job, Made, Pool
from synhand.synthesis.ledger import (
    MANIFEST,
    Manifest,
    SetError,
    append_log,
    claim,
    complete_checksums,
    now,
    read_checksums,
    write_checksums,
)
from synhand.synthesis.local_pool import LocalPool
from synhand.synthesis.shards import ShardError, open_shard, shard_name

__all__ = ['MANIFEST', 'SetError', 'synthesize']
_POLL_SECONDS = 0.5
# A file of another machine may take a while to show.
_PATIENCE_SECONDS = 10
# A shard whose worker dies this often is given up,
_MAX_TRIES = 3
# and more workers than this do not die by chance.
_MAX_DEATHS = 10
Progress = Callable[[int], None]


def synthesize(
    out: str | Path,
    config: SynthesisConfig,
    num: int,
    shard_size: int = 500,
    workers: int | None = None,
    progress: Progress | None = None,
    shards: range | None = None,
    engine: Callable[[Job, int | None], Pool] = LocalPool,
) -> int:
    """Make a set, a part of it, or what is missing of either.

    Runs on several machines may fill one folder at the same time where their
    ``shards`` do not overlap.

    Args:
        out: Folder of the set; made when missing.
        config: What the set is made of.
        num: Images in the whole set.
        shard_size: Images a shard.
        workers: Shards under way at a time; None: one per processor.
        progress: Called with the number of images that are done, of those
            that earlier runs left too.
        shards: Only these; None: all.
        engine: Makes the workers; default: processes of this machine.

    Returns:
        int: Images made by this call.

    Raises:
        SetError: The folder holds another set, there are no such shards, or
            some could not be made; the others are whole.
        EngineError: The engine cannot run, or its workers write elsewhere.
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
    _sweep(out, missing)
    if missing:
        job = Job(out, config, manifest)
        run = _Run(job, engine(job, workers), missing)
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

    def __init__(self, job: Job, pool: Pool, missing: list[int]) -> None:
        self.job, self.pool = job, pool
        self.missing = missing
        self.queue = deque(missing)
        self.under_way: set[int] = set()
        self.at, self.started = now(), time.monotonic()
        self.name = f'{self.at} {platform.node()} {os.getpid()}'
        self.done = 0
        self.deaths: Counter[int] = Counter()
        self.failures: list[str] = []
        self.checksums: dict[str, str] = {}
        self.environments: list[dict[str, str]] = []

    def finish(self, progress: Progress) -> None:
        """Make all shards.

        Raises:
            SetError: Some could not be made.
        """
        try:
            self._empty_queue(progress)
        except BaseException:
            self.pool.close()
            with suppress(OSError):  # The first error says more.
                self._close_books()
            raise
        self.pool.close()
        self._close_books()
        if self.failures:
            raise SetError(
                f'{self.job.out}: {len(self.failures)} of '
                f'{len(self.missing)} shards were not made '
                f'({self.failures[0]}); the others are whole, run the same '
                'command again for the rest'
            )

    def _empty_queue(self, progress: Progress) -> None:
        most = 0
        while self._fill():
            for shard, answer in self.pool.wait(_POLL_SECONDS):
                self.under_way.remove(shard)
                self._take(shard, answer)
            # Images of a worker that died are drawn again.
            most = max(most, self.done + self.pool.drawn)
            progress(most)

    def _fill(self) -> bool:
        """Start as many shards as there may be; False where none is left."""
        while self.queue and len(self.under_way) < self.pool.size:
            shard = self.queue.popleft()
            self.pool.start(shard)
            self.under_way.add(shard)
        return bool(self.under_way)

    def _take(self, shard: int, answer: Answer) -> None:
        if isinstance(answer, Made):
            self._note(shard, answer)
        elif isinstance(answer, Died):
            self._mourn(shard, f'{shard_name(shard)}: {answer.how}')
        elif isinstance(answer, SelfCheckError):
            self.failures.append(f'{shard_name(shard)}: {answer}')
        else:
            raise answer

    def _note(self, shard: int, made: Made) -> None:
        """Write down a shard that is in its place."""
        path = self.job.path(shard)
        if not _appears(path):
            raise EngineError(
                f'{path}: made by a worker, but not to be seen here; expected '
                'a folder that all machines share'
            )
        images = len(self.job.manifest.rows(shard))
        self.done += images
        self.checksums[path.name] = made.checksum
        self._note_environment(made.environment)
        self._log('shard', shard=shard, images=images)

    def _note_environment(self, environment: dict[str, str]) -> None:
        """The run is logged with its first shard, which tells what drew it."""
        if not self.environments:
            self._log(
                'run',
                at=self.at,
                engine=self.pool.name,
                workers=min(self.pool.size, len(self.missing)),
                environment=environment,
            )
        elif environment not in self.environments:
            self._log('environment', environment=environment)
        else:
            return
        self.environments.append(environment)

    def _log(self, event: str, **facts: object) -> None:
        seconds = round(time.monotonic() - self.started, 2)
        facts = dict(run=self.name, seconds=seconds, **facts)
        append_log(self.job.out, event, **facts)

    def _mourn(self, shard: int, how: str) -> None:
        """A worker's end: once more, unless that has been tried enough."""
        self.deaths[shard] += 1
        self._log('death', shard=shard, how=how)
        if self.deaths.total() >= _MAX_DEATHS:
            raise SetError(
                f'{self.job.out}: {self.deaths.total()} workers died, the '
                f'last at {how}; stopped, finished shards are whole'
            )
        if self.deaths[shard] < _MAX_TRIES:
            self.queue.append(shard)
        else:
            self.failures.append(f'{how}; {_MAX_TRIES} workers died at it')

    def _close_books(self) -> None:
        """After the last worker's end: nothing half-written, all sums."""
        out = self.job.out
        sweep(out, {shard_name(k) for k in self.missing})
        complete_checksums(out, self.checksums)
        if self.done:
            self._log('end', images=self.done)


def _appears(path: Path) -> bool:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not path.exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
