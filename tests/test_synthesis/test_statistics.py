"""Statistics: what a slow loop over the rows counts, from columns."""

import json

import numpy as np
import pyarrow as pa
import pytest

from helpers import random_rotations
from shard_factory import make_row, write_shards
from synhand.hands.anatomy import LOWER, UPPER
from synhand.hands.anny_hand import default_hand
from synhand.skeleton import BONES
from synhand.synthesis.counters import (
    MAP_SHAPE,
    Histogram,
    evenness,
    hand_directions,
    view_map,
)
from synhand.synthesis.label_columns import read_labels
from synhand.synthesis.shards import ShardError, ShardSet, write_shard
from synhand.synthesis.statistics import CHILD_MM, SetStatistics, measure


def rich_row(index):
    """A row with one to three hands, all angles, and facts of the scene."""
    rng = np.random.default_rng(index)
    row = make_row(index)
    for other in range(index % 3):
        row['hands'] += make_row(100 + index + other)['hands']
    for hand in row['hands']:
        hand['pose'] = rng.uniform(LOWER, UPPER)
        hand['occluded'] = rng.integers(0, 2, 21)
        hand['shape'] = np.array([0.5, 150.0 + 20 * (index % 2)])
        hand['kind'] = ('free', 'gesture:fist')[index % 2]
    row['scene'] = json.dumps(
        {
            'tone': rng.uniform(1, 10),
            'attempts': int(rng.integers(1, 4)),
            'repaired': float(index % 2) / 2,
            'surfaces': [1, 4, 4, 9][: 1 + index % 4],
            'kind': ('people', 'crop')[index % 2],
            'touching': index % 3 == 0,
            'rejected': {'hidden': index % 5} if index % 5 else {},
            'new fact': {'of': ['another', 'version']},
        }
    )
    return row


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp('set')
    write_shard(out / 'shard-00000.arrow', map(rich_row, range(70)))
    write_shard(out / 'shard-00001.arrow', map(rich_row, range(70, 91)))
    return out


@pytest.fixture(scope='module')
def rows(folder):
    shards = ShardSet(folder)
    return [shards.row(i) for i in range(len(shards))]


def test_labels_are_the_rows(folder, rows):
    """Slices of 8 rows cut batches of 64 in the middle."""
    at = 0
    for number in range(2):
        path = folder / f'shard-0000{number}.arrow'
        for labels in read_labels(path, slice_rows=9):
            for k, index in enumerate(labels.index):
                row = rows[at]
                assert index == row['index']
                np.testing.assert_array_equal(
                    labels.camera_matrix[k], row['camera_matrix']
                )
                hands = np.flatnonzero(labels.row == k)
                assert len(hands) == len(row['hands'])
                assert labels.target[hands].tolist() == [True] + [False] * (
                    len(hands) - 1
                )
                for h, hand in zip(hands, row['hands'], strict=True):
                    for ours, theirs in (
                        ('keypoints_cam', 'keypoints_cam_anatomical'),
                        ('keypoints_cam_mano', 'keypoints_cam_mano'),
                        ('keypoints_2d', 'keypoints_2d'),
                        ('bbox', 'bbox'),
                        ('pose', 'pose'),
                        ('occluded', 'occluded'),
                        ('side', 'side'),
                    ):
                        np.testing.assert_array_equal(
                            getattr(labels, ours)[h], hand[theirs]
                        )
                    assert labels.kind[int(h)].as_py() == hand['kind']
                at += 1
    assert at == len(rows)


