"""The one place that knows a third-party trap.

`install` is called by ``import synhand``. It imports nothing itself: each
fix waits until the module it mends has been imported (or is applied at once
where it already was), steps aside where the real thing is present, and has
a test in ``tests/test_compat*.py`` that says when it can be deleted.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from synhand.compat_checkpoints import (
    complete_weights,
    mend_checkpoint,
    naming_file,
    replace_in,
)
from synhand.compat_mmpose import (
    mend_3d_visualizer,
    mend_single_hand_converter,
)

MMCV_OPERATORS = 'mmcv._ext'
DRAWS_SIMCC = 'mmpose.visualization.simcc_vis'
DRAWS_LINES = 'mmdet.datasets.transforms.generate_line'


# Compiled operators of mmcv ------------------------------------------------


def missing_operator(name: str) -> Callable:
    """Stands in for one compiled operator of mmcv; raises when called."""

    def raise_missing(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError(
            f"mmcv's compiled operator '{name}' is not installed; "
            '`make ops` compiles it'
        )

    return raise_missing


class _OperatorsPlaceholder(
    importlib.abc.MetaPathFinder, importlib.abc.Loader
):
    """Last on ``sys.meta_path``, so it is asked only without real ones."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname != MMCV_OPERATORS:
            return None
        return importlib.machinery.ModuleSpec(fullname, self)

    def exec_module(self, module: ModuleType) -> None:
        def operator(name: str) -> Callable:
            if name.startswith('__'):
                raise AttributeError(name)
            return missing_operator(name)

        module.__getattr__ = operator  # type: ignore[method-assign]


# torchvision ---------------------------------------------------------------


def hide_broken_torchvision() -> bool:
    """Whether torchvision works; a broken one then looks uninstalled.

    A torchvision built for another torch fails with a RuntimeError, which
    nobody who treats it as optional expects.
    """
    if sys.modules.get('torchvision', ...) is None:
        return False
    try:
        importlib.import_module('torchvision.transforms')
        return True
    except ModuleNotFoundError as error:
        if error.name == 'torchvision':
            return False
    except (ImportError, RuntimeError, OSError, AttributeError):
        pass
    for name in [n for n in sys.modules if n.split('.')[0] == 'torchvision']:
        del sys.modules[name]
    sys.modules['torchvision'] = None  # type: ignore[assignment]
    return False


class ToPILImage:
    """Stands in for ``torchvision.transforms.ToPILImage``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError(
            'drawing SimCC heatmaps needs torchvision, which is not installed '
            'or does not fit the installed torch'
        )


@contextlib.contextmanager
def to_pil_image_placeholder() -> Iterator[None]:
    """Gives MMPose's SimCC drawing the one name it imports, nobody else."""
    if hide_broken_torchvision():
        yield
        return
    transforms = ModuleType('torchvision.transforms')
    transforms.ToPILImage = ToPILImage  # type: ignore[attr-defined]
    package = ModuleType('torchvision')
    package.transforms = transforms  # type: ignore[attr-defined]
    with _placeholders(package, transforms):
        yield


@contextlib.contextmanager
def _placeholders(*modules: ModuleType) -> Iterator[None]:
    """Within it these modules can be imported, by whatever they stand for."""
    before = {m.__name__: sys.modules.get(m.__name__, ...) for m in modules}
    sys.modules.update({m.__name__: m for m in modules})
    try:
        yield
    finally:
        for name, module in before.items():
            if module is ...:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def _mend_collect_env(module: ModuleType) -> None:
    collect_env = module.collect_env

    @functools.wraps(collect_env)
    def collect_env_without_broken_torchvision() -> dict:
        hide_broken_torchvision()
        return collect_env()

    replace_in(module, 'collect_env', collect_env_without_broken_torchvision)


# imgaug --------------------------------------------------------------------

_IMGAUG = (
    'imgaug',
    'imgaug.augmenters',
    'imgaug.augmentables',
    'imgaug.augmentables.lines',
    'imgaug.augmentables.segmaps',
)


