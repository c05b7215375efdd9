"""Bugs of MMPose's parts for hands, mended; `synhand.compat` calls these.

Each has a test in ``tests/test_compat_mmpose.py`` that says when it can be
deleted.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any


def mend_single_hand_converter(module: ModuleType) -> None:
    """Right hands take the right hand's mapping.

    The stock class sums the differences to (0, 1), which is 0 for (1, 0)
    too, so that every hand takes the left one's.
    """

    def transform(self, results: dict) -> dict:
        kinds = {
            (0, 1): self.left_hand_converter,
            (1, 0): self.right_hand_converter,
        }
        hand_type = results['hand_type']
        rows = {tuple(int(v) for v in row) for row in hand_type}
        if len(rows) != 1 or not rows <= set(kinds):
            raise ValueError(
                'hand_type: expected [0, 1] (left) or [1, 0] (right), the '
                f'same for all instances, got {hand_type.tolist()}'
            )
        return kinds[rows.pop()](results)

    module.SingleHandConverter.transform = transform


def mend_3d_visualizer(module: ModuleType) -> None:
    """`Pose3dLocalVisualizer` draws what `--show-dir` asks it to.

    The stock class takes no `draw_heatmap`, which the visualisation hook
    passes; indexes colours as arrays, though it takes names; multiplies the
    picture's width twice for several instances; and shows 1.7 units around
    the pose, whatever its unit.
    """
    visualizer = module.Pose3dLocalVisualizer
    add, draw = visualizer.add_datasample, visualizer._draw_3d_data_samples

    @functools.wraps(add)
    def add_datasample(
        self, *args: Any, draw_heatmap: bool = False, **kwargs: Any
    ) -> Any:
        return add(self, *args, **kwargs)

    @functools.wraps(draw)
    def draw_3d(self, image: Any, pose_samples: Any, **kwargs: Any) -> Any:
        import numpy as np

        poses = pose_samples.get('pred_instances')
        wanted = kwargs.pop('num_instances', -1)
        found = 0 if poses is None or 'keypoints' not in poses else len(poses)
        count = min(wanted, found) if wanted >= 0 else found
        if not count:
            size = max(image.shape[:2])
            return np.full((size, size, 3), 255, np.uint8)
        _use_colour_tables(self, poses.keypoints.shape[1])
        if kwargs.get('axis_limit', _STOCK_LIMIT) == _STOCK_LIMIT:
            kwargs['axis_limit'] = _extent(poses.keypoints)
        scores = kwargs.pop('scores_2d', None)
        pictures = []
        for i in range(count):
            one = pose_samples.clone()
            one.pred_instances = poses[i : i + 1]
            if scores is not None:
                kwargs['scores_2d'] = scores[i : i + 1]
            pictures.append(draw(self, image, one, **kwargs))
        return np.concatenate(pictures, axis=1)

    visualizer.add_datasample = add_datasample
    visualizer._draw_3d_data_samples = draw_3d


_STOCK_LIMIT = 1.7  # metres, for whole bodies


def _extent(keypoints: Any) -> float:
    """Side of the cube that shows (N, K, D) in their own unit."""
    import numpy as np

    spread = np.nanmax(keypoints, 1) - np.nanmin(keypoints, 1)
    return float(1.1 * np.nanmax(spread)) or _STOCK_LIMIT


def _use_colour_tables(visualizer: Any, keypoints: int) -> None:
    """Colours as arrays of 0 to 255, (K, 3) and (bones, 3)."""
    bones = len(visualizer.skeleton or ())
    for name, rows in (('kpt_color', keypoints), ('link_color', bones)):
        value = getattr(visualizer, name)
        if value is not None:
            setattr(visualizer, name, _colour_table(value, rows))


def _colour_table(value: Any, rows: int) -> Any:
    import numpy as np
    from matplotlib.colors import to_rgb

    if isinstance(value, str):
        return np.tile(np.multiply(to_rgb(value), 255), (rows, 1))
    return np.asarray(value)