def test_counts_are_those_of_a_slow_loop(folder, rows):
    found = measure(folder)
    targets = [row['hands'][0] for row in rows]
    scenes = [json.loads(row['scene']) for row in rows]
    assert found.rows == 91
    assert found.hands == sum(len(row['hands']) for row in rows)
    assert found.hands_per_image == {1: 31, 2: 30, 3: 30}
    assert found.image_sizes == {(128, 128): 91}
    assert found.kinds == {'free': 46, 'gesture:fist': 45}
    assert found.sides == {1: 46, 0: 45}
    seen = sum(np.array(hand['occluded']) == 0 for hand in targets)
    np.testing.assert_array_equal(found.seen, seen)
    for count in range(22):
        assert found.hidden[count] == sum(
            hand['occluded'].sum() == count for hand in targets
        )
    for attempts in (1, 2, 3):
        assert found.attempts[attempts] == sum(
            scene['attempts'] == attempts for scene in scenes
        )
    assert found.opened == 45
    for code in (1, 4, 9):
        assert found.surfaces[code] == sum(
            code in scene['surfaces'] for scene in scenes
        )
    for kind in ('people', 'crop'):
        assert found.scenes[kind] == sum(s['kind'] == kind for s in scenes)
    assert found.touching == sum(scene['touching'] for scene in scenes)
    assert found.rejected['hidden'] == sum(
        scene['rejected'].get('hidden', 0) for scene in scenes
    )
    assert found.rejected['order'] == 0


def test_bones_of_adults_and_children_are_those_of_a_slow_loop(folder, rows):
    found = measure(folder).bones_mm
    for group, small in (('adults', False), ('children', True)):
        lengths = []
        for hand in (row['hands'][0] for row in rows):
            points = hand['keypoints_cam_anatomical']
            if (hand['shape'][-1] < CHILD_MM) == small:
                bones = [points[c] - points[p] for p, c in BONES]
                lengths.append(np.linalg.norm(bones, axis=1))
        moments = found[group]
        assert moments.count == len(lengths) > 20
        np.testing.assert_allclose(moments.mean, np.mean(lengths, 0), 1e-5)
        np.testing.assert_allclose(
            moments.deviation, np.std(lengths, 0), 1e-3, 1e-3
        )
        np.testing.assert_allclose(moments.lowest, np.min(lengths, 0), 1e-5)
        np.testing.assert_allclose(moments.highest, np.max(lengths, 0), 1e-5)


def test_every_hand_counts_in_the_shares_in_the_image(folder, rows):
    found = measure(folder)
    hands = [hand for row in rows for hand in row['hands']]
    inside = []
    for hand in hands:
        pixels = np.array(hand['keypoints_2d'])
        inside.append(((pixels >= -0.5) & (pixels <= 127.5)).all(1).mean())
    seen = [(np.array(hand['occluded']) == 0).mean() for hand in hands]
    for values, histogram in (
        (inside, found.in_frame),
        (seen, found.in_view),
    ):
        expected, _ = np.histogram(values, histogram.edges)
        np.testing.assert_array_equal(histogram.counts, expected)


def test_histograms_hold_the_values(folder, rows):
    found = measure(folder)
    boxes = [row['hands'][0]['bbox'] for row in rows]
    side = [max(b[2] - b[0], b[3] - b[1]) for b in boxes]
    expected, _ = np.histogram(side, found.box_px.edges)
    np.testing.assert_array_equal(found.box_px.counts, expected)
    tones = [json.loads(row['scene'])['tone'] for row in rows]
    expected, _ = np.histogram(tones, found.tone.edges)
    np.testing.assert_array_equal(found.tone.counts, expected)
    views = [
        2 * np.degrees(np.arctan(64 / row['camera_matrix'][0, 0]))
        for row in rows
    ]
    expected, _ = np.histogram(views, found.view_degrees.edges)
    np.testing.assert_array_equal(found.view_degrees.counts, expected)
    for angle in (0, 13, 25):
        values = [np.degrees(r['hands'][0]['pose'][angle]) for r in rows]
        histogram = found.pose_degrees[angle]
        expected, _ = np.histogram(values, histogram.edges)
        np.testing.assert_array_equal(histogram.counts, expected)


def test_facts_that_a_set_lacks_are_left_out(tmp_path):
    found = measure(write_shards(tmp_path))
    assert found.rows == 12
    assert not found.attempts
    assert found.opened == 0
    assert found.tone.counts.sum() == 0
    assert all(h.counts.sum() == 0 for h in found.pose_degrees)


