"""Checks a finished set: shards, rows, labels, images made again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pyarrow.compute as pc

from synhand.hands.anatomy import DOF_NAMES, LOWER, UPPER
from synhand.synthesis.checks import ANGLE_TOLERANCE, CAUSES, hand_faults
from synhand.synthesis.generator import Generator
from synhand.synthesis.label_columns import Labels, read_labels
from synhand.synthesis.ledger import (
    CHECKSUMS,
    Manifest,
    SetError,
    append_log,
    complete_checksums,
    read_checksums,
    sha256,
)
from synhand.synthesis.shards import (
    ShardError,
    ShardSet,
    open_shard,
    shard_name,
)

MIN_PSNR_DB = 40.0
MAX_LINES = 20
LABEL_TOLERANCE = 1e-4
_BOX_TOLERANCE = 1e-3
# Another renderer may see an edge elsewhere: keypoints of a hand, and share
# of the pixels of coverage and mask, that may differ then.
_OCCLUSION_FLIPS = 1
_EDGE_SHARE = 0.01
_EDGE_STEPS = {'alpha': 8, 'mask': 0}
_IMAGE_COLUMNS = ('image', 'alpha', 'mask')
Report = Callable[[str], None]


@dataclass
class Verification:
    """What a check of a set found.

    Attributes:
        shards, rows, hands: How many were checked.
        remade: Images made again from their seeds.
        bitwise: Those of them that came out the same to the last bit.
        psnr_db: The worst of the others' images, infinity if there are none.
        problems: How many were found.
        lines: One for each of the first ``MAX_LINES`` problems.
    """

    shards: int = 0
    rows: int = 0
    hands: int = 0
    remade: int = 0
    bitwise: int = 0
    psnr_db: float = float('inf')
    problems: int = 0
    lines: list[str] = field(default_factory=list)

    def note(self, *lines: str) -> None:
        """Count problems and keep the first ones' lines."""
        self.problems += len(lines)
        self.lines += lines[: MAX_LINES - len(self.lines)]


def verify(
    folder: str | Path,
    backgrounds: str | Path | None = None,
    shards: range | None = None,
    sample: int = 32,
    progress: Callable[[int], None] | None = None,
) -> Verification:
    """Check a set, or some of its shards, against its manifest.

    Every shard is opened, its checksum (where there is one), number of rows,
    indices and all labels are checked; a sample of rows is made again.

    Args:
        folder: Of the set.
        backgrounds: Where its photos are now; None: where they were.
        shards: Only these.
        sample: Images to make again; 0 for none.
        progress: Called with the number of rows that are checked.

    Raises:
        SetError: There is no manifest, or the shards are not in it.
        RendererError: There is no OpenGL to make images again.
    """
    folder = Path(folder)
    manifest = Manifest.read(folder)
    every = range(manifest.num_shards)
    chosen = every if shards is None else shards
    if not chosen or chosen[0] < 0 or chosen[-1] not in every:
        raise SetError(
            f'{folder}: shards {chosen.start}-{chosen.stop - 1} asked for; '
            f'expected some of 0-{every.stop - 1}'
        )
    found = Verification()
    frames = manifest.config.get('mode') == 'frame'
    checksums = read_checksums(folder)
    for shard in chosen:
        path = folder / shard_name(shard)
        rows = manifest.rows(shard)
        checksum = checksums.get(path.name)
        _check_shard(path, rows, checksum, frames, found)
        if progress:
            progress(rows.stop - manifest.rows(chosen[0]).start)
    if shards is None:
        found.note(*_strangers(folder, manifest))
    if sample:
        _remake(folder, manifest, chosen, backgrounds, sample, found)
    return found


def record(folder: str | Path, found: Verification) -> None:
    """Write what a check found to the set's log, for its card."""
    folder = Path(folder)
    complete_checksums(folder)
    append_log(
        folder,
        'verify',
        checksums=sha256(folder / CHECKSUMS),
        shards=found.shards,
        rows=found.rows,
        hands=found.hands,
        remade=found.remade,
        bitwise=found.bitwise,
        problems=found.problems,
    )


def _strangers(folder: Path, manifest: Manifest) -> list[str]:
    expected = {shard_name(k) for k in range(manifest.num_shards)}
    return [
        f'{path}: not in the manifest, which has {len(expected)} shards'
        for path in sorted(folder.glob('shard-*.arrow'))
        if path.name not in expected
    ]


