"""Workers: what a process does with shards, and what Ray is asked for."""

import multiprocessing
import sys
import types
from functools import partial

import pytest

from synhand.synthesis import local_pool
from synhand.synthesis.config import SynthesisConfig
from synhand.synthesis.engine import synthesize
from synhand.synthesis.jobs import EngineError, Job, Made
from synhand.synthesis.ledger import Manifest, read_log
from synhand.synthesis.ray_pool import RayPool
from synhand.synthesis.renderer import Renderer, RendererError
from synhand.synthesis.shards import ShardSet

SMALL = SynthesisConfig(seed=1, image_size=32, supersample=1.0)


@pytest.fixture(scope='module', autouse=True)
def renders():
    try:
        Renderer(8, 8)
    except RendererError as error:
        pytest.skip(str(error))


def test_worker_answers_for_every_shard_until_the_pipe_ends(
    tmp_path, monkeypatch
):
    """In this process, which keeps its signals."""
    monkeypatch.setattr(local_pool.signal, 'signal', lambda *_: None)
    monkeypatch.setattr(local_pool, '_end_with_parent', lambda: None)
    job = Job(tmp_path, SMALL, Manifest.of(SMALL, 5, 2))
    (tmp_path / 'shard-00001.arrow' / 'full').mkdir(parents=True)
    here, there = multiprocessing.Pipe()
    for shard in (0, 1, 2):
        here.send(shard)
    answers = []
    monkeypatch.setattr(there, 'send', answers.append)
    images = types.SimpleNamespace(value=0)
    here.close()
    local_pool._work(there, job, images)
    first, second, third = answers
    assert isinstance(first, Made)
    assert isinstance(third, Made)
    assert isinstance(second, OSError)
    assert second.filename == str(tmp_path / 'shard-00001.arrow')
    assert images.value == 1  # of the last shard
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f'shard-0000{k}.arrow' for k in range(3)]


class FakeRay(types.ModuleType):
    """Ray's functions in this process; the first task's worker crashes."""

    class exceptions:  # noqa: N801 - a module of Ray's
        RayError = type('RayError', (Exception,), {})
        RayTaskError = type('RayTaskError', (RayError,), {})

    def __init__(self, first):
        super().__init__('ray')
        self.first = first
        self.tasks, self.cancelled, self.calls = [], [], []

    def init(self, **options):
        self.options = options

    def cluster_resources(self):
        return {'CPU': 2.0}

    def put(self, value):
        return value

    def remote(self, **options):
        self.remote_options = options

        def decorate(function):
            def submit(*arguments):
                self.tasks.append((function, arguments))
                return len(self.tasks) - 1

            return types.SimpleNamespace(remote=submit)

        return decorate

    def wait(self, tasks, num_returns=1, timeout=None):
        assert len(tasks) <= 2
        return tasks[:num_returns], tasks[num_returns:]

    def get(self, task):
        if task == 0 and self.first is not None:
            raise self.first
        function, arguments = self.tasks[task]
        return function(*arguments)

    def cancel(self, task, force):
        assert force
        self.cancelled.append(task)

    def shutdown(self):
        self.calls.append('shutdown')


@pytest.fixture
def fake_ray(monkeypatch):
    def install(first=None):
        ray = FakeRay(first)
        monkeypatch.setitem(sys.modules, 'ray', ray)
        return ray

    return install


def test_ray_task_of_a_dead_worker_is_given_again(fake_ray, tmp_path):
    crash = FakeRay.exceptions.RayError('The worker died.\nMore lines.')
    ray = fake_ray(crash)
    assert synthesize(tmp_path, SMALL, 5, 2, engine=RayPool) == 5
    assert len(ShardSet(tmp_path)) == 5
    assert len(ray.tasks) == 4
    assert ray.options['address'] == 'local'
    assert ray.remote_options == {'num_cpus': 1, 'max_retries': 0}
    (death,) = [e for e in read_log(tmp_path) if e['event'] == 'death']
    assert death['how'].endswith('its worker died (The worker died.)')
    assert ray.calls == ['shutdown']


def test_ray_task_with_a_bug_ends_the_run(fake_ray, tmp_path):
    ray = fake_ray(FakeRay.exceptions.RayTaskError('a bug'))
    with pytest.raises(FakeRay.exceptions.RayTaskError, match='a bug'):
        synthesize(tmp_path, SMALL, 5, 2, engine=RayPool)
    assert ray.cancelled == [1]
    assert ray.calls == ['shutdown']


def test_missing_cluster_is_one_line(fake_ray, tmp_path, monkeypatch):
    ray = fake_ray()
    engine = partial(RayPool, address='127.0.0.1:9')
    with pytest.raises(EngineError, match='at 127.0.0.1:9: .*refused'):
        synthesize(tmp_path, SMALL, 5, 2, engine=engine)

    def fail(**options):
        raise RuntimeError('No room.\nMore lines.')

    monkeypatch.setattr(ray, 'init', fail)
    with pytest.raises(EngineError, match='at this machine: No room.$'):
        synthesize(tmp_path, SMALL, 5, 2, engine=RayPool)


def test_ray_workers_get_absolute_paths(fake_ray, tmp_path, monkeypatch):
    ray = fake_ray()
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'photos').mkdir()
    config = SynthesisConfig(backgrounds='photos', environments='photos')
    manifest = Manifest('', 0, 5, 2, {})
    pool = RayPool(
        Job(tmp_path.relative_to(tmp_path), config, manifest), address='auto'
    )
    pool.start(0)
    ((_, (job, shard)),) = ray.tasks
    assert shard == 0
    assert job.out == tmp_path
    assert job.config.backgrounds == str(tmp_path / 'photos')
    assert job.config.environments == str(tmp_path / 'photos')
    assert ray.options['address'] == 'auto'
    assert 'num_cpus' not in ray.options
    assert pool.size == 2