def test_images_are_not_read(folder):
    image_bytes = sum(p.stat().st_size for p in folder.glob('*.arrow'))
    pool = pa.default_memory_pool()
    before = pool.bytes_allocated()
    statistics = SetStatistics()
    for labels in read_labels(folder / 'shard-00000.arrow', slice_rows=10):
        statistics.add(labels)
        assert pool.bytes_allocated() - before < image_bytes / 4


def test_set_without_a_column_is_read(folder, tmp_path):
    with pa.memory_map(str(folder / 'shard-00001.arrow')) as source:
        table = pa.ipc.open_stream(source).read_all()
    for name in ('mask', 'hands'):
        path = tmp_path / f'shard-{name}.arrow'
        with pa.ipc.new_stream(
            str(path), table.drop_columns([name]).schema
        ) as writer:
            writer.write_table(table.drop_columns([name]))
    labels = next(read_labels(tmp_path / 'shard-mask.arrow'))
    assert len(labels.index) == 21
    with pytest.raises(ShardError, match=r"no columns \['hands'\]"):
        next(read_labels(tmp_path / 'shard-hands.arrow'))


def test_damaged_and_missing_shards_are_named(tmp_path):
    with pytest.raises(ShardError, match='no shard-.*arrow in it'):
        measure(tmp_path)
    (tmp_path / 'shard-00000.arrow').write_bytes(b'nothing')
    with pytest.raises(ShardError, match='00000.arrow: not a readable shard'):
        measure(tmp_path)


@pytest.mark.parametrize('side', [0, 1])
def test_directions_are_the_hand_frames_axes(side):
    hand = default_hand()
    rest = hand.rest(hand.people[0], 190.0)
    points = hand.pose_keypoints(rest, np.zeros(26))['anatomical']
    rng = np.random.default_rng(0)
    mirror = np.diag([1.0 if side else -1.0, 1, 1])
    turns = random_rotations(rng, 20) @ mirror
    placed = points @ turns.transpose(0, 2, 1) + [0, 0, 500]
    palm, fingers = hand_directions(placed, np.full(20, side))
    assert (np.einsum('ni,ni->n', palm, turns[:, :, 2]) > 0.98).all()
    assert (np.einsum('ni,ni->n', fingers, turns[:, :, 1]) > 0.98).all()


def test_view_map_places_directions_as_the_image_does():
    rows, columns = MAP_SHAPE
    slightly = 1e-3
    for direction, row, column in (
        ((slightly, slightly, -1), rows // 2, columns // 2),
        ((-1, slightly, -slightly), rows // 2, columns // 4),
        ((1, slightly, slightly), rows // 2, 3 * columns // 4),
        ((slightly, slightly, 1), rows // 2, columns - 1),
        ((slightly, -1, -slightly), 0, None),
        ((slightly, 1, -slightly), rows - 1, None),
    ):
        unit = np.array([direction]) / np.linalg.norm(direction)
        counts = view_map(unit)
        assert counts.sum() == 1
        assert counts[row].sum() == 1
        if column is not None:
            assert counts[row, column] == 1


def test_even_directions_fill_all_cells_alike():
    rng = np.random.default_rng(1)
    directions = rng.normal(size=(200_000, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    counts = view_map(directions)
    mean = 200_000 / counts.size
    assert np.abs(counts - mean).max() < 6 * np.sqrt(mean)
    assert evenness(counts) > 0.99
    single = view_map(np.tile([[0.0, 0, -1]], (5, 1)))
    assert evenness(single) == pytest.approx(1 / single.size)


def test_quantiles_and_the_ends_of_a_histogram():
    rng = np.random.default_rng(2)
    values = rng.normal(50, 10, 5000)
    histogram = Histogram(0, 100, 100)
    histogram.add(values[:2000].reshape(20, 100))
    histogram.add(np.append(values[2000:], np.nan))
    shares = (0.05, 0.5, 0.95)
    np.testing.assert_allclose(
        histogram.quantiles(shares), np.quantile(values, shares), atol=0.5
    )
    histogram.add(np.array([-5.0, 1000.0]))
    assert histogram.counts[0] == 1
    assert histogram.counts[-1] == 1
    assert np.isnan(Histogram(0, 1, 2).quantiles((0.5,))).all()