def _check_shard(
    path: Path,
    rows: range,
    checksum: str | None,
    frames: bool,
    found: Verification,
) -> None:
    try:
        table = open_shard(path)
    except ShardError as error:
        found.note(str(error))
        return
    found.shards += 1
    found.rows += table.num_rows
    if checksum and sha256(path) != checksum:
        found.note(f'{path}: differs from its {CHECKSUMS}')
    if table.num_rows != len(rows):
        found.note(f'{path}: {table.num_rows} rows, expected {len(rows)}')
    at = 0
    for labels in read_labels(path):
        found.hands += len(labels.row)
        part = np.arange(at, at + len(labels.index)) + rows.start
        lines = [_wrong_index(labels, part), *check_labels(labels, frames)]
        found.note(*(f'{path}: {line}' for line in lines if line))
        at += len(part)


def _wrong_index(labels: Labels, expected: np.ndarray) -> str | None:
    wrong = np.flatnonzero(labels.index != expected)
    if not wrong.size:
        return None
    first = wrong[0]
    return (
        f'row with index {labels.index[first]} where {expected[first]} is '
        f'expected ({wrong.size} such rows)'
    )


def check_labels(labels: Labels, frames: bool = False) -> Iterator[str]:
    """Whether labels contradict each other: a line for each that does.

    All hands pass the tests of :func:`hand_faults`, as at generation; numbers
    are finite, boxes tight, sides and occlusion flags known.

    Args:
        frames: Whole pictures: they may show no hand, and the first hand need
            not be seen well.
    """
    yield from _odd_images(labels, frames)
    yield from _odd_values(labels)
    yield from _faulty_hands(labels, frames)


def _odd_images(labels: Labels, frames: bool) -> Iterator[str]:
    for name in _IMAGE_COLUMNS:
        column = pc.struct_field(labels.table[name], 'bytes')
        length = pc.fill_null(pc.binary_length(column), 0).to_numpy()
        for row in np.flatnonzero(length == 0):
            yield f'image {labels.index[row]}: {name} is empty'
    without = np.bincount(labels.row, minlength=len(labels.index)) == 0
    for row in np.flatnonzero(without & ~np.array(frames)):
        yield f'image {labels.index[row]}: no hand'


def _odd_values(labels: Labels) -> Iterator[str]:
    pixels = labels.keypoints_2d
    corners = np.concatenate([pixels.min(1), pixels.max(1)], 1)
    box_off = np.abs(corners - labels.bbox).max(1)
    mano = np.isfinite(labels.keypoints_cam_mano).all((1, 2))
    flags = np.isin(labels.occluded, (0, 1)).all(1)
    findings = (
        (~(box_off <= _BOX_TOLERANCE), 'box is not tight'),
        (~mano, 'keypoints of family mano are not finite'),
        (~np.isin(labels.side, (0, 1)), 'side is not 0 or 1'),
        (~flags, 'occluded is not 0 or 1'),
        (np.isnan(labels.pose).any(1), f'expected {len(DOF_NAMES)} angles'),
    )
    for wrong, what in findings:
        for hand in np.flatnonzero(wrong):
            yield f'{_name(labels, hand)}: {what}'


def _faulty_hands(labels: Labels, frames: bool) -> Iterator[str]:
    with np.errstate(invalid='ignore'):  # what is not finite fails
        faults = hand_faults(
            labels.keypoints_2d,
            labels.keypoints_cam,
            labels.camera_matrix[labels.row],
            labels.side,
            labels.pose,
            labels.occluded,
            labels.size[labels.row],
            labels.target & ~np.array(frames),
        )
    for cause, wrong in faults.items():
        for hand in np.flatnonzero(wrong):
            whats = [CAUSES[cause]]
            if cause == 'limits':
                whats = _beyond(labels.pose[hand])
            yield from (f'{_name(labels, hand)}: {what}' for what in whats)


def _beyond(pose: np.ndarray) -> list[str]:
    """Names the angles of a pose (D,) in radians beyond their limits."""
    off = np.maximum(LOWER - pose, pose - UPPER)
    return [
        f'{DOF_NAMES[angle]} is {np.degrees(pose[angle]):.1f} degrees, '
        'beyond its limits'
        for angle in np.flatnonzero(off > ANGLE_TOLERANCE)
    ]


def _name(labels: Labels, hand: int) -> str:
    row = labels.row[hand]
    number = hand - np.searchsorted(labels.row, row)
    return f'image {labels.index[row]}, hand {number}'


