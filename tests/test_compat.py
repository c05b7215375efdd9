"""Each third-party trap: the fix works, steps aside, and is still needed.

A test named ``..._is_still_needed`` fails once the trap is gone upstream:
then delete the fix that it names, and its tests.
"""

import importlib
import importlib.util
import io
import os
import pickle
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import nn

from synhand import compat


def source_of(module: str) -> str:
    """Source of an installed module, without running it."""
    package, *_ = module.split('.')
    folder = Path(importlib.util.find_spec(package).origin).parent
    return (
        folder.joinpath(*module.split('.')[1:]).with_suffix('.py').read_text()
    )


def python(code: str, path: Path | None = None) -> str:
    """Output of a fresh interpreter with ``path`` before everything else."""
    projects = Path(compat.__file__).parents[1]
    paths = [str(p) for p in (path, projects) if p is not None]
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', code],
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def package(folder: Path, name: str, **files: str) -> Path:
    """Write a package; ``files`` are its modules' sources."""
    (folder / name).mkdir()
    for module, text in files.items():
        (folder / name / f'{module}.py').write_text(text)
    return folder


# Installation --------------------------------------------------------------


def test_importing_the_package_imports_no_framework() -> None:
    heavy = "{'torch', 'numpy', 'mmengine', 'mmcv', 'mmpose', 'matplotlib'}"
    code = f'import sys, synhand; print(sorted({heavy} & set(sys.modules)))'
    assert python(code) == '[]'


def test_mends_what_was_imported_before() -> None:
    backend = 'matplotlib.backends.backend_agg'
    code = f"""
import {backend} as before, synhand
print(hasattr(before.FigureCanvasAgg, 'tostring_rgb'))"""
    assert python(code) == 'True'


def test_installs_once() -> None:
    before = list(sys.meta_path)
    compat.install()
    assert sys.meta_path == before


# mmcv's operators ----------------------------------------------------------


def has_operators() -> bool:
    spec = importlib.util.find_spec(compat.MMCV_OPERATORS)
    return spec.origin is not None


def test_missing_operator_says_how_to_get_it() -> None:
    if has_operators():
        pytest.skip("mmcv's operators are compiled here")
    extension = importlib.import_module(compat.MMCV_OPERATORS)
    with pytest.raises(RuntimeError, match="'nms' is not .* `make ops`"):
        extension.nms(1, 2)
    assert not hasattr(extension, '__no_such_dunder__')


def test_models_import_without_operators() -> None:
    importlib.import_module('mmdet.models')
    importlib.import_module('mmpose.models')


def test_real_operators_come_first(tmp_path: Path) -> None:
    package(tmp_path, 'mmcv', __init__='', _ext='nms = "real"')
    code = 'import synhand, mmcv._ext; print(mmcv._ext.nms)'
    assert python(code, tmp_path) == 'real'


def test_operators_placeholder_is_still_needed() -> None:
    head = 'mmpose.models.heads.transformer_heads.edpose_head'
    assert 'from mmcv.ops import' in source_of(head)


# torchvision ---------------------------------------------------------------


@pytest.fixture
def no_torchvision(monkeypatch) -> pytest.MonkeyPatch:
    """As if torchvision had never been imported."""
    for name in [n for n in sys.modules if n.split('.')[0] == 'torchvision']:
        monkeypatch.delitem(sys.modules, name)
    # Recorded, so that whatever a test leaves there is taken back.
    monkeypatch.setitem(sys.modules, 'torchvision', None)
    del sys.modules['torchvision']
    return monkeypatch


BROKEN = "raise RuntimeError('operator torchvision::nms does not exist')"


def test_absent_torchvision_is_replaced_for_one_import_only(
    no_torchvision,
) -> None:
    no_torchvision.setitem(sys.modules, 'torchvision', None)
    with compat.to_pil_image_placeholder():
        from torchvision.transforms import ToPILImage
    with pytest.raises(RuntimeError, match='needs torchvision'):
        ToPILImage()
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module('torchvision')


def test_broken_torchvision_looks_uninstalled(
    no_torchvision, tmp_path: Path
) -> None:
    package(tmp_path, 'torchvision', __init__=BROKEN)
    no_torchvision.syspath_prepend(tmp_path)
    with compat.to_pil_image_placeholder():
        from torchvision.transforms import ToPILImage
    assert ToPILImage is compat.ToPILImage
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module('torchvision')


