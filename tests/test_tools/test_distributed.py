"""Training on two processes is training on one with twice the batch."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.distributed as dist


@pytest.fixture(scope='module')
def start(stock_config: Path, tmp_path_factory) -> Path:
    """Checkpoint of the untrained model, from which both runs start."""
    from mmengine.config import Config
    from mmpose.registry import MODELS
    from mmpose.utils import register_all_modules

    register_all_modules()
    torch.manual_seed(0)
    model = dict(Config.fromfile(stock_config).model)
    # SyncBN and BN have the same weights.
    state = MODELS.build(model).state_dict()
    path = tmp_path_factory.mktemp('start') / 'start.pth'
    torch.save(dict(state_dict=state), path)
    return path


def weights_after_five_steps(work_dir: Path) -> dict:
    checkpoint = torch.load(work_dir / 'epoch_1.pth', weights_only=False)
    assert checkpoint['meta']['iter'] == 5
    return checkpoint['state_dict']


def test_two_processes_take_the_steps_of_one_with_twice_the_batch(
    root: Path,
    stock_config: Path,
    start: Path,
    tmp_path: Path,
    run_tool: Callable,
) -> None:
    # Without shuffling, process r reads images r, r + 2, ...: step by step
    # both together read what one process with twice the batch reads.
    options = ['--cfg-options', f'load_from={start}']
    one = [stock_config, '--work-dir', 'one', *options]
    run_tool('train.py', *one, 'train_dataloader.batch_size=4')
    done = subprocess.run(
        [root / 'tools' / 'dist_train.sh', stock_config, '2']
        + ['--work-dir', 'two', *options, 'train_dataloader.batch_size=2'],
        env={**os.environ, 'PYTHON': sys.executable, 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]

    before = torch.load(start, weights_only=True)['state_dict']
    after_one = weights_after_five_steps(tmp_path / 'one')
    after_two = weights_after_five_steps(tmp_path / 'two')
    for name, weight in before.items():
        # Batch norm in eval leaves its running statistics alone.
        if not weight.is_floating_point() or 'running' in name:
            continue
        step = (after_one[name] - weight).norm()
        error = (after_two[name] - after_one[name]).norm()
        assert step > 0, name
        assert error <= 1e-5 * after_one[name].norm(), name
        # The stricter claim, about the steps and not the weights.
        assert error <= 1e-5 * step, name


def test_a_distributed_run_leaves_its_process_group(
    stock_config: Path, run_tool: Callable, monkeypatch
) -> None:
    # Gloo's threads can abort a process that ends before them.
    one_process = dict(
        RANK='0', WORLD_SIZE='1', MASTER_ADDR='127.0.0.1', MASTER_PORT='0'
    )
    for name, value in one_process.items():
        monkeypatch.setenv(name, value)
    joined = []
    barrier = dist.barrier
    monkeypatch.setattr(
        dist, 'barrier', lambda: (joined.append(True), barrier())
    )

    run_tool(
        'train.py', stock_config, '--work-dir', 'out', '--launcher', 'pytorch'
    )

    assert joined
    assert not dist.is_initialized()
