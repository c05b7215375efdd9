"""Workers that are processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from multiprocessing.connection import Connection, wait

from synhand.synthesis.jobs import (
    Answer,
    Died,
    Job,
    make_shard,
    prepare_process,
)

_PATIENCE_SECONDS = 5
# An OpenGL context does not survive a fork.
_CONTEXT = multiprocessing.get_context('spawn')


class LocalPool:
    """A :class:`~synhand.synthesis.jobs.Pool` of processes.

    Args:
        job: The set.
        workers: Processes; None takes one per processor.
    """

    name = 'local'

    def __init__(self, job: Job, workers: int | None = None) -> None:
        self._job = job
        self.size = workers or os.cpu_count() or 1
        self._busy: list[_Worker] = []
        self._idle: list[_Worker] = []

    @property
    def drawn(self) -> int:
        return sum(worker.images.value for worker in self._busy)

    def start(self, shard: int) -> None:
        worker = self._idle.pop() if self._idle else _Worker(self._job)
        self._busy.append(worker)
        worker.give(shard)

    def wait(self, seconds: float) -> list[tuple[int, Answer]]:
        wait([worker.pipe for worker in self._busy], seconds)
        heard = [worker for worker in self._busy if worker.pipe.poll()]
        return [(worker.shard, self._hear(worker)) for worker in heard]

    def _hear(self, worker: _Worker) -> Answer:
        """A worker's answer, or its end."""
        self._busy.remove(worker)
        try:
            answer = worker.pipe.recv()
        except (EOFError, ConnectionError):
            died = Died(worker.last_words())
            worker.end()
            return died
        self._idle.append(worker)
        return answer

    def close(self) -> None:
        workers = self._busy + self._idle
        for worker in workers:
            worker.stop()
        for worker in workers:
            worker.end()
        self._busy, self._idle = [], []


class _Worker:
    """A process that makes one shard after the other.

    Attributes:
        pipe: Answers: what was made, or what went wrong.
        shard: What it makes.
        images: How many of the shard's are drawn. Without a lock: one that a
            killed process held would stay locked.
    """

    def __init__(self, job: Job) -> None:
        self.pipe, other_end = _CONTEXT.Pipe()
        self.images = _CONTEXT.Value('q', 0, lock=False)
        self.shard = -1
        self._process = _CONTEXT.Process(
            target=_work, args=(other_end, job, self.images), daemon=True
        )
        self._process.start()
        other_end.close()  # Or the pipe would not tell of the process's end.

    def give(self, shard: int) -> None:
        self.shard = shard
        self.images.value = 0
        # Where the process is gone, the pipe says so when it is read.
        try:
            self.pipe.send(shard)
        except ConnectionError:
            return

    def last_words(self) -> str:
        """How a process ended which closed its pipe."""
        self._process.join(_PATIENCE_SECONDS)
        code = self._process.exitcode
        if code is not None and code < 0:
            return f'its worker was killed by {signal.Signals(-code).name}'
        return f'its worker ended with exit code {code}'

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


def _work(pipe: Connection, job: Job, images) -> None:
    """Make the shards that come through the pipe."""
    prepare_process()
    # Ctrl-C reaches every process: the parent ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def drawn(count: int) -> None:
        images.value = count

    while True:
        try:
            shard = pipe.recv()
        except EOFError:
            return
        pipe.send(make_shard(job, shard, drawn))


def _leave(*_: object) -> None:
    """Clean up and exit; a second request would interrupt just that."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(1)


def _end_with_parent() -> None:
    """After a kill -9 of the parent nobody else would end a worker."""
    multiprocessing.parent_process().join()
    os._exit(1)
