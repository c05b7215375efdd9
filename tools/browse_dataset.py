"""Look at a synthetic set: contact sheets and a page of statistics."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import matplotlib
import numpy as np

matplotlib.use('Agg')

from matplotlib import pyplot as plt  # noqa: E402  after the choice of Agg

from synhand.hands.anatomy import DOF_NAMES, FINGERS  # noqa: E402
from synhand.skeleton import KEYPOINT_NAMES  # noqa: E402
from synhand.synthesis.counters import MAP_SHAPE, Histogram, evenness  # noqa: E402
from synhand.synthesis.label_columns import Labels, read_labels  # noqa: E402
from synhand.synthesis.statistics import SetStatistics, measure  # noqa: E402
from synhand.visualization.drawing import (  # noqa: E402
    PAPER,
    contact_sheet,
    draw_hand,
)

CELL = 160
COLUMNS = 12
PER_SHEET = 120
MARGIN = 1.4
STRIP = 16
# Fewer leave cells of a fine map empty by chance.
FEW_IMAGES = 10_000
INK = '#46505a'
FILL = '#4c78a8'
# Blue, green, red of hand, forearm, garment, object, body in a mask.
LAYERS = np.array(
    [
        (0, 0, 0),
        (60, 90, 235),
        (70, 190, 240),
        (200, 130, 50),
        (80, 190, 90),
        (190, 80, 170),
        (128, 128, 128),
        (255, 255, 255),
    ],
    np.uint8,
)


@dataclass(frozen=True)
class Picture:
    """One image of the set with its hands, the target first."""

    image: np.ndarray
    mask: np.ndarray | None
    keypoints: list[np.ndarray]
    caption: str


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('set', type=Path, help='folder of shard-*.arrow')
    parser.add_argument('--out', type=Path, required=True, help='folder')
    parser.add_argument(
        '--num', type=int, default=60, help='images, evenly from the set'
    )
    parser.add_argument(
        '--draw', action='store_true', help='sheets with labels drawn, too'
    )
    args = parser.parse_args()
    if args.num < 1:
        parser.error('--num: expected 1 or more')
    return args


def read(folder: Path, num: int) -> tuple[SetStatistics, list[Picture]]:
    """Measure a set and take images evenly from it, in one pass each."""
    statistics = measure(folder)
    paths = sorted(folder.glob('shard-*.arrow'))
    count = min(num, statistics.rows)
    wanted = np.linspace(0, statistics.rows - 1, count).round().astype(int)
    return statistics, list(pictures(paths, wanted))


def pictures(paths: list[Path], wanted: np.ndarray) -> Iterator[Picture]:
    """The images with the wanted numbers, counted over all shards."""
    start = 0
    for path in paths:
        for labels in read_labels(path):
            end = start + len(labels.index)
            for number in wanted[(wanted >= start) & (wanted < end)]:
                yield picture(labels, number - start)
            start = end


def picture(labels: Labels, row: int) -> Picture:
    hands = np.flatnonzero(labels.row == row)
    table = labels.table
    mask = None
    if 'mask' in table.column_names:
        mask = decode(table, 'mask', row, cv2.IMREAD_GRAYSCALE)
    side = 'LR'[labels.side[hands[0]]] if len(hands) else '-'
    kind = labels.kind[hands[0]].as_py() if len(hands) else 'no hand'
    return Picture(
        image=decode(table, 'image', row, cv2.IMREAD_COLOR),
        mask=mask,
        keypoints=[labels.keypoints_2d[hand] for hand in hands],
        caption=f'{labels.index[row]} {side} {kind.removeprefix("gesture:")}',
    )


def decode(table, column: str, row: int, flag: int) -> np.ndarray:
    data = table[column][row]['bytes'].as_py()
    image = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    if image is None:
        raise ValueError(
            f'image {table["index"][row]}: {column} is no picture; '
            'tools/synthesize.py --verify checks the set'
        )
    return image


def drawn(picture: Picture) -> np.ndarray:
    """The target's surroundings, or all where there is none, and a caption."""
    height, width = picture.image.shape[:2]
    corners = np.array([[-1, -1], [1, 1]]) * [width, height] / 2 / MARGIN
    whole = corners + [(width - 1) / 2, (height - 1) / 2]
    around = picture.keypoints[0] if picture.keypoints else whole
    low, high = around.min(0), around.max(0)
    side = max(MARGIN * (high - low).max(), 8.0)
    scale = CELL / side
    corner = (low + high - side) / 2
    shift = -corner * scale - 0.5  # Pixel centres lie at integers.
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    image = cv2.warpAffine(picture.image, matrix, (CELL, CELL))
    for points in reversed(picture.keypoints):
        image = draw_hand(image, points * scale + shift, 1.2)
    return captioned(image, picture.caption)


