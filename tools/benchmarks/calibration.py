"""How right the uncertainties are that a regression model predicts.

Runs a model with a `likelihood` over the test set of its config, compares the
sigma of every coordinate with its error, prints numbers and draws a figure.
Units are those of the head: u and v of the crop's sides, z, or x, y and z, of
the reference bone's length.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from synhand.apis.loading import load_model
from synhand.visualization.calibration import (
    LEVELS,
    Calibration,
    calibrate,
    calibration_figure,
)

COORDINATES = {'2.5d': 'uvz', '3d': 'xyz'}


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', type=Path)
    parser.add_argument('checkpoint')
    parser.add_argument('figure', type=Path, help='an .svg or .png file')
    parser.add_argument('--bins', type=int, default=10)
    return parser.parse_args(argv)


def labelled_loader(cfg: Config) -> dict:
    """The test loader of a config, with labels for the head."""
    loader = cfg.test_dataloader
    loader.dataset.pipeline = [
        *loader.dataset.pipeline[:-1],
        dict(type='GenerateTarget', encoder=cfg.model.head.decoder),
        dict(type='PackHandLabels'),
    ]
    return loader


def collect(model: torch.nn.Module, loader) -> tuple[list, list]:
    """Sigmas and signed errors of the known coordinates.

    Returns:
        Two lists of three arrays, one a coordinate.
    """
    found: tuple[list, list] = ([], [])
    for batch in loader:
        data = model.data_preprocessor(batch, False)
        with torch.no_grad():
            seen = model.head(model.extract_feat(data['inputs']))
        target, weights = model.head.targets(
            data['data_samples'], seen['mean'].device
        )
        known = ((weights * model.head.free) > 0).cpu().numpy()
        error = (seen['mean'] - target).cpu().numpy()
        values = seen['sigma'].cpu().numpy(), error
        for kept, value in zip(found, values, strict=True):
            kept.append(np.where(known, value, np.nan).reshape(-1, 3))
    return tuple(_coordinates(part) for part in found)


def _coordinates(parts: list[np.ndarray]) -> list[np.ndarray]:
    columns = np.concatenate(parts).T
    return [column[np.isfinite(column)] for column in columns]


def measure(args: argparse.Namespace) -> dict[str, Calibration]:
    cfg = Config.fromfile(args.config)
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    if not cfg.model.head.get('likelihood'):
        raise ValueError(
            f'{args.config}: expected a head with a likelihood, found none'
        )
    model = load_model(cfg, args.checkpoint)
    loader = Runner.build_dataloader(labelled_loader(cfg), seed=0)
    density = 'gaussian' if model.head.likelihood == 'gaussian' else 'laplace'
    names = COORDINATES[model.head.output]
    return {
        name: calibrate(sigma, error, density, args.bins)
        for name, sigma, error in zip(
            names, *collect(model, loader), strict=True
        )
    }


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    try:
        results = measure(args)
        calibration_figure(results, args.figure, args.config.stem)
    except (OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    half, most = (int(np.abs(LEVELS - p).argmin()) for p in (0.5, 0.9))
    print('coordinate  factor  rank correlation  within 50 %  within 90 %')
    for name, result in results.items():
        print(
            f'{name:10}{result.factor:8.2f}{result.rank_correlation:18.2f}'
            f'{result.covered[half]:13.2f}{result.covered[most]:13.2f}'
        )
    return 0


if __name__ == '__main__':
    sys.exit(main())
