"""MMPose's own tools through ours: same flags, one line for bad input."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch


def one_line_of(error: pytest.ExceptionInfo) -> str:
    """The message a tool ended with: a line, and a status that is not 0."""
    message = error.value.code
    assert isinstance(message, str)  # printed by Python, with status 1
    assert '\n' not in message
    return message


@pytest.fixture(scope='module')
def other_model(stock_config: Path, tmp_path_factory) -> Path:
    """Checkpoint of a model that shares no weight with the tiny one."""
    path = tmp_path_factory.mktemp('other') / 'other.pth'
    torch.save({'state_dict': {'encoder.weight': torch.zeros(3)}}, path)
    return path


def test_trains_then_resumes_and_tests_its_own_checkpoint(
    stock_config: Path, tmp_path: Path, run_tool: Callable
) -> None:
    run_tool('train.py', stock_config, '--work-dir', tmp_path)
    more = ['--resume', '--cfg-options', 'train_cfg.max_epochs=2']
    run_tool('train.py', stock_config, '--work-dir', tmp_path, *more)
    checkpoint = tmp_path / 'epoch_2.pth'
    done = torch.load(checkpoint, weights_only=False)['meta']['iter']
    assert done == 10

    out = ['--work-dir', tmp_path, '--out', tmp_path / 'metrics.json']
    run_tool('test.py', stock_config, checkpoint, *out)
    metrics = json.loads((tmp_path / 'metrics.json').read_text())
    assert 0 < metrics['EPE'] < 224


@pytest.mark.parametrize(
    ('checkpoint', 'reason'),
    [
        ('synhand://nobody', "no released model 'nobody'"),
        ('no/such.pth', 'no/such.pth: no such checkpoint'),
    ],
)
def test_wrong_weights_are_named_before_the_set_is_read(
    stock_config: Path, run_tool: Callable, checkpoint: str, reason: str
) -> None:
    with pytest.raises(SystemExit) as error:
        run_tool('test.py', stock_config, checkpoint)
    assert reason in one_line_of(error)


def test_wrong_config_path_ends_in_one_line_and_status_1(root: Path) -> None:
    environment = {**os.environ, 'SYNHAND_TRACEBACK': '0'}
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', 'tools/train.py', 'no/such.py'],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert 'no/such.py' in line


def test_environment_variable_shows_the_traceback(
    run_tool: Callable, monkeypatch
) -> None:
    monkeypatch.setenv('SYNHAND_TRACEBACK', '1')
    with pytest.raises(FileNotFoundError):
        run_tool('train.py', 'no/such.py')


@pytest.mark.parametrize(
    ('option', 'name'),
    [
        ('model.type', 'NoSuchModel'),
        ('model.head.type', 'NoSuchHead'),
        ('train_dataloader.dataset.type', 'NoSuchDataset'),
    ],
)
def test_unregistered_name_ends_in_one_line(
    option: str, name: str, stock_config: Path, run_tool: Callable
) -> None:
    options = ['--cfg-options', f'{option}={name}']
    with pytest.raises(SystemExit) as error:
        run_tool('train.py', stock_config, *options)
    assert name in one_line_of(error)


def test_missing_annotations_end_in_one_line(
    stock_config: Path, run_tool: Callable
) -> None:
    options = ['--cfg-options', 'train_dataloader.dataset.ann_file=none.json']
    with pytest.raises(SystemExit) as error:
        run_tool('train.py', stock_config, *options)
    assert 'none.json' in one_line_of(error)


def test_checkpoint_of_another_model_is_refused(
    stock_config: Path, other_model: Path, run_tool: Callable
) -> None:
    with pytest.raises(SystemExit) as error:
        run_tool('test.py', stock_config, other_model)
    line = one_line_of(error)
    assert str(other_model) in line
    assert 'another model' in line
    with pytest.raises(SystemExit) as error:
        options = ['--cfg-options', f'load_from={other_model}']
        run_tool('train.py', stock_config, *options)
    assert str(other_model) in one_line_of(error)


def test_missing_checkpoint_ends_in_one_line(
    stock_config: Path, run_tool: Callable
) -> None:
    with pytest.raises(SystemExit) as error:
        run_tool('test.py', stock_config, 'none.pth')
    assert 'none.pth' in one_line_of(error)


def test_bug_keeps_its_traceback(
    stock_config: Path, run_tool: Callable
) -> None:
    options = ['--cfg-options', 'codec=None', 'model.head.decoder=3']
    with pytest.raises(TypeError):
        run_tool('train.py', stock_config, *options)


def test_flags_are_those_of_the_installed_tool(
    run_tool: Callable, capsys
) -> None:
    with pytest.raises(SystemExit) as end:
        run_tool('test.py', '--help')
    assert end.value.code == 0
    assert '--dump' in capsys.readouterr().out


@pytest.mark.parametrize(
    'script', ['dist_train.sh', 'dist_test.sh', 'slurm_train.sh']
)
def test_launchers_without_arguments_say_how_to_call_them(
    script: str, root: Path
) -> None:
    done = subprocess.run(
        [root / 'tools' / script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith('usage: ')


def echo(path: Path) -> Path:
    """A program that prints its arguments, one a line."""
    path.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    path.chmod(0o755)
    return path


def launched(script: Path, *arguments: str, **environment: str) -> list:
    """Words of the command that a launcher would run."""
    done = subprocess.run(
        [script, *arguments],
        env={'PATH': os.environ['PATH'], **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ('environment', 'rendezvous'),
    [
        ({}, ['--standalone']),
        ({'PORT': '1234'}, ['--nnodes=1', '--master_port=1234']),
        (
            {'NNODES': '2', 'NODE_RANK': '1', 'MASTER_ADDR': 'head'},
            ['--nnodes=2', '--node_rank=1', '--master_addr=head'],
        ),
    ],
)
def test_distributed_launchers_start_n_processes(
    root: Path, tmp_path: Path, environment: dict, rendezvous: list
) -> None:
    environment['PYTHON'] = str(echo(tmp_path / 'python'))
    config = str(tmp_path / 'python')  # any file that exists
    for script, files in (
        ('dist_train.sh', [config]),
        ('dist_test.sh', [config, 'a.pth']),
    ):
        words = launched(
            root / 'tools' / script, *files, '3', '--seed', **environment
        )
        assert words[:2] == ['-m', 'torch.distributed.run']
        assert {*rendezvous, '--nproc_per_node=3'} <= set(words)
        tail = [*files, '--seed', '--launcher', 'pytorch']
        assert words[-len(tail) :] == tail
        tool = script.removeprefix('dist_').replace('.sh', '.py')
        assert words[-len(tail) - 1].endswith(f'/tools/{tool}')


def test_distributed_launcher_names_a_missing_config(root: Path) -> None:
    done = subprocess.run(
        [root / 'tools' / 'dist_train.sh', 'no/such.py', '2'],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == 'train.py: error: no config file no/such.py\n'


def test_slurm_launcher_hands_everything_to_srun(
    root: Path, tmp_path: Path
) -> None:
    echo(tmp_path / 'srun')
    words = launched(
        root / 'tools' / 'slurm_train.sh',
        *('part', 'job', 'c.py', 'work', '--amp'),
        PATH=f'{tmp_path}:{os.environ["PATH"]}',
        GPUS='4',
    )
    assert {'--partition=part', '--ntasks=4', '--gres=gpu:4'} <= set(words)
    tail = ['c.py', '--work-dir', 'work', '--launcher', 'slurm', '--amp']
    assert words[-6:] == tail
    assert words[-7].endswith('/tools/train.py')


def test_default_runtime_registers_the_package(root: Path) -> None:
    from mmengine.config import Config

    runtime = Config.fromfile(
        root / 'configs' / '_base_' / 'default_runtime.py',
        import_custom_modules=False,
    )
    assert runtime.custom_imports.imports == ['synhand.registry']
    assert runtime.default_scope == 'mmpose'
    assert runtime.visualizer.type == 'PoseLocalVisualizer'
    assert runtime.default_hooks.checkpoint.max_keep_ckpts == 1
