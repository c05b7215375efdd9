"""Models as ONNX files: from a crop to 2.5D keypoints, decoding included."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor, nn
from torch.nn import functional

from synhand.apis.predictor import load_model
from synhand.files import written_whole

INPUT, OUTPUTS = 'images', ('keypoints_25d', 'scores')
OPSET = 17


class ExportError(ValueError):
    """A model that cannot be exported."""


class ExportableModel(nn.Module):
    """A feed-forward model in plain tensors.

    Note:
        - batch size: B
        - keypoint number: K
        - crop size: W, H

    Args:
        model: An estimator whose head has `read_out` (see `PoseHead`).
        family: Number of the joint family that is wanted of a model of
            several, in `JOINT_FAMILIES`.

    Raises:
        ExportError: The head reads out something else, or the model looks at
            more than one view of a crop.
    """

    def __init__(self, model: nn.Module, family: int = 0) -> None:
        super().__init__()
        if not hasattr(model.head, 'read_out') or model.head.decoder is None:
            raise ExportError(
                f'{type(model.head).__name__}: expected a head with read_out '
                'and a decoder'
            )
        if model.test_cfg.get('flip_test') or model.test_cfg.get('rotations'):
            raise ExportError(
                'test_cfg: expected no flip_test and no rotations: an '
                'exported model reads one view'
            )
        self.model = model
        self.family = family if getattr(model.head, 'families', None) else None
        width, height = model.head.decoder.input_size
        self.input_size = (int(width), int(height))
        preprocessor = model.data_preprocessor
        order = [2, 1, 0] if preprocessor._channel_conversion else [0, 1, 2]
        self.register_buffer('order', torch.tensor(order))
        self.register_buffer('mean', preprocessor.mean.clone())
        self.register_buffer('std', preprocessor.std.clone())

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Keypoints of crops.

        Args:
            images: (B, 3, H, W), blue, green, red, 0 to 255, uint8 or float:
                crops of right hands, or of mirrored left ones, where the
                model was trained on these.

        Returns:
            (B, K, 3): u, v in pixels of the crop (centres at integers), z
            relative to the wrist in lengths of the reference bone, 0 for 2D
            models; and scores (B, K).
        """
        pixels = images[:, self.order].to(self.mean.dtype)
        given = {}
        if self.family is not None:
            zeros = torch.zeros_like(pixels[:, 0, 0, 0], dtype=torch.long)
            given = dict(family=zeros + self.family)
        found = self.model.read_out((pixels - self.mean) / self.std, **given)
        pose = found['pose']
        if pose.shape[-1] == 2:
            pose = torch.cat([pose, torch.zeros_like(pose[..., :1])], -1)
        width, height = self.input_size
        last = pose.new_tensor([width - 1, height - 1, 1])
        return pose * last, found['scores']


def exportable(config: str | Path, checkpoint: str | Path) -> ExportableModel:
    """The model of a config with a checkpoint's weights, in evaluation mode.

    Args:
        config: A config file.
        checkpoint: A file, or `synhand://NAME`.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: The checkpoint is of another model, or `ExportError`.
    """
    cfg = Config.fromfile(config)
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    return ExportableModel(load_model(cfg, checkpoint)).eval()


def export_onnx(
    model: ExportableModel,
    path: str | Path,
    uint8: bool = True,
    facts: dict | None = None,
) -> None:
    """Write a model as an ONNX file; the batch size stays free.

    Args:
        model: The model.
        path: The file; written whole or not at all.
        uint8: The input is uint8, else float32.
        facts: What the file's metadata is to say, as plain values.

    Raises:
        ExportError: The package `onnx` is missing, or the model uses what
            ONNX cannot say.
    """
    try:
        import onnx
    except ImportError:
        raise ExportError(
            'the package onnx is missing: pip install onnx'
        ) from None
    path = Path(path)
    width, height = model.input_size
    dtype = torch.uint8 if uint8 else torch.float32
    example = torch.zeros(2, 3, height, width, dtype=dtype)
    model = model.to('cpu', memory_format=torch.contiguous_format)
    with written_whole(path) as partial:
        _export(model, example, str(partial))
        graph = onnx.load(partial)
        for name, value in (facts or {}).items():
            entry = graph.metadata_props.add()
            entry.key, entry.value = name, json.dumps(value)
        onnx.checker.check_model(graph)
        onnx.save(graph, partial)


def onnx_difference(
    model: ExportableModel, path: str | Path, batch: int = 3
) -> float:
    """Largest difference of a file's results under onnxruntime from torch's.

    On crops of noise, relative to the largest value of each output.

    Args:
        model: The model.
        path: What `export_onnx` wrote of it.
        batch: Crops.

    Raises:
        ExportError: The package `onnxruntime` is missing.
    """
    try:
        import onnxruntime
    except ImportError:
        raise ExportError(
            'the package onnxruntime is missing: pip install onnxruntime'
        ) from None
    session = onnxruntime.InferenceSession(
        str(path), providers=['CPUExecutionProvider']
    )
    width, height = model.input_size
    images = torch.randint(
        0,
        256,
        (batch, 3, height, width),
        dtype=torch.uint8,
        generator=torch.Generator().manual_seed(0),
    )
    if 'float' in session.get_inputs()[0].type:
        images = images.float()
    with torch.no_grad():
        expected = model(images)
    found = session.run(list(OUTPUTS), {INPUT: images.numpy()})
    return max(
        float((torch.from_numpy(a) - b).abs().max() / b.abs().max())
        for a, b in zip(found, expected, strict=True)
    )


@contextmanager
def _constant_pooling() -> Iterator[None]:
    """Adaptive pooling by whole factors becomes pooling by these.

    The exporter does not take the sizes of other maps, which Lite-HRNet asks
    for: while a model is traced they are tensors.
    """
    pool = functional.adaptive_avg_pool2d

    def pool_by_factors(maps: Tensor, output_size: object) -> Tensor:
        if isinstance(output_size, int):
            return pool(maps, output_size)
        given = [int(cells) for cells in maps.shape[-2:]]
        wanted = [int(cells) for cells in output_size]
        factors = [a // b for a, b in zip(given, wanted, strict=True)]
        if [a * b for a, b in zip(wanted, factors, strict=True)] != given:
            return pool(maps, wanted)
        return functional.avg_pool2d(maps, factors)

    functional.adaptive_avg_pool2d = pool_by_factors
    try:
        yield
    finally:
        functional.adaptive_avg_pool2d = pool


def _export(model: ExportableModel, example: Tensor, path: str) -> None:
    names = (INPUT, *OUTPUTS)
    try:
        with (
            torch.no_grad(),
            _constant_pooling(),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter('ignore')  # the exporter's own deprecation
            torch.onnx.export(
                model,
                (example,),
                path,
                input_names=[INPUT],
                output_names=list(OUTPUTS),
                dynamic_axes={name: {0: 'batch'} for name in names},
                opset_version=OPSET,
                dynamo=False,
            )
    except (RuntimeError, torch.onnx.errors.OnnxExporterError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ExportError(
            f'{type(model.model.head).__name__}: ONNX cannot say this: '
            f'{reason}'
        ) from error
