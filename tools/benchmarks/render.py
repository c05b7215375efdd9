"""Labelled images a second, where the time goes, and other renderers.

Everything is included: poses, scenes, drawing, labels, JPEG, shard files and
their checksums. Other renderers draw the same meshes at the same size; they
make no labels. Milliseconds of processor time hardly change when other
programs run, images a second do.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from _stages import STAGES, StageClock

from synhand.synthesis.config import SynthesisConfig
from synhand.synthesis.engine import synthesize
from synhand.synthesis.generator import Generator
from synhand.synthesis.jobs import prepare_process
from synhand.synthesis.ledger import read_runs, sha256
from synhand.synthesis.renderer import Surface
from synhand.synthesis.shards import write_shard

_DRIVERS = Path(__file__).parent / 'renderers'
_SHARDS_A_PROCESS = 4
_TITLES = {
    'synhand': 'synhand {0}, whole scenes drawn and read back',
    'pyrender': 'pyrender {0}, the same meshes, one light with a shadow',
    'bpy': 'Blender {0}, the same meshes, Cycles at {1.samples} samples',
}
_INSTALL = {
    'pyrender': "pip install pyrender 'numpy<2'",
    'bpy': 'pip install bpy',
}


@dataclass(frozen=True)
class Timing:
    """One measurement.

    Attributes:
        rate: Images a second of all processes.
        cpu_ms: Processor time of an image, where it can be told.
    """

    rate: float
    cpu_ms: float | None = None


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add('--num', type=int, default=1000, help='labelled images a repeat')
    add('--processes', type=int, default=os.cpu_count())
    add('--repeat', type=int, default=3)
    add('--size', type=int, default=256, help='px')
    add('--backgrounds', type=Path, help='folder of photos (default: drawn)')
    add('--meshes', type=int, default=64, help='images for each renderer')
    add('--samples', type=int, default=16, help='rays a pixel of Cycles')
    add('--pictures', type=Path, help='folder for an image of each renderer')
    for name in _INSTALL:
        add(
            f'--{name}-python',
            type=Path,
            default=Path(sys.executable) if find_spec(name) else None,
            help=f'Python of an environment with {name}',
        )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    prepare_process()
    config = replace(
        SynthesisConfig(),
        image_size=args.size,
        backgrounds=args.backgrounds and str(args.backgrounds),
    )
    with tempfile.TemporaryDirectory() as folder:
        measure(args, config, Path(folder))


def measure(
    args: argparse.Namespace, config: SynthesisConfig, folder: Path
) -> None:
    repeats = range(args.repeat)
    sets = [whole_set(args, config, folder / f'set-{k}') for k in repeats]
    device = read_runs(folder / 'set-0')[0].environments[0]
    print(
        f'{device["renderer"]}; {device["processor"]}; {args.size} px, '
        f'{args.processes} processes, {args.repeat} repeats\n'
    )
    row('', 'images/s, best', 'median', 'CPU ms/image, least', 'median')
    row('---', *['---:'] * 4)
    show('labelled images, start-up included', [first for first, _ in sets])
    show('labelled images, once running', [second for _, second in sets])
    generator = Generator(config)
    record(generator, args.meshes, folder)
    for name in ('synhand', *_INSTALL):
        compare(name, args, folder)
    print()
    stages(args, generator, folder)


def row(*cells: object) -> None:
    print(f'| {" | ".join(map(str, cells))} |', flush=True)


def show(name: str, found: list[Timing]) -> None:
    rates = [timing.rate for timing in found]
    cpu = [timing.cpu_ms for timing in found if timing.cpu_ms is not None]
    row(
        name,
        f'{max(rates):.2f}',
        f'{statistics.median(rates):.2f}',
        f'{min(cpu):.2f}' if cpu else '',
        f'{statistics.median(cpu):.2f}' if cpu else '',
    )


def whole_set(
    args: argparse.Namespace, config: SynthesisConfig, out: Path
) -> tuple[Timing, Timing]:
    """A set made as the tool makes it: with start-up, and without."""
    size = max(1, args.num // (args.processes * _SHARDS_A_PROCESS))
    seen: list[tuple[float, int]] = []

    def note(done: int) -> None:
        seen.append((time.perf_counter(), done))

    wall, cpu = time.perf_counter(), children_cpu()
    synthesize(out, config, args.num, size, args.processes, note)
    wall, cpu = time.perf_counter() - wall, children_cpu() - cpu
    start, end = next(look for look in seen if look[1]), seen[-1]
    running = (end[1] - start[1]) / max(end[0] - start[0], 1e-9)
    whole = Timing(args.num / wall, 1000 * cpu / args.num)
    return whole, Timing(running)


def children_cpu() -> float:
    """Seconds of processor time of processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def record(generator: Generator, count: int, folder: Path) -> None:
    """Keep what the generator draws: whole, and as bare meshes."""
    drawn: list[tuple] = []
    render = generator._renderer.render

    def keep(surfaces, camera, lighting):
        drawn.append((surfaces, camera, lighting))
        return render(surfaces, camera, lighting)

    generator._renderer.render = keep
    for index in range(count):
        generator.row(index)
    generator._renderer.render = render
    with (folder / 'synhand').open('wb') as file:
        pickle.dump(drawn[:count], file)
    meshes = [merged(surfaces) for surfaces, _, _ in drawn[:count]]
    with (folder / 'meshes').open('wb') as file:
        np.savez(
            file,
            vertices=np.concatenate([v for v, _ in meshes]),
            vertex_counts=[len(v) for v, _ in meshes],
            faces=np.concatenate([f for _, f in meshes]),
            face_counts=[len(f) for _, f in meshes],
            cameras=[camera for _, camera, _ in drawn[:count]],
        )


