"""Weight files: written, read, used by name."""

import pytest
import torch
from mmengine.config import Config
from mmengine.runner.checkpoint import CheckpointLoader
from safetensors import safe_open
from safetensors.torch import save_file

import synhand.registry  # noqa: F401  registers the scheme
import synhand.zoo as zoo
from model_factory import CONFIG, STEPS, load_tool, write_checkpoint
from synhand.apis import HandFinder, HandPredictor
from synhand.apis.loading import load_model
from synhand.zoo import (
    FINDERS,
    MODELS,
    load_weights,
    read_weights,
    write_weights,
)


@pytest.fixture
def weights():
    torch.manual_seed(0)
    convolution = torch.randn(4, 3, 3, 3).to(memory_format=torch.channels_last)
    return dict(
        convolution=convolution,
        mean=torch.randn(4, dtype=torch.float64),
        steps=torch.tensor(70_001),
    )


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp('model') / 'random.pth'
    return write_checkpoint(path)


def _metadata(path):
    with safe_open(path, framework='pt') as file:
        return file.metadata()


def test_weights_come_back_to_half_precision(weights, tmp_path):
    path = tmp_path / 'new' / 'm.safetensors'
    size = write_weights(path, weights, dict(config='c.py'), 15)
    assert size == path.stat().st_size / 1e6
    found = read_weights(path)
    assert set(found) == set(weights)
    assert found['steps'] == 70_001
    for name in ('convolution', 'mean'):
        assert found[name].dtype == torch.float32
        half = weights[name].half().float()
        torch.testing.assert_close(found[name], half, rtol=0, atol=0)
    assert _metadata(path)['config'] == 'c.py'
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_digest_depends_on_values_only(weights, tmp_path):
    paths = [tmp_path / f'{name}.safetensors' for name in 'abc']
    other = {name: weights[name] for name in reversed(weights)}
    write_weights(paths[0], weights, dict(a='1'), 15)
    write_weights(paths[1], other, dict(a='2'), 15)
    other['mean'] = other['mean'] + 1
    write_weights(paths[2], other, dict(a='2'), 15)
    first, second, third = (_metadata(path)['digest'] for path in paths)
    assert first == second != third


def test_large_files_are_not_written(weights, tmp_path):
    path = tmp_path / 'm.safetensors'
    path.write_bytes(b'the old one')
    with pytest.raises(ValueError, match=r'm\.safetensors: .*at most 0\.0001'):
        write_weights(path, weights, {}, 0.0001)
    assert path.read_bytes() == b'the old one'


def test_values_beyond_half_precision_are_refused(weights, tmp_path):
    weights['mean'][2] = 1e6
    with pytest.raises(ValueError, match='mean: expected finite values'):
        write_weights(tmp_path / 'm.safetensors', weights, {}, 15)


def test_damaged_files_are_named(weights, tmp_path):
    path = tmp_path / 'm.safetensors'
    with pytest.raises(FileNotFoundError, match='no such weight file'):
        read_weights(path)
    write_weights(path, weights, {}, 15)
    data = bytearray(path.read_bytes())
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match=r'm\.safetensors: not a readable'):
        read_weights(path)
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r'm\.safetensors: damaged'):
        read_weights(path)


def test_files_without_digest_are_read(tmp_path):
    path = tmp_path / 'foreign.safetensors'
    save_file(dict(a=torch.ones(2)), path)
    torch.testing.assert_close(read_weights(path)['a'], torch.ones(2))


def test_every_released_model_has_its_config():
    for name, model in (MODELS | FINDERS).items():
        assert model.name == name
        assert model.config_file.is_file()
        assert model.weights_file.parent == zoo._FOLDER


def test_released_weights_that_are_there_fit_their_config():
    there = [m for m in MODELS.values() if m.weights_file.is_file()]
    if not there:
        pytest.skip('no weights beside synhand/zoo/__init__.py')
    for model in there:
        assert model.weights_file.stat().st_size < 15e6
        HandPredictor(model.name)


def test_released_finders_that_are_there_fit_their_config():
    there = [m for m in FINDERS.values() if m.weights_file.is_file()]
    if not there:
        pytest.skip('no finder beside synhand/zoo/__init__.py')
    for model in there:
        assert model.weights_file.stat().st_size < 15e6
        HandFinder(model.name)