class ImgaugPart:
    """Stands in for what MMDetection imports of `imgaug`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError(
            "MMDetection's augmentation of lines needs imgaug, which is not "
            'installed (package `imaug`)'
        )


@contextlib.contextmanager
def imgaug_placeholder() -> Iterator[None]:
    """Lets MMDetection import its augmentation of lines, nobody else."""
    if importlib.util.find_spec('imgaug') is not None:
        yield
        return
    modules = {name: ModuleType(name) for name in _IMGAUG}
    for name, module in modules.items():
        module.__getattr__ = _imgaug_part  # type: ignore[method-assign]
        parent, _, child = name.rpartition('.')
        if parent:
            setattr(modules[parent], child, module)
    with _placeholders(*modules.values()):
        yield


def _imgaug_part(name: str) -> type[ImgaugPart]:
    if name.startswith('__'):
        raise AttributeError(name)
    return ImgaugPart


# matplotlib ----------------------------------------------------------------


def _mend_canvas(module: ModuleType) -> None:
    canvas = module.FigureCanvasAgg
    if hasattr(canvas, 'tostring_rgb'):
        return

    def tostring_rgb(self) -> bytes:
        import numpy as np

        return np.asarray(self.buffer_rgba())[..., :3].tobytes()

    canvas.tostring_rgb = tostring_rgb


# Several processes without a GPU -------------------------------------------


def _without_gpu(init: Callable) -> Callable:
    """A launcher that also starts on CPUs (Gloo, no ``set_device``)."""

    @functools.wraps(init)
    def init_process_group(backend, *args, **kwargs):
        import torch

        if torch.cuda.is_available():
            return init(backend, *args, **kwargs)
        set_device = torch.cuda.set_device
        torch.cuda.set_device = lambda device: None
        try:
            return init('gloo', *args, **kwargs)
        finally:
            torch.cuda.set_device = set_device

    return init_process_group


def _mend_launchers(module: ModuleType) -> None:
    for name in ('_init_dist_pytorch', '_init_dist_mpi', '_init_dist_slurm'):
        replace_in(module, name, _without_gpu(getattr(module, name)))


def _mend_runner(module: ModuleType) -> None:
    runner = module.Runner
    wrap_model, test = runner.wrap_model, runner.test

    @functools.wraps(wrap_model)
    def wrap_model_on_any_device(self, model_wrapper_cfg, model):
        from mmengine.device import get_device

        if self.distributed and get_device() == 'cpu':
            model, model_wrapper_cfg = _for_cpu(self, model, model_wrapper_cfg)
        return wrap_model(self, model_wrapper_cfg, model)

    @functools.wraps(test)
    def test_complete_model(self) -> dict:
        with complete_weights():
            return test(self)

    runner.wrap_model = wrap_model_on_any_device
    runner.test = test_complete_model
    runner.load_checkpoint = naming_file(runner.load_checkpoint)


def _for_cpu(runner: Any, model: Any, wrapper: dict | None) -> tuple:
    """SyncBN becomes BN, and the wrapper gets no device."""
    from mmengine.model import revert_sync_batchnorm

    runner.cfg.pop('sync_bn', None)
    defaults = {
        'type': 'MMDistributedDataParallel',
        'broadcast_buffers': False,
        'find_unused_parameters': runner.cfg.get(
            'find_unused_parameters', False
        ),
    }
    wrapper = {**(wrapper or defaults), 'device_ids': None}
    return revert_sync_batchnorm(model), wrapper


# Installation --------------------------------------------------------------

AFTER_IMPORT: dict[str, Callable[[ModuleType], None]] = {
    'matplotlib.backends.backend_agg': _mend_canvas,
    'mmengine.dist.utils': _mend_launchers,
    'mmengine.runner.checkpoint': mend_checkpoint,
    'mmengine.runner.runner': _mend_runner,
    'mmengine.utils.dl_utils.collect_env': _mend_collect_env,
    'mmpose.datasets.transforms.converting': mend_single_hand_converter,
    'mmpose.visualization.local_visualizer_3d': mend_3d_visualizer,
}


DURING_IMPORT: dict[str, Callable[[], contextlib.AbstractContextManager]] = {
    DRAWS_SIMCC: to_pil_image_placeholder,
    DRAWS_LINES: imgaug_placeholder,
}


def _execute(name: str, execute: Callable, module: ModuleType) -> None:
    if name in DURING_IMPORT:
        with DURING_IMPORT[name]():
            execute(module)
        return
    execute(module)
    AFTER_IMPORT[name](module)


class _FixesOnImport(importlib.abc.MetaPathFinder):
    """First on ``sys.meta_path``: mends a module when it is imported."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname not in AFTER_IMPORT and fullname not in DURING_IMPORT:
            return None
        others = (f for f in sys.meta_path if f is not self)
        specs = (
            finder.find_spec(fullname, path, target)
            for finder in others
            if hasattr(finder, 'find_spec')
        )
        spec = next((s for s in specs if s is not None), None)
        if spec is not None and spec.loader is not None:
            execute = functools.partial(
                _execute, fullname, spec.loader.exec_module
            )
            spec.loader.exec_module = execute  # type: ignore[method-assign]
        return spec


def install() -> None:
    """Mend what is imported already and watch for the rest; once."""
    # By name: a second copy of this module must find the first one's.
    ours = _FixesOnImport.__qualname__
    if any(type(f).__qualname__ == ours for f in sys.meta_path):
        return
    sys.meta_path.insert(0, _FixesOnImport())
    sys.meta_path.append(_OperatorsPlaceholder())
    for name, fix in AFTER_IMPORT.items():
        if name in sys.modules:
            fix(sys.modules[name])
