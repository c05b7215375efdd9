"""Each mended bug of MMPose: the fix works, and is still needed."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from mmengine.structures import InstanceData
from mmpose.datasets.transforms import SingleHandConverter
from mmpose.structures import PoseDataSample
from mmpose.visualization import Pose3dLocalVisualizer

PACKAGE = Path(importlib.util.find_spec('mmpose').origin).parent


def converted(hand_type):
    converter = SingleHandConverter(
        num_keypoints=4,
        left_hand_mapping=[(0, 0), (1, 1)],
        right_hand_mapping=[(0, 2), (1, 3)],
    )
    results = dict(
        keypoints=np.array([[[1.0, 2], [3, 4]]]),
        keypoints_visible=np.ones((1, 2)),
        hand_type=np.array(hand_type),
    )
    return converter.transform(results)['keypoints_visible'][0, :, 0].tolist()


def test_each_hand_takes_its_own_mapping():
    assert converted([[0, 1]]) == [1, 1, 0, 0]
    assert converted([[1, 0]]) == [0, 0, 1, 1]
    for wrong in ([[1, 1]], [[1, 0], [0, 1]]):
        with pytest.raises(ValueError, match='hand_type: expected'):
            converted(wrong)


def test_the_converter_is_still_needed():
    source = PACKAGE / 'datasets' / 'transforms' / 'converting.py'
    assert 'np.sum(hand_type - [[0, 1]]) <= 1e-6' in source.read_text()


def drawn(kpt_color, instances, scale=1.0):
    """A picture of poses; left of it, the image, as wide."""
    rng = np.random.default_rng(0)
    points = scale * rng.uniform(-1, 1, (instances, 21, 3))
    prediction = InstanceData(
        keypoints=points, keypoint_scores=np.ones((instances, 21))
    )
    visualizer = Pose3dLocalVisualizer(
        kpt_color=kpt_color,
        link_color='blue',
        skeleton=[(k, k + 1) for k in range(20)],
    )
    return visualizer.add_datasample(
        'name',
        np.full((320, 240, 3), 128, np.uint8),
        PoseDataSample(pred_instances=prediction),
        draw_gt=False,
        draw_heatmap=True,
    )


def test_the_hooks_call_draws_with_colours_by_name_and_by_table():
    table = [(255, 0, 0)] * 21
    red, tabled = drawn('red', 1), drawn(table, 1)
    np.testing.assert_array_equal(red, tabled)
    assert red.shape == (320, 2 * 320, 3)
    blue = (red[..., 2].astype(int) - red[..., 0] > 100).sum()
    assert blue > 200  # bones are drawn
    assert (red[..., 0].astype(int) - red[..., 2] > 100).sum() > 200


def test_several_instances_stand_side_by_side():
    assert drawn('red', 3).shape == (320, 2 * 3 * 320, 3)


def test_any_unit_fills_the_picture():
    pictures = [drawn('red', 1, scale) for scale in (1.0, 1000.0)]
    np.testing.assert_array_equal(*pictures)


def test_nothing_found_is_an_empty_picture():
    visualizer = Pose3dLocalVisualizer()
    picture = visualizer.add_datasample(
        'name',
        np.zeros((40, 40, 3), np.uint8),
        PoseDataSample(pred_instances=InstanceData()),
        draw_gt=False,
    )
    assert picture.shape[0] == 40


def test_the_visualizer_is_still_needed():
    source = PACKAGE / 'visualization' / 'local_visualizer_3d.py'
    text = source.read_text()
    assert 'draw_heatmap' not in text
    assert 'int(width) * num_instances' in text
    assert 'kpt_color = kpt_color[valid] / 255.' in text