def merged(surfaces: list[Surface]) -> tuple[np.ndarray, np.ndarray]:
    """One mesh, vertices (V, 3) and faces (F, 3), of all of an image's."""
    counts = [len(surface.vertices) for surface in surfaces]
    starts = np.cumsum([0, *counts[:-1]])
    faces = [
        surface.faces + start
        for surface, start in zip(surfaces, starts, strict=True)
    ]
    vertices = [surface.vertices for surface in surfaces]
    return np.concatenate(vertices), np.concatenate(faces)


def compare(name: str, args: argparse.Namespace, folder: Path) -> None:
    """A row for a renderer, in processes of its own."""
    own = name == 'synhand'
    python = sys.executable if own else getattr(args, f'{name}_python')
    if python is None:
        note = f'not installed: in an environment of its own {_INSTALL[name]}'
        row(f'{name}: {note}, then --{name}-python PATH', *[''] * 4)
        return
    command = [
        str(python),
        str(_DRIVERS / f'with_{name}.py'),
        str(folder / ('synhand' if own else 'meshes')),
        f'--size={args.size}',
        f'--samples={args.samples}',
    ]
    try:
        found = [race(command, args.processes) for _ in range(args.repeat)]
    except RuntimeError as error:
        row(f'{name}: failed ({error})', *[''] * 4)
        return
    show(_TITLES[name].format(found[0][1], args), [f for f, _ in found])
    if args.pictures:
        args.pictures.mkdir(parents=True, exist_ok=True)
        race([*command, f'--picture={args.pictures / name}.jpg'], 1)


def race(command: list[str], count: int) -> tuple[Timing, str]:
    """Run a command several times at once.

    Returns:
        Timing and the renderer's version.

    Raises:
        RuntimeError: One failed; its last line.
    """
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # What the generator draws with; no renderer gets more threads than it.
    environment = {**os.environ, 'LP_NUM_THREADS': '0', 'OMP_NUM_THREADS': '1'}
    running = [
        subprocess.Popen(command, env=environment, **pipes)
        for _ in range(count)
    ]
    ends = [(*process.communicate(), process) for process in running]
    for _, errors, process in ends:
        if process.returncode:
            lines = errors.strip().splitlines() or [str(process.returncode)]
            raise RuntimeError(lines[-1])
    facts = [json.loads(out.splitlines()[-1]) for out, _, _ in ends]
    images = sum(f['images'] for f in facts)
    cpu = sum(f['cpu_s'] for f in facts)
    wall = max(f['wall_s'] for f in facts)
    return Timing(images / wall, 1000 * cpu / images), facts[0]['version']


def stages(
    args: argparse.Namespace, generator: Generator, folder: Path
) -> None:
    """Processor time of one process by stage, shard files included."""
    found = []
    for _ in range(args.repeat):
        with StageClock() as clock:
            path = folder / 'shard'
            write_shard(path, map(generator.row, range(args.num)))
            sha256(path)
        found.append(
            [1000 * clock.seconds[stage] / args.num for stage in STAGES]
        )
    row('stage, one process', 'CPU ms/image, least', 'median', 'share')
    row('---', *['---:'] * 3)
    table = np.array(found)
    table = np.column_stack([table, table.sum(1)])
    medians = np.median(table, axis=0)
    for name, column, median in zip(
        (*STAGES, 'all'), table.T, medians, strict=True
    ):
        share = f'{100 * median / medians[-1]:.0f} %'
        row(name, f'{column.min():.2f}', f'{median:.2f}', share)


if __name__ == '__main__':
    main()
