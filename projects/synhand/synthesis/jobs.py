"""What a worker does, whichever engine runs it: one shard after the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import cv2

from synhand.synthesis.config import SynthesisConfig
from synhand.synthesis.generator import Generator, SelfCheckError
from synhand.synthesis.ledger import Manifest, SetError, environment, sha256
from synhand.synthesis.renderer import RendererError
from synhand.synthesis.shards import shard_name, write_shard

Drawn = Callable[[int], None]


class EngineError(ValueError):
    """An engine that cannot run here, or whose workers see other files."""


@dataclass(frozen=True)
class Job:
    """A set that is being made.

    Attributes:
        out: Its folder, the same for all workers.
        config: What it is made of.
        manifest: Which images a shard has.
    """

    out: Path
    config: SynthesisConfig
    manifest: Manifest

    def path(self, shard: int) -> Path:
        return self.out / shard_name(shard)


@dataclass(frozen=True)
class Made:
    """A shard that is in its place.

    Attributes:
        checksum: Its SHA-256.
        environment: Renderer, processor and versions that drew it.
    """

    checksum: str
    environment: dict[str, str]


@dataclass(frozen=True)
class Died:
    """The end of the process that was making a shard.

    Attributes:
        how: What is known about it.
    """

    how: str


# An exception is a value here: it comes from another process.
Answer = Made | Died | Exception


class Pool(Protocol):
    """Workers of an engine.

    Attributes:
        name: Of the engine.
        size: How many shards may be under way.
        drawn: Images of shards under way, where workers tell.
    """

    name: str

    @property
    def size(self) -> int: ...

    @property
    def drawn(self) -> int: ...

    def start(self, shard: int) -> None:
        """Give a shard to a worker; at most ``size`` may be under way."""

    def wait(self, seconds: float) -> list[tuple[int, Answer]]:
        """Shards that came to an end, at the latest after some seconds."""

    def close(self) -> None:
        """End all workers; shards under way are given up."""


def prepare_process() -> None:
    """One thread a process: several would wait for each other."""
    os.environ.setdefault('LP_NUM_THREADS', '0')
    cv2.setNumThreads(1)


def make_shard(
    job: Job, shard: int, drawn: Drawn | None = None
) -> Made | Exception:
    """Make one shard in this process.

    Args:
        job: The set.
        shard: Its number.
        drawn: Called with the number of images drawn so far.

    Returns:
        Made | Exception: What to tell; errors travel between processes.
    """
    path, rows = job.path(shard), job.manifest.rows(shard)
    try:
        generator = _generator(job.config, job.manifest.digest)
        write_shard(path, _counted(generator, rows, drawn))
        return Made(sha256(path), _environment())
    except (OSError, ValueError, SelfCheckError, RendererError) as error:
        return error


@lru_cache(maxsize=1)
def _generator(config: SynthesisConfig, digest: str) -> Generator:
    """This process's generator, of the same files as the set's manifest."""
    if config.digest() != digest:
        raise SetError(
            f'digest is {digest[:12]}, that of the same configuration is '
            f'{config.digest()[:12]} for this worker; expected the same '
            'version, photos and HDR images on all machines'
        )
    return Generator(config)


@lru_cache(maxsize=1)
def _environment() -> dict[str, str]:
    """Of this process, which has an OpenGL context."""
    import moderngl

    name = moderngl.get_context().info['GL_RENDERER']
    return {'renderer': name, **environment()}


def _counted(
    generator: Generator, rows: range, drawn: Drawn | None
) -> Iterator[dict]:
    for count, index in enumerate(rows, 1):
        yield generator.row(index)
        if drawn:
            drawn(count)
