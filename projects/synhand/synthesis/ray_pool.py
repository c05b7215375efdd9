"""Workers that are processes of a Ray cluster."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from synhand.synthesis.jobs import (
    Answer,
    Died,
    EngineError,
    Job,
    make_shard,
    prepare_process,
)
from synhand.synthesis.ledger import FOLDERS

# The shards go to files; what Ray holds is a job and checksums.
_STORE_BYTES = 100 * 2**20
_KNOCK_SECONDS = 10


class RayPool:
    """A :class:`~synhand.synthesis.jobs.Pool` on a Ray cluster.

    All machines need this package and see the set's folder, and the folders
    that the configuration names, under the same paths.

    Args:
        job: The set.
        workers: Shards under way; None: one for each of the cluster's
            processors, also of those that join later.
        address: Of a cluster; None starts one on this machine.

    Raises:
        EngineError: Ray is not installed, or there is no cluster at the
            address.
    """

    name = 'ray'

    def __init__(
        self,
        job: Job,
        workers: int | None = None,
        address: str | None = None,
    ) -> None:
        self._ray = _import_ray()
        self._workers = workers
        self._connect(address)
        self._job = self._ray.put(_absolute(job))
        # The engine counts the ends of workers and tries again.
        remote = self._ray.remote(num_cpus=1, max_retries=0)
        self._make = remote(_make)
        self._under_way: dict = {}

    def _connect(self, address: str | None) -> None:
        os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')
        options: dict = {'address': address}
        if address is None:
            options = {
                'address': 'local',
                'num_cpus': self._workers or os.cpu_count() or 1,
                'object_store_memory': _STORE_BYTES,
                'include_dashboard': False,
            }
        try:
            _knock(address)
            self._ray.init(
                **options, log_to_driver=False, logging_level='ERROR'
            )
        except (OSError, RuntimeError, ValueError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            place = address or 'this machine'
            raise EngineError(f'no Ray cluster at {place}: {reason}') from None

    @property
    def size(self) -> int:
        processors = int(self._ray.cluster_resources().get('CPU', 1))
        return self._workers or max(processors, 1)

    @property
    def drawn(self) -> int:
        """Workers tell of whole shards only."""
        return 0

    def start(self, shard: int) -> None:
        self._under_way[self._make.remote(self._job, shard)] = shard

    def wait(self, seconds: float) -> list[tuple[int, Answer]]:
        tasks = list(self._under_way)
        ready, _ = self._ray.wait(tasks, timeout=seconds)
        return [(self._under_way.pop(t), self._answer(t)) for t in ready]

    def _answer(self, task) -> Answer:
        errors = self._ray.exceptions
        try:
            return self._ray.get(task)
        except errors.RayTaskError:
            raise
        except errors.RayError as error:
            reason = str(error).splitlines()[0]
            return Died(f'its worker died ({reason})')

    def close(self) -> None:
        for task in self._under_way:
            self._ray.cancel(task, force=True)
        if self._under_way:
            tasks = list(self._under_way)
            self._ray.wait(tasks, num_returns=len(tasks), timeout=5)
        self._ray.shutdown()


def _import_ray() -> ModuleType:
    try:
        import ray
    except ImportError:
        raise EngineError(
            "engine 'ray' needs Ray, which is not installed; expected "
            "pip install '.[ray]', or --engine local"
        ) from None
    return ray


def _knock(address: str | None) -> None:
    """Ray itself would wait for minutes where nobody answers."""
    host, _, port = (address or '').removeprefix('ray://').rpartition(':')
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), _KNOCK_SECONDS).close()


def _absolute(job: Job) -> Job:
    """The job for processes that run in other folders."""
    folders = {name: getattr(job.config, name) for name in FOLDERS}
    config = replace(
        job.config,
        **{
            name: str(Path(folder).resolve())
            for name, folder in folders.items()
            if folder is not None
        },
    )
    return replace(job, out=job.out.resolve(), config=config)


def _make(job: Job, shard: int) -> Answer:
    prepare_process()
    return make_shard(job, shard)