def masked(picture: Picture) -> np.ndarray:
    """The masks of an image; hands beyond the target are darker."""
    hand, layer = np.divmod(picture.mask, len(LAYERS))
    shade = np.where(hand > 0, 0.5, 1.0)[..., None]
    image = (LAYERS[layer] * shade).astype(np.uint8)
    scale = CELL / max(image.shape[:2])
    nearest = cv2.INTER_NEAREST
    image = cv2.resize(image, None, None, scale, scale, nearest)
    return captioned(image, picture.caption)


def captioned(image: np.ndarray, text: str) -> np.ndarray:
    strip = np.full((STRIP, image.shape[1], 3), PAPER, np.uint8)
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(
        strip, text, (2, STRIP - 5), font, 0.36, (60, 60, 60), 1, cv2.LINE_AA
    )
    return np.concatenate([image, strip])


def write_sheets(
    out: Path, name: str, images: list[np.ndarray], height: int
) -> None:
    for start in range(0, len(images), PER_SHEET):
        number = f'-{start // PER_SHEET}' if len(images) > PER_SHEET else ''
        sheet = contact_sheet(
            images[start : start + PER_SHEET], COLUMNS, (CELL, height)
        )
        path = out / f'{name}{number}.png'
        if not cv2.imwrite(str(path), sheet):
            raise OSError(f'{path}: cannot be written')
        print(path)


def statistics_page(s: SetStatistics, title: str, path: Path) -> None:
    """One page: poses, views, sizes, tones, visibility, distances."""
    style = {
        'font.size': 8,
        'axes.titlesize': 9,
        'axes.edgecolor': INK,
        'axes.spines.top': False,
        'axes.spines.right': False,
        'text.color': INK,
        'axes.labelcolor': INK,
        'xtick.color': INK,
        'ytick.color': INK,
    }
    with plt.rc_context(style):
        figure = plt.figure(figsize=(18, 17), layout='constrained')
        figure.suptitle(
            f'{title}: {s.rows:,} images, {s.hands:,} hands', fontsize=14
        )
        top, bottom = figure.subfigures(2, 1, height_ratios=[1, 1.15])
        axes = top.subplots(3, 3, gridspec_kw={'wspace': 0.06})
        draw_views(axes[0], s)
        draw_sizes(axes[1], s)
        draw_content(axes[2], s)
        draw_poses(bottom, s)
        figure.savefig(path, dpi=90)
        plt.close(figure)
    print(path)


def draw_views(axes: np.ndarray, s: SetStatistics) -> None:
    """Maps of the sphere, and the fingers' height in the image."""
    panels = ((s.palm, 'where the palm faces'), (s.fingers, 'fingers point'))
    for axis, (counts, name) in zip(axes, panels, strict=False):
        counts = counts if s.rows >= FEW_IMAGES else coarser(counts)
        image = axis.imshow(
            counts / max(counts.mean(), 1e-9),
            extent=(-180, 180, -1, 1),
            aspect='auto',
            vmin=0,
            vmax=2.5,
        )
        axis.figure.colorbar(image, ax=axis, label='times even', pad=0.01)
        degrees = np.array([-60, -30, 0, 30, 60])
        axis.set_yticks(np.sin(np.radians(degrees)), degrees)
        axis.set_xticks(
            [-180, -90, 0, 90, 180],
            ['away', 'left', 'to the camera', 'right', 'away'],
        )
        axis.set_ylabel('degrees up')
        axis.set_title(
            f'{name} (cells of equal area, evenness {evenness(counts):.2f})'
        )
    rows = s.fingers.sum(1) / max(s.fingers.sum(), 1) * MAP_SHAPE[0]
    height = 1 - 2 * (np.arange(MAP_SHAPE[0]) + 0.5) / MAP_SHAPE[0]
    axes[2].barh(height, rows, 1.8 / MAP_SHAPE[0], color=FILL)
    axes[2].axvline(1, color=INK, lw=0.8, ls=':')
    axes[2].set_yticks([-1, 0, 1], ['down', 'level', 'up'])
    axes[2].set_title('fingers up or down in the image, times even')


