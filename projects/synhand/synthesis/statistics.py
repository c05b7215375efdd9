"""Facts about a set: one streaming pass over its label columns.

No image is read, and memory does not grow with the set: shards are
memory-mapped, and counted slice by slice with arrays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from synhand.hands.anatomy import LOWER, NUM_DOFS, UPPER
from synhand.skeleton import BONES, HAND_SIDES, NUM_KEYPOINTS
from synhand.synthesis.checks import CAUSES, in_image
from synhand.synthesis.shards import ShardError

MAP_SHAPE = (18, 36)
"""Cells of a view map: rows of equal height in the sine of latitude, columns
of longitude, so that all cells have the same area on the sphere."""

CHILD_MM = 160.0
"""Hands shorter than this count as children's, wrist to tip at rest."""

_SLICE_ROWS = 4096
_LABELS = ('index', 'width', 'height', 'camera_matrix', 'hands', 'scene')
_FACTS = pa.schema(
    [
        ('tone', pa.float64()),
        ('repaired', pa.float64()),
        ('attempts', pa.int64()),
        ('surfaces', pa.list_(pa.int64())),
        ('kind', pa.string()),
        ('touching', pa.bool_()),
        ('rejected', pa.struct([(cause, pa.int64()) for cause in CAUSES])),
    ]
)


@dataclass(frozen=True)
class Labels:
    """Labels of R consecutive images with H hands; K keypoints, D angles.

    Attributes:
        index: (R,).
        size: (R, 2) width and height in px.
        camera_matrix: (R, 3, 3) px.
        row: (H,) the image of each hand, from 0.
        target: (H,) whether it is the first of its image.
        side: (H,) 0 left, 1 right.
        bbox: (H, 4) xyxy px.
        keypoints_2d: (H, K, 2) px.
        keypoints_cam: (H, K, 3) mm, camera frame, anatomical family.
        keypoints_cam_mano: (H, K, 3), the other family.
        occluded: (H, K) 1 hidden, 0 seen.
        kind: (H,) strings.
        pose: (H, D) radians, NaN where a hand has another number of angles.
        hand_mm: (H,) hand lengths in mm, wrist to middle tip at rest; NaN
            where a hand has no shape.
        facts: R rows with columns tone, repaired, attempts, surfaces, kind,
            touching, rejected; null where an image's ``scene`` lacks them.
        table: R rows, all columns, images too; not read until asked for.
    """

    index: np.ndarray
    size: np.ndarray
    camera_matrix: np.ndarray
    row: np.ndarray
    target: np.ndarray
    side: np.ndarray
    bbox: np.ndarray
    keypoints_2d: np.ndarray
    keypoints_cam: np.ndarray
    keypoints_cam_mano: np.ndarray
    occluded: np.ndarray
    kind: pa.Array
    pose: np.ndarray
    hand_mm: np.ndarray
    facts: pa.Table
    table: pa.Table


def read_labels(
    path: str | Path, slice_rows: int = _SLICE_ROWS
) -> Iterator[Labels]:
    """The labels of one shard, slice by slice.

    Sets of earlier schemas are read too, as long as they have the labels.

    Raises:
        ShardError: The file is no shard or lacks labels.
    """
    table = _open(Path(path))
    for start in range(0, table.num_rows, slice_rows):
        yield _labels(table.slice(start, slice_rows))


