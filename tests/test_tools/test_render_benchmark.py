"""`tools/benchmarks/render.py`: a small run, and what it cannot run."""

import importlib
import re
import sys
import time

import numpy as np
import pytest

from model_factory import load_tool
from synhand.synthesis.renderer import Renderer, RendererError


@pytest.fixture
def benchmarks(root, monkeypatch):
    """The folder whose scripts import each other, on the path."""
    folder = root / 'tools' / 'benchmarks'
    monkeypatch.syspath_prepend(folder)
    return folder


@pytest.fixture
def bench(benchmarks, monkeypatch, capsys):
    module = load_tool('benchmarks/render')

    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', ['render.py', *map(str, arguments)])
        module.main()
        return capsys.readouterr().out

    run.module = module
    return run


def table(text):
    """Cells by the name of the row."""
    rows = re.findall(r'^\| (.+) \|$', text, re.MULTILINE)
    return {name: cells for name, *cells in (r.split(' | ') for r in rows)}


def test_small_run_measures_every_stage(bench):
    try:
        Renderer(8, 8)
    except RendererError as error:
        pytest.skip(str(error))
    size = ('--size', 64, '--processes', 1, '--repeat', 1)
    said = bench(*size, '--num', 12, '--meshes', 2, '--bpy-python', 'false')
    found = table(said)
    whole = found['labelled images, start-up included']
    running = found['labelled images, once running']
    assert 0 < float(whole[0]) < float(running[0])
    drawn = next(v for k, v in found.items() if 'drawn and read back' in k)
    stages = {k: float(v[0]) for k, v in found.items() if v[-1].endswith('%')}
    total = stages.pop('all')
    assert sum(stages.values()) == pytest.approx(total, abs=0.1)
    assert stages['OpenGL'] > 0.2 * float(drawn[2])
    assert any('pip install pyrender' in name for name in found)
    assert any(name.startswith('bpy: failed') for name in found)


def test_meshes_come_back_as_written(benchmarks, tmp_path):
    scenes = load_tool('benchmarks/renderers/_scenes')
    rng = np.random.default_rng(0)
    vertices = [rng.random((n, 3)) for n in (3, 5)]
    faces = [np.array([[0, 1, 2]]), np.array([[0, 1, 4], [1, 2, 3]])]
    path = tmp_path / 'meshes.npz'
    np.savez(
        path,
        vertices=np.concatenate(vertices),
        vertex_counts=[3, 5],
        faces=np.concatenate(faces),
        face_counts=[1, 2],
        cameras=rng.random((2, 3, 3)),
    )
    found = scenes.read_meshes(path)
    for (v, f, _), expected, triangles in zip(
        found, vertices, faces, strict=True
    ):
        np.testing.assert_array_equal(v, expected)
        np.testing.assert_array_equal(f, triangles)


def test_stages_name_what_there_is(benchmarks):
    stages = load_tool('benchmarks/_stages')
    for name in stages._STAGE_OF:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            module, _, function = name.rpartition('.')
            assert hasattr(importlib.import_module(module), function), name


def test_time_goes_to_the_outermost_stage(benchmarks):
    stages = load_tool('benchmarks/_stages')

    def busy(seconds=0.05):
        end = time.process_time() + seconds
        while time.process_time() < end:
            sum(range(1000))

    def of(module, code, **names):
        """A function of a module of that name."""
        names['__name__'] = f'synhand.synthesis.{module}'
        exec(code, names)
        return names['call']

    draw = of('renderer', 'def call(): busy()', busy=busy)
    row = of(
        'generator', 'def call(): draw(); busy(0.1)', draw=draw, busy=busy
    )
    write = of('shards', 'def call(): row()', row=row)
    with stages.StageClock() as clock:
        write()
    assert clock.seconds['OpenGL'] == pytest.approx(0.05, abs=0.03)
    assert clock.seconds['other'] == pytest.approx(0.1, abs=0.03)
    assert clock.seconds['shard file'] < 0.02
