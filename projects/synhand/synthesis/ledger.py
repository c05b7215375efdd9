"""What is kept beside a set's shards: manifest, log and checksums.

``set.json`` says what the set is, ``log.jsonl`` what was done to it (one JSON
object a line, appended), ``checksums.txt`` holds a SHA-256 a shard in the
format that ``sha256sum -c`` reads.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

from synhand.files import append_line, write_text
from synhand.synthesis.config import GENERATOR_VERSION, SynthesisConfig

MANIFEST = 'set.json'
LOG = 'log.jsonl'
CHECKSUMS = 'checksums.txt'
# Of the configuration: where files lie, which may differ between machines.
FOLDERS = ('backgrounds', 'environments')
_TIME = '%Y-%m-%dT%H:%M:%SZ'
_LIBRARIES = (
    'synhand',
    'numpy',
    'scipy',
    'opencv-python-headless',
    'pyarrow',
    'moderngl',
)


class SetError(ValueError):
    """A set that is another than the one asked for, or not whole."""


@dataclass(frozen=True)
class Manifest:
    """What a set is.

    Attributes:
        digest: Of the configuration and the photos it uses.
        generator_version: Which generator draws it.
        num: Images in the whole set.
        shard_size: Images a shard.
        config: The configuration as JSON holds it.
    """

    digest: str
    generator_version: int
    num: int
    shard_size: int
    config: dict[str, Any]

    @classmethod
    def of(
        cls, config: SynthesisConfig, num: int, shard_size: int
    ) -> Manifest:
        """The manifest of a set that is to be made."""
        facts = json.loads(json.dumps(asdict(config)))
        return cls(config.digest(), GENERATOR_VERSION, num, shard_size, facts)

    @classmethod
    def read(cls, folder: str | Path) -> Manifest:
        """The manifest of a folder.

        Raises:
            SetError: There is none, or it is damaged.
        """
        path = Path(folder) / MANIFEST
        try:
            found = json.loads(path.read_text())
            return cls(**{f.name: found[f.name] for f in fields(cls)})
        except FileNotFoundError:
            raise SetError(
                f'{path}: no such file; expected a set made by '
                'tools/synthesize.py'
            ) from None
        except (ValueError, KeyError, TypeError):
            names = ', '.join(f.name for f in fields(cls))
            raise SetError(
                f'{path}: not a manifest; expected JSON with {names}'
            ) from None

    def write(self, folder: Path) -> None:
        """Put it into the folder, whole or not at all."""
        write_text(
            folder / MANIFEST, json.dumps(asdict(self), indent=2) + '\n'
        )

    @property
    def num_shards(self) -> int:
        return -(-self.num // self.shard_size)

    def rows(self, shard: int) -> range:
        """The images of a shard."""
        start = shard * self.shard_size
        return range(start, min(start + self.shard_size, self.num))

    def synthesis_config(
        self, backgrounds: str | Path | None = None
    ) -> SynthesisConfig:
        """The configuration, to make images again.

        Args:
            backgrounds: Where the photos are now; None: where they were.

        Raises:
            SetError: The set was made by another version of the generator,
                or of other photos.
            FileNotFoundError: The photos are gone.
        """
        if self.generator_version != GENERATOR_VERSION:
            raise SetError(
                f'made by generator version {self.generator_version}, this '
                f'is version {GENERATOR_VERSION}'
            )
        config = _restored(SynthesisConfig(), self.config)
        if backgrounds is not None:
            config = replace(config, backgrounds=str(backgrounds))
        if config.digest() != self.digest:
            raise SetError(
                f'{MANIFEST}: digest is {self.digest[:12]}, that of its '
                f'configuration is {config.digest()[:12]} here; expected the '
                f'same photos in {config.backgrounds} and the same HDR images '
                f'in {config.environments}'
            )
        return config


def _restored(default: Any, found: Any) -> Any:
    """A value of JSON as the type of a default: dataclasses and tuples."""
    if is_dataclass(default):
        return replace(
            default,
            **{
                name: _restored(getattr(default, name), value)
                for name, value in found.items()
            },
        )
    return tuple(found) if isinstance(default, tuple) else found


def claim(folder: Path, manifest: Manifest, may_grow: bool = True) -> Manifest:
    """Write a set's manifest, or see that the folder's is the same.

    Args:
        folder: Of the set.
        manifest: What is to be made.
        may_grow: Whether the folder's set may get more images.

    Returns:
        Manifest: What the folder holds from now on.

    Raises:
        SetError: The folder holds another set.
    """
    if not (folder / MANIFEST).exists():
        if any(folder.glob('shard-*.arrow')):
            raise SetError(
                f'{folder}: holds shards but no {MANIFEST} that says what '
                'they are made of; use another folder'
            )
        manifest.write(folder)
        return manifest
    found = Manifest.read(folder)
    difference = _difference(found, manifest)
    if difference is None and found.num != manifest.num:
        if not may_grow or manifest.num < found.num:
            more = ' or more' if may_grow else ''
            difference = f'num is {found.num}{more}', manifest.num
        else:
            replace(found, num=manifest.num).write(folder)
    if difference:
        raise SetError(
            f'{folder / MANIFEST}: {difference[0]}, asked for '
            f'{difference[1]}; use another folder for another set'
        )
    return replace(found, num=manifest.num)


def _difference(found: Manifest, asked: Manifest) -> tuple[str, Any] | None:
    """What is found and what was asked for, where they differ."""
    pairs = [('shard_size', found.shard_size, asked.shard_size)]
    if found.digest != asked.digest:
        version = 'generator_version'
        pairs.append((version, found.generator_version, GENERATOR_VERSION))
        pairs += [
            (key, found.config.get(key), value)
            for key, value in asked.config.items()
            if key not in FOLDERS
        ]
        pairs.append(('digest', found.digest[:12], asked.digest[:12]))
    for key, old, new in pairs:
        if old != new:
            note = ' (other photos)' if key == 'digest' else ''
            return f'{key} is {old!r}', f'{new!r}{note}'
    return None


def append_log(folder: Path, event: str, **facts: Any) -> None:
    """Add one line to the log of a set."""
    line = json.dumps({'event': event, 'at': now(), **facts})
    append_line(folder / LOG, line)


def read_log(folder: Path) -> list[dict[str, Any]]:
    """All events, in order; a line that a kill cut short is left out."""
    path = folder / LOG
    if not path.exists():
        return []
    events = []
    for line in path.read_text().splitlines():
        try:
            events.append(json.loads(line))
        except ValueError:
            continue
    return events


@dataclass
class RunRecord:
    """What the log tells of one run.

    Attributes:
        name: Time, machine and process.
        at: When it began, as :func:`now` writes it.
        engine: That made the workers.
        workers: How many.
        environments: Renderer, processor and versions of its workers.
        images: In the shards that it finished.
        seconds: Wall time, to the end, or to the last shard where it was
            killed.
    """

    name: str
    at: str
    engine: str
    workers: int
    environments: list[dict[str, str]]
    images: int = 0
    seconds: float = 0.0


def read_runs(folder: Path) -> list[RunRecord]:
    """The runs that made shards, in the order of the log."""
    runs: dict[str, RunRecord] = {}
    for event in read_log(folder):
        name, kind = event.get('run'), event['event']
        if kind == 'run':
            runs[name] = RunRecord(
                name,
                event['at'],
                event.get('engine', 'local'),
                event['workers'],
                [event['environment']],
            )
        elif name in runs:
            run = runs[name]
            run.seconds = max(run.seconds, event.get('seconds', 0.0))
            if kind == 'shard':
                run.images += event['images']
            elif kind == 'environment':
                run.environments.append(event['environment'])
    return [run for run in runs.values() if run.images]


def wall_seconds(runs: list[RunRecord]) -> float:
    """How long runs took together; what ran at the same time counts once."""
    total, last = 0.0, float('-inf')
    starts = [datetime.strptime(run.at, _TIME).timestamp() for run in runs]
    for start, run in sorted(
        zip(starts, runs, strict=True), key=lambda pair: pair[0]
    ):
        end = start + run.seconds
        total += max(end - max(start, last), 0.0)
        last = max(last, end)
    return total


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(timezone.utc).strftime(_TIME)


def environment() -> dict[str, str]:
    """Processor and versions that the bytes of an image depend on."""
    versions = {'python': platform.python_version()}
    for name in _LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = 'not installed as a package'
    return {'processor': _processor(), 'system': sys.platform, **versions}


def _processor() -> str:
    facts = Path('/proc/cpuinfo')
    if facts.exists():
        for line in facts.read_text().splitlines():
            if line.startswith('model name'):
                return line.partition(':')[2].strip()
    return platform.processor() or platform.machine()


def sha256(path: Path) -> str:
    """The checksum of a file."""
    value = hashlib.sha256()
    with path.open('rb') as file:
        while block := file.read(1 << 20):
            value.update(block)
    return value.hexdigest()


def read_checksums(folder: Path) -> dict[str, str]:
    """Checksums by the name of the shard.

    Raises:
        SetError: A line is no checksum.
    """
    path = folder / CHECKSUMS
    if not path.exists():
        return {}
    found = {}
    for line in path.read_text().splitlines():
        value, _, name = line.partition('  ')
        if len(value) != 64 or not name:
            raise SetError(
                f'{path}: {line[:40]!r}; expected a SHA-256, two spaces and '
                'the name of a shard'
            )
        found[name] = value
    return found


def write_checksums(folder: Path, checksums: dict[str, str]) -> None:
    """Write the checksums in the order of the shards."""
    lines = [f'{checksums[name]}  {name}\n' for name in sorted(checksums)]
    write_text(folder / CHECKSUMS, ''.join(lines))


def complete_checksums(
    folder: Path, known: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Add the checksums of shards that have none, drop those of none.

    Args:
        folder: Of the set.
        known: Checksums of shards that were made just now.
    """
    old = read_checksums(folder)
    found = {**old, **(known or {})}
    new = {
        path.name: found.get(path.name) or sha256(path)
        for path in sorted(folder.glob('shard-*.arrow'))
    }
    if new != old:
        write_checksums(folder, new)
    return new