def _open(path: Path) -> pa.Table:
    try:
        with pa.memory_map(str(path)) as source:
            table = pa.ipc.open_stream(source).read_all()
    except (pa.ArrowInvalid, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ShardError(f'{path}: not a readable shard ({reason})') from None
    lacking = sorted(set(_LABELS) - set(table.column_names))
    if lacking:
        raise ShardError(f'{path}: no columns {lacking}; expected a shard')
    return table


def _labels(table: pa.Table) -> Labels:
    columns = {name: table[name].combine_chunks() for name in _LABELS}
    counts = pc.list_value_length(columns['hands']).to_numpy()
    hands = columns['hands'].flatten()
    starts = np.cumsum(counts) - counts
    target = np.zeros(counts.sum(), bool)
    target[starts[counts > 0]] = True

    def values(name: str, *shape: int) -> np.ndarray:
        column = pc.struct_field(hands, name)
        return column.flatten().to_numpy().reshape(-1, *shape)

    camera = columns['camera_matrix'].flatten().to_numpy()
    sizes = [columns[name].to_numpy() for name in ('width', 'height')]
    return Labels(
        index=columns['index'].to_numpy(),
        size=np.stack(sizes, 1),
        camera_matrix=camera.reshape(-1, 3, 3),
        row=np.repeat(np.arange(len(counts)), counts),
        target=target,
        side=pc.struct_field(hands, 'side').to_numpy(),
        bbox=values('bbox', 4),
        keypoints_2d=values('keypoints_2d', NUM_KEYPOINTS, 2),
        keypoints_cam=values('keypoints_cam_anatomical', NUM_KEYPOINTS, 3),
        keypoints_cam_mano=values('keypoints_cam_mano', NUM_KEYPOINTS, 3),
        occluded=values('occluded', NUM_KEYPOINTS),
        kind=pc.struct_field(hands, 'kind'),
        pose=_poses(pc.struct_field(hands, 'pose')),
        hand_mm=_last_values(pc.struct_field(hands, 'shape')),
        facts=_facts(columns['scene']),
        table=table,
    )


def _poses(column: pa.ListArray) -> np.ndarray:
    lengths = pc.list_value_length(column).to_numpy()
    poses = np.full((len(column), NUM_DOFS), np.nan)
    whole = lengths == NUM_DOFS
    values = column.flatten().to_numpy()
    poses[whole] = values[np.repeat(whole, lengths)].reshape(-1, NUM_DOFS)
    return poses


def _last_values(column: pa.ListArray) -> np.ndarray:
    """The last value of each list, NaN of empty ones."""
    lengths = pc.list_value_length(column).to_numpy()
    values = column.flatten().to_numpy().astype(np.float64)
    last = np.full(len(column), np.nan)
    some = lengths > 0
    last[some] = values[np.cumsum(lengths)[some] - 1]
    return last


def _facts(scene: pa.StringArray) -> pa.Table:
    text = '\n'.join(fact or '{}' for fact in scene.to_pylist())
    options = pj.ParseOptions(
        explicit_schema=_FACTS, unexpected_field_behavior='ignore'
    )
    # One block: a parser of blocks asks each to hold a whole line.
    block = pj.ReadOptions(use_threads=False, block_size=len(text) + 1024)
    source = pa.BufferReader(text.encode())
    return pj.read_json(source, block, options)


class Histogram:
    """Counts of numbers in equal bins; what lies outside counts at the ends.

    Args:
        low: Start of the first bin.
        high: End of the last.
        bins: How many.
    """

    def __init__(self, low: float, high: float, bins: int) -> None:
        self.edges = np.linspace(low, high, bins + 1)
        self.counts = np.zeros(bins, np.int64)

    def add(self, values: np.ndarray) -> None:
        """Count values of any shape; NaN is left out."""
        values = values[np.isfinite(values)]
        inside = np.clip(values, self.edges[0], self.edges[-1])
        self.counts += np.histogram(inside, self.edges)[0]

    def quantiles(self, shares: tuple[float, ...]) -> list[float]:
        """Values that the given shares lie below, to about a bin's width."""
        total = self.counts.sum()
        if not total:
            return [float('nan')] * len(shares)
        below = np.append(0, np.cumsum(self.counts)) / total
        return [float(np.interp(share, below, self.edges)) for share in shares]


class Moments:
    """Means, deviations and ranges of columns.

    Args:
        columns: How many.
    """

    def __init__(self, columns: int) -> None:
        self.count = 0
        self.sums = np.zeros(columns)
        self.squares = np.zeros(columns)
        self.lowest = np.full(columns, np.inf)
        self.highest = np.full(columns, -np.inf)

    def add(self, values: np.ndarray) -> None:
        """Count rows (N, columns)."""
        self.count += len(values)
        self.sums += values.sum(0)
        self.squares += (values**2).sum(0)
        self.lowest = np.minimum(self.lowest, values.min(0, initial=np.inf))
        self.highest = np.maximum(self.highest, values.max(0, initial=-np.inf))

    @property
    def mean(self) -> np.ndarray:
        """(columns,), 0 without any row."""
        return self.sums / max(self.count, 1)

    @property
    def deviation(self) -> np.ndarray:
        """(columns,), 0 without any row."""
        spread = self.squares / max(self.count, 1) - self.mean**2
        return np.sqrt(np.maximum(spread, 0))


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


def hand_directions(
    points: np.ndarray, side: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where palms face and fingers start off to.

    Args:
        points: (N, K, 3) any unit, camera frame.
        side: (N,) 0 left, 1 right.

    Returns:
        Unit vectors (N, 3) out of the palm, and from the wrist to the middle
        finger's base, camera frame.
    """
    points = points.astype(np.float64)
    along = points[:, 9] - points[:, 0]
    to_thumb = points[:, 5] - points[:, 17]
    out = np.cross(to_thumb, along)
    out[side != HAND_SIDES['right']] *= -1
    return _unit(out), _unit(along)


def view_map(directions: np.ndarray) -> np.ndarray:
    """Counts of directions over the sphere as the camera sees it.

    The middle of the map faces the camera, left and right are the image's,
    row 0 is the image's top; the left and right ends face away.

    Args:
        directions: (N, 3) unit, camera frame (x right, y down, z forward).

    Returns:
        Counts, ``MAP_SHAPE``.
    """
    x, y, z = directions[np.isfinite(directions).all(1)].T
    longitude = np.arctan2(x, -z) / (2 * np.pi) + 0.5
    latitude = (np.clip(y, -1, 1) + 1) / 2
    counts, *_ = np.histogram2d(
        latitude, longitude, MAP_SHAPE, [[0, 1], [0, 1]]
    )
    return counts.astype(np.int64)


def evenness(counts: np.ndarray) -> float:
    """The share of a view map's cells that any view may fall into evenly.

    The exponential of the entropy over the number of cells: 1 for the same
    count in every cell, 1 / cells for a single view.
    """
    shares = counts[counts > 0] / max(counts.sum(), 1)
    return float(np.exp(-(shares * np.log(shares)).sum()) / counts.size)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