def test_broken_torchvision_does_not_stop_the_environment_report(
    no_torchvision, tmp_path: Path
) -> None:
    from mmengine.utils.dl_utils import collect_env

    package(tmp_path, 'torchvision', __init__=BROKEN)
    no_torchvision.syspath_prepend(tmp_path)
    assert 'TorchVision' not in collect_env()


def test_working_torchvision_is_left_alone(
    no_torchvision, tmp_path: Path
) -> None:
    real = 'class ToPILImage: real = True'
    package(tmp_path, 'torchvision', __init__='', transforms=real)
    no_torchvision.syspath_prepend(tmp_path)
    with compat.to_pil_image_placeholder():
        from torchvision.transforms import ToPILImage
    assert ToPILImage.real
    assert importlib.import_module('torchvision') is not None


def test_torchvision_placeholder_is_still_needed() -> None:
    assert 'from torchvision' in source_of(compat.DRAWS_SIMCC)


# imgaug --------------------------------------------------------------------


def _hide(name: str) -> str:
    """Source that makes a package look uninstalled."""
    return (
        'import importlib.util as u; find = u.find_spec; '
        f'u.find_spec = lambda n, *a: None if n == {name!r} else find(n, *a); '
        f'import sys; sys.modules[{name!r}] = None; '
    )


def test_mmdet_datasets_need_no_imgaug() -> None:
    code = _hide('imgaug') + (
        'import synhand, mmdet.datasets.transforms.generate_line as lines; '
        "print(sys.modules['imgaug'], lines.iaa.Sometimes.__name__)"
    )
    assert python(code).splitlines()[-1] == 'None ImgaugPart'


def test_what_needs_imgaug_says_so() -> None:
    with pytest.raises(RuntimeError, match='needs imgaug'):
        compat.ImgaugPart()


def test_a_real_imgaug_is_left_alone(tmp_path: Path) -> None:
    package(tmp_path, 'imgaug', __init__='', augmenters='real = True')
    code = (
        'from synhand import compat\n'
        'with compat.imgaug_placeholder():\n'
        '    import imgaug.augmenters as iaa\n'
        'print(iaa.real)'
    )
    assert python(code, tmp_path) == 'True'


def test_imgaug_placeholder_is_still_needed() -> None:
    assert 'import imgaug' in source_of(compat.DRAWS_LINES)


# matplotlib ----------------------------------------------------------------


def test_canvas_gives_its_pixels_as_rgb() -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    canvas = FigureCanvasAgg(Figure((2, 1), dpi=10, facecolor=(1, 0.2, 0)))
    canvas.draw()
    pixels = np.frombuffer(canvas.tostring_rgb(), np.uint8).reshape(10, 20, 3)
    assert (pixels == [255, 51, 0]).all()


def test_canvas_that_has_the_method_is_left_alone() -> None:
    class Canvas:
        def tostring_rgb(self) -> str:
            return 'own'

    module = type('backend', (), {'FigureCanvasAgg': Canvas})
    compat._mend_canvas(module)
    assert Canvas().tostring_rgb() == 'own'


def test_canvas_fix_is_still_needed() -> None:
    drawing = source_of('mmpose.visualization.local_visualizer_3d')
    assert 'tostring_rgb' in drawing


# transformers: no fix, the fork of mmengine has it -------------------------


def test_transformers_beside_mmengine_is_harmless(monkeypatch) -> None:
    from mmengine.optim.optimizer import builder

    transformers = ModuleType('transformers')
    transformers.Adafactor = type('Adafactor', (), {})
    monkeypatch.setitem(sys.modules, 'transformers', transformers)
    registered = dict(builder.OPTIMIZERS.module_dict)
    registered.pop('Adafactor', None)  # where it is really installed
    monkeypatch.setattr(builder.OPTIMIZERS, '_module_dict', registered)
    assert builder.register_transformers_optimizers() == ['Adafactor']
    assert {'Adafactor', 'TorchAdafactor'} <= set(registered)


# Checkpoints ---------------------------------------------------------------


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
    with pytest.raises(compat.CheckpointError) as error:
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
    with pytest.raises(compat.CheckpointError, match='builtins.getattr'):
        load(path)


