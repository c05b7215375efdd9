"""Checkpoints: what they may hold, and of which model they must be."""

import io
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from installed import source_of
from synhand.compat_checkpoints import (
    CheckpointError,
    complete_weights,
    load_safely,
)


class RunsCode:
    """Unpickling it would call a function."""

    def __init__(self, function, *arguments) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple:
        return self.call


def load(path: Path) -> object:
    from mmengine.runner.checkpoint import CheckpointLoader

    return CheckpointLoader.load_checkpoint(str(path), map_location='cpu')


def test_history_of_a_training_loads(tmp_path: Path) -> None:
    from mmengine.logging import MessageHub

    hub = MessageHub('test_history_of_a_training_loads')
    hub.update_scalar('train/loss', np.float32(2.0))
    hub.update_scalar('train/loss', 4.0)
    for kind in ('f2', 'f4', 'f8', 'i4', 'i8', 'u1', '?'):
        hub.update_info(kind, np.ones(1, kind))
    hub.update_info('scalar', np.float64(0.5))
    path = tmp_path / 'epoch_1.pth'
    torch.save({'message_hub': hub.state_dict()}, path)
    loaded = load(path)['message_hub']
    assert loaded['log_scalars']['train/loss'].statistics('mean') == 3.0
    assert loaded['runtime_info']['scalar'] == 0.5


@pytest.mark.parametrize('legacy', [False, True])
def test_checkpoint_that_runs_code_is_refused(
    tmp_path: Path, legacy: bool
) -> None:
    path, mark = tmp_path / 'evil.pth', tmp_path / 'mark'
    content = {'state_dict': RunsCode(os.mkdir, str(mark))}
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(CheckpointError) as error:
        load(path)
    message = str(error.value)
    assert str(path) in message
    assert 'posix.mkdir' in message
    assert '\n' not in message
    assert not mark.exists()


def test_getattr_of_anything_but_the_history_is_refused(
    tmp_path: Path,
) -> None:
    path = tmp_path / 'evil.pth'
    torch.save({'a': RunsCode(getattr, np.ndarray, 'tofile')}, path)
    with pytest.raises(CheckpointError, match='builtins.getattr'):
        load(path)


@pytest.mark.parametrize('content', [b'', b'hello, world', b'PK\x03\x04cut'])
def test_file_that_is_no_checkpoint_is_named(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / 'text.pth'
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match='text.pth: not a read'):
        load(path)


def test_file_that_holds_no_named_weights_is_named(tmp_path: Path) -> None:
    path = tmp_path / 'list.pth'
    torch.save([torch.ones(2)], path)
    with pytest.raises(CheckpointError, match='found a list'):
        load(path)


def test_reads_an_open_file() -> None:
    buffer = io.BytesIO()
    torch.save({'a': torch.ones(2)}, buffer)
    buffer.seek(0)
    assert load_safely(buffer)['a'].sum() == 2


def test_unsafe_load_is_not_offered(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match='not offered'):
        load_safely(tmp_path / 'a.pth', weights_only=False)


def test_safe_loading_is_still_needed() -> None:
    assert 'weights_only=False' in source_of('mmengine.runner.checkpoint')
    with pytest.raises(pickle.UnpicklingError):  # torch's own allowlist
        buffer = io.BytesIO()
        torch.save(np.float64(1), buffer)
        buffer.seek(0)
        torch.load(buffer, weights_only=True)


def model() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 4))


def load_into(target: nn.Module, state: dict, tmp_path: Path) -> None:
    from mmengine.runner import load_checkpoint

    torch.save({'state_dict': state}, tmp_path / 'model.pth')
    load_checkpoint(target, str(tmp_path / 'model.pth'), map_location='cpu')


def test_own_checkpoint_fits(tmp_path: Path) -> None:
    source, target = model(), model()
    with complete_weights():
        load_into(target, source.state_dict(), tmp_path)
    assert torch.equal(source[0].weight, target[0].weight)


def test_checkpoint_without_any_fitting_weight_is_refused(
    tmp_path: Path,
) -> None:
    state = {k: torch.zeros(7, 7) for k in model().state_dict()}
    message = r'model.pth: .*8 of the 8 .*Sequential.*\(7, 7\)'
    with pytest.raises(CheckpointError, match=message):
        load_into(model(), state, tmp_path)


def test_fine_tuning_may_bring_a_part(tmp_path: Path) -> None:
    source, target = model(), model()
    state = {k: v for k, v in source.state_dict().items() if k[0] == '0'}
    load_into(target, state, tmp_path)
    assert torch.equal(source[0].weight, target[0].weight)
    with (
        complete_weights(),
        pytest.raises(CheckpointError, match='another model'),
    ):
        load_into(target, state, tmp_path)


def test_one_weight_of_another_shape_is_refused_in_a_test(
    tmp_path: Path,
) -> None:
    state = {**model().state_dict(), '2.bias': torch.zeros(5)}
    with (
        complete_weights(),
        pytest.raises(CheckpointError, match=r"'2.bias'.*\(4,\).*\(5,"),
    ):
        load_into(model(), state, tmp_path)


def test_keys_that_the_model_renames_itself_fit(tmp_path: Path) -> None:
    class Renames(nn.Linear):
        def _load_from_state_dict(self, state, prefix, *args) -> None:
            for key in ('weight', 'bias'):
                state[prefix + key] = state.pop(f'{prefix}old_{key}')
            super()._load_from_state_dict(state, prefix, *args)

    source, target = Renames(2, 3), Renames(2, 3)
    state = {f'old_{k}': v for k, v in source.state_dict().items()}
    with complete_weights():
        load_into(target, state, tmp_path)
    assert torch.equal(source.weight, target.weight)