def coarser(counts: np.ndarray) -> np.ndarray:
    """A view map with cells of nine."""
    rows, columns = (size // 3 for size in MAP_SHAPE)
    return counts.reshape(rows, 3, columns, 3).sum((1, 3))


def draw_sizes(axes: np.ndarray, s: SetStatistics) -> None:
    histogram(axes[0], s.box_px, 'longer side of the hand, px')
    histogram(axes[1], s.distance_mm, 'distance, mm')
    histogram(axes[2], s.length_mm, 'length of the hand, mm')


def draw_content(axes: np.ndarray, s: SetStatistics) -> None:
    histogram(axes[0], s.tone, 'skin tone, Monk scale')
    seen = 100 * s.seen / max(s.rows, 1)
    axes[1].bar(range(len(seen)), seen, color=FILL)
    names = [name.replace('_', ' ') for name in KEYPOINT_NAMES]
    axes[1].set_xticks(range(len(seen)), names, rotation=90, fontsize=7)
    axes[1].set_title('keypoint seen, % of images')
    groups: Counter = Counter()
    for kind, count in s.kinds.items():
        groups[kind.partition(':')[0]] += count
    named = sorted(groups.items(), key=lambda pair: pair[1])
    axes[2].barh(
        [name for name, _ in named],
        [100 * count / max(s.rows, 1) for _, count in named],
        color=FILL,
    )
    gestures = sum(':' in kind for kind in s.kinds)
    axes[2].set_title(f'kinds of poses, % ({gestures} named gestures)')


def histogram(axis: plt.Axes, counted: Histogram, title: str) -> None:
    """Bars over the range that holds something, the median in the title."""
    filled = np.flatnonzero(counted.counts)
    if not filled.size:
        axis.set_title(f'{title}: unknown')
        axis.set_axis_off()
        return
    first, last = filled[0], filled[-1] + 1
    step = max(1, -(-(last - first) // 60))
    starts = np.arange(first, last, step)
    counts = np.add.reduceat(counted.counts[:last], starts)
    width = step * (counted.edges[1] - counted.edges[0])
    share = 100 * counts / counts.sum()
    axis.bar(counted.edges[starts], share, width, align='edge', color=FILL)
    low, middle, high = counted.quantiles((0.05, 0.5, 0.95))
    digits = 0 if high >= 20 else 1
    axis.set_title(
        f'{title}: median {middle:.{digits}f}, '
        f'5 to 95 %: {low:.{digits}f} to {high:.{digits}f}'
    )
    axis.set_ylabel('%')


def draw_poses(figure, s: SetStatistics) -> None:
    """A histogram a degree of freedom: a finger a row, the rest beside."""
    figure.suptitle('angles in degrees, from limit to limit', fontsize=11)
    axes = figure.subplots(4, 7)
    fingers = [
        name.startswith(FINGERS) and 'arch' not in name for name in DOF_NAMES
    ]
    places = iter(axes[:, :4].ravel()), iter(axes[:, 4:].ravel())
    for finger, name, counted in zip(
        fingers, DOF_NAMES, s.pose_degrees, strict=True
    ):
        draw_angle(next(places[0 if finger else 1]), name, counted)
    for axis in places[1]:
        axis.set_axis_off()


def draw_angle(axis: plt.Axes, name: str, counted: Histogram) -> None:
    edges = counted.edges
    widths = np.diff(edges)
    axis.bar(edges[:-1], counted.counts, widths, align='edge', color=FILL)
    axis.set_xlim(edges[0], edges[-1])
    axis.set_xticks([edges[0], edges[-1]])
    axis.set_yticks([])
    if edges[0] < 0 < edges[-1]:
        axis.axvline(0, color=INK, lw=0.6, ls=':')
    axis.set_title(name.replace('_', ' '), pad=3)


def main() -> int:
    args = parse_args()
    try:
        statistics, chosen = read(args.set, args.num)
        args.out.mkdir(parents=True, exist_ok=True)
        write_sheets(args.out, 'images', [p.image for p in chosen], CELL)
        if args.draw:
            height = CELL + STRIP
            labels = [drawn(p) for p in chosen]
            write_sheets(args.out, 'labels', labels, height)
            masks = [masked(p) for p in chosen if p.mask is not None]
            write_sheets(args.out, 'masks', masks, height)
        name = args.set.resolve().name
        statistics_page(statistics, name, args.out / 'statistics.png')
    except (OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
