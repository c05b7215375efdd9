"""Each third-party trap: the fix works, steps aside, and is still needed.

A test named ``..._is_still_needed`` fails once the trap is gone upstream:
then delete the fix that it names, and its tests.
"""

import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import nn

from installed import source_of
from synhand import compat


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