def test_a_finder_is_no_model_that_reads_hands():
    with pytest.raises(ValueError, match='no released model .finder-'):
        HandPredictor('finder-centernet')
    with pytest.raises(ValueError, match='expected one of finder-centernet'):
        HandFinder('small-25d')


def test_unknown_names_list_the_known(monkeypatch, tmp_path):
    with pytest.raises(ValueError, match="'big': expected one of .*small-25d"):
        load_weights('big')
    monkeypatch.setattr(zoo, '_FOLDER', tmp_path)
    with pytest.raises(FileNotFoundError, match="weights of 'small-25d'"):
        load_weights('small-25d')


def test_scheme_and_path_are_checkpoints(weights, monkeypatch, tmp_path):
    monkeypatch.setattr(zoo, '_FOLDER', tmp_path)
    path = tmp_path / 'small-25d.safetensors'
    write_weights(path, weights, {}, 15)
    for name in ('synhand://small-25d', str(path)):
        found = CheckpointLoader.load_checkpoint(name, 'cpu', 'silent')
        assert set(found['state_dict']) == set(weights)
    with pytest.raises(ValueError, match="'big': expected one of .*small-25d"):
        CheckpointLoader.load_checkpoint('synhand://big', 'cpu', 'silent')


# tools/publish_model.py ----------------------------------------------------


@pytest.fixture
def publish(monkeypatch):
    tool = load_tool('publish_model')

    def run(*arguments):
        argv = ['publish_model.py', *map(str, arguments)]
        monkeypatch.setattr('sys.argv', argv)
        return tool.main()

    return run


def test_published_model_predicts_as_its_source(
    publish, checkpoint, tmp_path, capsys
):
    out = tmp_path / 'm.safetensors'
    assert publish(CONFIG, checkpoint, out) == 0
    assert f'{out}: ' in capsys.readouterr().out
    metadata = _metadata(out)
    assert metadata['config'] == CONFIG.name
    assert metadata['samples_seen'] == str(STEPS * 128)
    assert len(metadata['digest']) == 64
    image = torch.randint(0, 256, (96, 96, 3), dtype=torch.uint8).numpy()
    (first,), (second,) = (
        HandPredictor(config=CONFIG, checkpoint=path).predict(
            image, hands='right'
        )
        for path in (checkpoint, out)
    )
    difference = first.keypoints_2d - second.keypoints_2d
    assert 0 < abs(difference).max() < 0.5


def test_averaged_weights_are_published(publish, checkpoint, tmp_path):
    """MMEngine's checkpoints hold them as `state_dict`, the raw ones apart."""
    content = torch.load(checkpoint)
    raw = {k: v + 1 for k, v in content['state_dict'].items()}
    content['ema_state_dict'] = {f'module.{k}': v for k, v in raw.items()}
    torch.save(content, tmp_path / 'ema.pth')
    outs = [tmp_path / f'{name}.safetensors' for name in 'ab']
    paths = (checkpoint, tmp_path / 'ema.pth')
    for path, out in zip(paths, outs, strict=True):
        assert publish(CONFIG, path, out, '--samples', 12) == 0
    first, second = (_metadata(out) for out in outs)
    assert first == second
    assert first['samples_seen'] == '12'


def test_stock_loading_takes_a_published_file(publish, checkpoint, tmp_path):
    out = tmp_path / 'm.safetensors'
    publish(CONFIG, checkpoint, out)
    cfg = Config.fromfile(CONFIG)
    states = [load_model(cfg, path).state_dict() for path in (checkpoint, out)]
    for name, value in states[0].items():
        torch.testing.assert_close(
            states[1][name], value, rtol=1e-3, atol=1e-6
        )


def test_bad_publications_end_in_one_line(
    publish, checkpoint, tmp_path, capsys
):
    out = tmp_path / 'm.safetensors'
    other = tmp_path / 'other.pth'
    torch.save(dict(state_dict={'weight': torch.zeros(2)}), other)
    for arguments, message in (
        ((CONFIG, checkpoint, out, '--max-mb', 0.5), 'expected at most 0.5'),
        ((CONFIG, other, out), 'another model'),
        ((CONFIG, tmp_path / 'none.pth', out), 'none.pth'),
        (('none.py', checkpoint, out), 'none.py'),
    ):
        assert publish(*arguments) == 1
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert message in line
        assert not out.exists()
    with pytest.raises(SystemExit):
        publish(CONFIG, checkpoint, tmp_path / 'm.pth')
