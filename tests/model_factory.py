"""A model with random weights, photos of drawn hands, and tools to run."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

from shard_factory import SIZE, make_row

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / (
    'configs/hand_3d_keypoint/latent25d/'
    'latent25d_res18half-fpn_synhand-96x96.py'
)
STEPS = 7


def write_checkpoint(path: Path, seed: int = 0, config: Path = CONFIG) -> Path:
    """A checkpoint of a latent 2.5D config as a training leaves it.

    The maps are made sharp, so that keypoints differ from each other.
    """
    cfg = Config.fromfile(config)
    init_default_scope('mmpose')
    torch.manual_seed(seed)
    model = MODELS.build(cfg.model)
    heads = [m for m in model.modules() if hasattr(m, 'log_softness')]
    with torch.no_grad():
        for head in heads:
            for parameter in head.stages.parameters():
                parameter.normal_(0, 0.5)
            head.log_softness.fill_(1.5)
    content = dict(state_dict=model.state_dict(), meta=dict(iter=STEPS))
    torch.save(content, path)
    return path


def write_photos(folder: Path, count: int = 3, name: str = '.jpg') -> list:
    """Drawn hands as `NUMBER.jpg` with an `annotations.json`.

    Returns:
        The entries of that file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for index in range(count):
        row = make_row(index)
        image = cv2.imdecode(np.frombuffer(row['image'], np.uint8), 1)
        assert image.shape == (SIZE, SIZE, 3)
        cv2.imwrite(str(folder / f'{index}{name}'), image)
        hand = row['hands'][0]
        entries.append(
            dict(
                image=f'{index}{name}',
                hand=('left', 'right')[hand['side']],
                bbox=hand['bbox'].tolist(),
                K=row['camera_matrix'].tolist(),
            )
        )
    (folder / 'annotations.json').write_text(json.dumps(entries))
    return entries


def load_tool(name: str) -> ModuleType:
    """A script of `tools/` as a module, with what lies beside it."""
    folder = str(ROOT / 'tools')
    if folder not in sys.path:
        sys.path.append(folder)
    spec = importlib.util.spec_from_file_location(
        f'tool_{name}', ROOT / 'tools' / f'{name}.py'
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