@pytest.mark.parametrize('content', [b'', b'hello, world', b'PK\x03\x04cut'])
def test_file_that_is_no_checkpoint_is_named(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / 'text.pth'
    path.write_bytes(content)
    with pytest.raises(compat.CheckpointError, match='text.pth: not a read'):
        load(path)


def test_file_that_holds_no_named_weights_is_named(tmp_path: Path) -> None:
    path = tmp_path / 'list.pth'
    torch.save([torch.ones(2)], path)
    with pytest.raises(compat.CheckpointError, match='found a list'):
        load(path)


def test_reads_an_open_file() -> None:
    buffer = io.BytesIO()
    torch.save({'a': torch.ones(2)}, buffer)
    buffer.seek(0)
    assert compat.load_safely(buffer)['a'].sum() == 2


def test_unsafe_load_is_not_offered(tmp_path: Path) -> None:
    with pytest.raises(compat.CheckpointError, match='not offered'):
        compat.load_safely(tmp_path / 'a.pth', weights_only=False)


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
    with compat.complete_weights():
        load_into(target, source.state_dict(), tmp_path)
    assert torch.equal(source[0].weight, target[0].weight)


def test_checkpoint_without_any_fitting_weight_is_refused(
    tmp_path: Path,
) -> None:
    state = {k: torch.zeros(7, 7) for k in model().state_dict()}
    message = r'model.pth: .*8 of the 8 .*Sequential.*\(7, 7\)'
    with pytest.raises(compat.CheckpointError, match=message):
        load_into(model(), state, tmp_path)


def test_fine_tuning_may_bring_a_part(tmp_path: Path) -> None:
    source, target = model(), model()
    state = {k: v for k, v in source.state_dict().items() if k[0] == '0'}
    load_into(target, state, tmp_path)
    assert torch.equal(source[0].weight, target[0].weight)
    with (
        compat.complete_weights(),
        pytest.raises(compat.CheckpointError, match='another model'),
    ):
        load_into(target, state, tmp_path)


def test_one_weight_of_another_shape_is_refused_in_a_test(
    tmp_path: Path,
) -> None:
    state = {**model().state_dict(), '2.bias': torch.zeros(5)}
    with (
        compat.complete_weights(),
        pytest.raises(compat.CheckpointError, match=r"'2.bias'.*\(4,\).*\(5,"),
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
    with compat.complete_weights():
        load_into(target, state, tmp_path)
    assert torch.equal(source.weight, target.weight)


# Several processes without a GPU -------------------------------------------


def test_launcher_takes_gloo_without_a_gpu(monkeypatch) -> None:
    calls = []

    def init(backend, **kwargs) -> None:
        torch.cuda.set_device(3)
        calls.append((backend, kwargs))

    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    set_device = torch.cuda.set_device
    compat._without_gpu(init)('nccl', timeout=5)
    assert calls == [('gloo', {'timeout': 5})]
    assert torch.cuda.set_device is set_device


def test_launcher_with_a_gpu_is_left_alone(monkeypatch) -> None:
    devices, calls = [], []
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'set_device', devices.append)

    def init(backend) -> None:
        torch.cuda.set_device(3)
        calls.append(backend)

    compat._without_gpu(init)('nccl')
    assert (devices, calls) == ([3], ['nccl'])


def test_synchronised_batch_norm_becomes_plain_on_a_cpu() -> None:
    from mmengine.config import Config

    runner = type('Runner', (), {'cfg': Config({'sync_bn': 'torch'})})
    source = nn.Sequential(nn.SyncBatchNorm(3))
    model, wrapper = compat._for_cpu(runner, source, None)
    assert not isinstance(model[0], nn.SyncBatchNorm)
    assert model(torch.randn(2, 3, 4, 4)).shape == (2, 3, 4, 4)
    assert wrapper['device_ids'] is None
    assert wrapper['find_unused_parameters'] is False
    assert 'sync_bn' not in runner.cfg


def test_cpu_wrapper_keeps_what_a_config_says() -> None:
    from mmengine.config import Config

    runner = type('Runner', (), {'cfg': Config()})
    own = {'type': 'Own', 'static_graph': True}
    _, wrapper = compat._for_cpu(runner, nn.Linear(1, 1), own)
    assert wrapper == {**own, 'device_ids': None}


def test_cpu_launchers_are_still_needed() -> None:
    assert 'cuda.set_device' in source_of('mmengine.dist.utils')
    runner = source_of('mmengine.runner.runner')
    assert "device_ids=[int(os.environ['LOCAL_RANK'])]" in runner


def test_second_copy_of_the_module_steps_aside():
    code = (
        'import sys, synhand; del sys.modules["synhand.compat"], '
        'sys.modules["synhand"]; import synhand; import mmengine.runner'
    )
    subprocess.run([sys.executable, '-c', code], check=True)