def _remake(
    folder: Path,
    manifest: Manifest,
    shards: range,
    backgrounds: str | Path | None,
    sample: int,
    found: Verification,
) -> None:
    """Make a sample of rows again and compare them."""
    try:
        config = manifest.synthesis_config(backgrounds)
    except (SetError, FileNotFoundError) as error:
        found.note(
            f'{folder}: images not made again ({error}); --sample 0 checks '
            'the labels alone'
        )
        return
    generator = Generator(config)
    first, last = manifest.rows(shards[0]).start, manifest.rows(shards[-1])
    count = min(sample, last.stop - first)
    numbers = np.linspace(first, last.stop - 1, count).round().astype(int)
    for index in numbers.tolist():
        shard, number = divmod(index, manifest.shard_size)
        try:
            stored = _row(folder / shard_name(shard), number)
        except (ShardError, IndexError):
            continue  # Named already.
        found.remade += 1
        line = compare(stored, generator.row(index), found)
        if line:
            found.note(
                f'{folder / shard_name(shard)}: image {index} made again: '
                f'{line}'
            )


def _row(path: Path, number: int) -> dict:
    shard = ShardSet(path.parent)
    shard.paths = [path]
    return shard.row(number)


def compare(stored: dict, made: dict, found: Verification) -> str | None:
    """What differs between a stored row and the same made again.

    Equal to the last bit is what the same renderer, processor and libraries
    give; otherwise labels must agree to ``LABEL_TOLERANCE`` and images to
    ``MIN_PSNR_DB``. Counts in ``found`` which it was.
    """
    texts = (*_IMAGE_COLUMNS, 'scene')
    if all(stored[name] == made[name] for name in texts) and (
        _label_difference(stored, made, np.array_equal) is None
    ):
        found.bitwise += 1
        return None
    difference = _label_difference(stored, made, _close)
    if difference:
        return difference
    psnr = _psnr(stored['image'], made['image'])
    found.psnr_db = min(found.psnr_db, psnr)
    if psnr < MIN_PSNR_DB:
        return f'PSNR {psnr:.1f} dB, expected {MIN_PSNR_DB:.0f}'
    for name, step in _EDGE_STEPS.items():
        if _edge_share(stored[name], made[name], step) > _EDGE_SHARE:
            return f'{name} differs in more than {_EDGE_SHARE:.0%} of pixels'
    return None


def _label_difference(
    stored: dict, made: dict, same: Callable[[np.ndarray, np.ndarray], bool]
) -> str | None:
    """The first label that is not the same, rounded to 32 bits."""
    if len(stored['hands']) != len(made['hands']):
        return f'{len(made["hands"])} hands, stored {len(stored["hands"])}'
    pairs = [('', stored, made)]
    for number, hand in enumerate(stored['hands']):
        pairs.append((f'hand {number} ', hand, made['hands'][number]))
    for prefix, old, new in pairs:
        for key in old.keys() - {*_IMAGE_COLUMNS, 'hands', 'scene'}:
            if isinstance(old[key], str):
                alike = old[key] == new[key]
            elif key == 'occluded' and same is _close:
                flips = np.asarray(old[key]) != np.asarray(new[key])
                alike = flips.sum() <= _OCCLUSION_FLIPS
            else:
                alike = same(*_rounded(old[key], new[key]))
            if not alike:
                return f'{prefix}{key} differs'
    return None


def _rounded(old, new) -> tuple[np.ndarray, np.ndarray]:
    old, new = (np.asarray(value, np.float32) for value in (old, new))
    return old, new.reshape(old.shape) if new.size == old.size else new


def _close(old: np.ndarray, new: np.ndarray) -> bool:
    return old.shape == new.shape and np.allclose(
        old, new, rtol=1e-6, atol=LABEL_TOLERANCE
    )


def _decoded(data: bytes, flag: int) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), flag)


def _psnr(old: bytes, new: bytes) -> float:
    pictures = [_decoded(data, cv2.IMREAD_COLOR) for data in (old, new)]
    if any(p is None for p in pictures) or (
        pictures[0].shape != pictures[1].shape
    ):
        return 0.0
    return float(cv2.PSNR(*pictures))


def _edge_share(old: bytes, new: bytes, step: int) -> float:
    """The share of pixels that differ by more than a step."""
    maps = [_decoded(data, cv2.IMREAD_UNCHANGED) for data in (old, new)]
    if any(m is None for m in maps) or maps[0].shape != maps[1].shape:
        return 1.0
    return float((cv2.absdiff(*maps) > step).mean())
