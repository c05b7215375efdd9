"""Metrics, and the loops that run them."""

from __future__ import annotations


def evaluators(floors: bool = False, mesh: bool = False) -> list[dict]:
    """2D and 3D metrics.

    Args:
        floors: Also what a constant pose would score.
        mesh: Also errors of vertices, for sets that have true ones.
    """
    metrics = [
        dict(type='HandKeypoint2DMetric'),
        dict(type='HandKeypoint3DMetric', floors=floors),
    ]
    return [*metrics, dict(type='HandMeshMetric')] if mesh else metrics


def evaluation(
    name: str, dataloader: dict, metrics: list[dict] | None = None
) -> dict:
    """The loop, loader and metrics of one role, `'val'` or `'test'`.

    Returns:
        `{name}_cfg`, `{name}_dataloader` and `{name}_evaluator`.
    """
    return {
        f'{name}_cfg': dict(type='ValLoop' if name == 'val' else 'TestLoop'),
        f'{name}_dataloader': dataloader,
        f'{name}_evaluator': metrics or evaluators(),
    }
