"""Facts about a set: one streaming pass over its label columns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synhand.hands.anatomy import LOWER, UPPER
from synhand.skeleton import BONES, NUM_KEYPOINTS
from synhand.synthesis.checks import CAUSES, in_image
from synhand.synthesis.counters import (
    MAP_SHAPE,
    Histogram,
    Moments,
    hand_directions,
    view_map,
)
from synhand.synthesis.label_columns import Labels, read_labels
from synhand.synthesis.shards import ShardError

CHILD_MM = 160.0
"""Hands shorter than this count as children's, wrist to tip at rest."""


def _pose_histograms() -> list[Histogram]:
    degrees = np.degrees(np.stack([LOWER, UPPER], 1))
    return [Histogram(low, high, 40) for low, high in degrees]


def _map() -> np.ndarray:
    return np.zeros(MAP_SHAPE, np.int64)


def _zeros(size: int) -> np.ndarray:
    return np.zeros(size, np.int64)


@dataclass
class SetStatistics:
    """What a set holds; of each image's target hand, if not said otherwise.

    Attributes:
        rows: Images.
        hands: Hands in all images.
        hands_per_image: Images by their number of hands.
        image_sizes: Images by width and height in px.
        kinds, sides: Counts.
        box_px: Longer sides of the boxes around the keypoints.
        hidden: Images by number of hidden keypoints, (K + 1,).
        seen: Images that show each keypoint, (K,).
        distance_mm: Of the middle finger's base from the camera.
        view_degrees: Angle of view that the image's width covers.
        length_mm: Wrist to middle tip along the bones.
        bones_mm: Lengths of ``BONES`` (K - 1,) of adults' and of children's
            hands: those shorter than ``CHILD_MM``.
        tone: On Monk's scale.
        pose_degrees: Per degree of freedom, within its limits.
        palm, fingers: Where the palm faces and the middle metacarpal points,
            see :func:`view_map`.
        surfaces: Images that show each kind of surface of the mask.
        every_box_px: Longer sides of the boxes of all hands.
        in_frame, in_view: Shares of the keypoints of all hands that are in
            the image, and that are seen.
        scenes: Images by kind of scene.
        touching: Images in which two hands touch.
        attempts: Images by number of scenes drawn until one passed.
        rejected: Scenes dropped, by cause.
        opened: Images whose pose was opened to end a penetration.
    """

    rows: int = 0
    hands: int = 0
    hands_per_image: Counter = field(default_factory=Counter)
    image_sizes: Counter = field(default_factory=Counter)
    kinds: Counter = field(default_factory=Counter)
    sides: Counter = field(default_factory=Counter)
    box_px: Histogram = field(default_factory=lambda: Histogram(0, 2048, 2048))
    hidden: np.ndarray = field(
        default_factory=lambda: _zeros(NUM_KEYPOINTS + 1)
    )
    seen: np.ndarray = field(default_factory=lambda: _zeros(NUM_KEYPOINTS))
    distance_mm: Histogram = field(
        default_factory=lambda: Histogram(0, 4000, 400)
    )
    view_degrees: Histogram = field(
        default_factory=lambda: Histogram(0, 120, 240)
    )
    length_mm: Histogram = field(
        default_factory=lambda: Histogram(60, 300, 240)
    )
    bones_mm: dict[str, Moments] = field(
        default_factory=lambda: {
            group: Moments(len(BONES)) for group in ('adults', 'children')
        }
    )
    tone: Histogram = field(default_factory=lambda: Histogram(1, 10, 36))
    pose_degrees: list[Histogram] = field(default_factory=_pose_histograms)
    palm: np.ndarray = field(default_factory=_map)
    fingers: np.ndarray = field(default_factory=_map)
    surfaces: Counter = field(default_factory=Counter)
    attempts: Counter = field(default_factory=Counter)
    every_box_px: Histogram = field(
        default_factory=lambda: Histogram(0, 2048, 2048)
    )
    in_frame: Histogram = field(default_factory=lambda: Histogram(0, 1, 42))
    in_view: Histogram = field(default_factory=lambda: Histogram(0, 1, 42))
    scenes: Counter = field(default_factory=Counter)
    touching: int = 0
    rejected: Counter = field(default_factory=Counter)
    opened: int = 0

    def add(self, labels: Labels) -> None:
        """Count the images of a slice."""
        self.rows += len(labels.index)
        self.hands += len(labels.row)
        per_image = np.bincount(labels.row, minlength=len(labels.index))
        self.hands_per_image.update(per_image.tolist())
        self.image_sizes.update(map(tuple, labels.size.tolist()))
        first = labels.target
        self.sides.update(labels.side[first].tolist())
        for entry in labels.kind.filter(pa.array(first)).value_counts():
            self.kinds[entry['values'].as_py()] += entry['counts'].as_py()
        hidden = labels.occluded[first] != 0
        self.hidden += np.bincount(hidden.sum(1), minlength=len(self.hidden))
        self.seen += (~hidden).sum(0)
        self._add_every_hand(labels)
        self._add_camera(labels)
        self._add_shape(labels)
        self._add_facts(labels.facts)

    def _add_every_hand(self, labels: Labels) -> None:
        low, high = np.split(labels.bbox, 2, axis=1)
        self.every_box_px.add((high - low).max(1, initial=0))
        size = labels.size[labels.row][:, None]
        self.in_frame.add(in_image(labels.keypoints_2d, size).mean(1))
        self.in_view.add((labels.occluded == 0).mean(1))

    def _add_camera(self, labels: Labels) -> None:
        first = labels.target
        low, high = np.split(labels.bbox[first], 2, axis=1)
        self.box_px.add((high - low).max(1))
        points = labels.keypoints_cam[first]
        self.distance_mm.add(np.linalg.norm(points[:, 9], axis=1))
        focal = labels.camera_matrix[:, 0, 0]
        half = np.arctan(labels.size[:, 0] / 2 / focal)
        self.view_degrees.add(2 * np.degrees(half))
        palm, fingers = hand_directions(points, labels.side[first])
        self.palm += view_map(palm)
        self.fingers += view_map(fingers)

    def _add_shape(self, labels: Labels) -> None:
        points = labels.keypoints_cam[labels.target].astype(np.float64)
        parents, children = np.array(BONES).T
        bones = points[:, children] - points[:, parents]
        lengths = np.linalg.norm(bones, axis=-1)
        child = labels.hand_mm[labels.target] < CHILD_MM
        self.bones_mm['children'].add(lengths[child])
        self.bones_mm['adults'].add(lengths[~child])
        self.length_mm.add(lengths[:, 8:12].sum(1))
        angles = np.degrees(labels.pose[labels.target])
        for histogram, values in zip(self.pose_degrees, angles.T, strict=True):
            histogram.add(values)

    def _add_facts(self, facts: pa.Table) -> None:
        self.tone.add(facts['tone'].to_numpy().astype(np.float64))
        opened = pc.sum(pc.greater(facts['repaired'], 0)).as_py()
        self.opened += opened or 0
        attempts = facts['attempts'].drop_null().to_pylist()
        self.attempts.update(attempts)
        self.scenes.update(facts['kind'].drop_null().to_pylist())
        self.touching += pc.sum(facts['touching']).as_py() or 0
        rejected = facts['rejected'].combine_chunks()
        for cause in CAUSES:
            count = pc.sum(pc.struct_field(rejected, cause)).as_py()
            self.rejected[cause] += count or 0
        surfaces = facts['surfaces'].combine_chunks()
        codes = surfaces.flatten().to_numpy(zero_copy_only=False)
        rows = pc.list_parent_indices(surfaces).to_numpy()
        pairs = np.unique(np.stack([rows, codes], 1), axis=0)
        self.surfaces.update(pairs[:, 1].tolist())


def measure(folder: str | Path) -> SetStatistics:
    """Statistics of all shards of a folder.

    Raises:
        ShardError: There is no shard, or a damaged one.
    """
    paths = sorted(Path(folder).glob('shard-*.arrow'))
    if not paths:
        raise ShardError(
            f'{folder}: no shard-*.arrow in it; expected a synthetic set'
        )
    statistics = SetStatistics()
    for path in paths:
        for labels in read_labels(path):
            statistics.add(labels)
    return statistics
