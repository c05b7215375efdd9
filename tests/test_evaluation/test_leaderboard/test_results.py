"""What dumps score, as tables and as a page."""

import base64
import re

import cv2
import numpy as np
import pytest

import benchmark_arrays
from dump_factory import write_dump
from helpers import random_local_hands
from synhand.evaluation import HandKeypoint2DMetric, HandKeypoint3DMetric
from synhand.evaluation.leaderboard import (
    BENCHMARKS,
    Dump,
    all_tables,
    html_page,
    markdown,
    published,
    read_dump,
    score_dump,
)

MISSION = {
    'freihand',
    'interhand',
    'hiu_dmtl',
    'onehand10k',
    'coco_wholebody_hand',
    'panoptic',
}


@pytest.fixture(scope='module')
def dumps(tmp_path_factory):
    folder = tmp_path_factory.mktemp('dumps')
    return [
        read_dump(write_dump(folder / f'{name}.pkl', noise=noise))
        for name, noise in (
            ('good@ge2019', 5),
            ('bad@ge2019', 40),
            ('good@home', 5),
        )
    ]


@pytest.fixture(scope='module')
def results(dumps):
    return [result for dump in dumps for result in score_dump(dump)]


def named(results, name, benchmark='ge2019'):
    return next(
        r for r in results if r.name == name and r.benchmark.name == benchmark
    )


def test_cells_are_those_of_the_metrics_with_intervals(dumps, results):
    expected = {}
    for metric in (HandKeypoint2DMetric(), HandKeypoint3DMetric(floors=True)):
        metric.process(None, dumps[0].samples)
        values = metric.evaluate(12)
        expected.update({k.split('/', 1)[1]: v for k, v in values.items()})
    good = named(results, 'good')
    assert good.count == 12 and good.misses == 0
    assert set(good.cells) == set(good.benchmark.measures)
    for name, cell in good.cells.items():
        assert cell.value == pytest.approx(expected[name])
        assert cell.low <= cell.value <= cell.high
    floor = named(results, 'constant pose')
    assert floor.floor
    for name in ('MPJPE', 'PA-MPJPE'):
        value = floor.cells[name].value
        assert value == pytest.approx(expected[f'constant/{name}'])
    flat = named(results, 'true 2D, z = 0').cells
    assert set(flat) == {'PA-MPJPE', 'PA-MPJPE-official', 'PA-AUC@0-50'}
    # two models on the same hands: the same floors
    assert named(results[3:], 'constant pose').cells == floor.cells


def test_the_constant_in_the_box_is_a_mean_of_boxes(tmp_path):
    path = write_dump(tmp_path / 'a@onehand10k.pkl', count=5, has_3d=False)
    dump = read_dump(path)
    truths = [sample['gt_instances'] for sample in dump.samples]
    places = []
    for truth in truths:
        low, high = truth['bboxes'][0, :2], truth['bboxes'][0, 2:]
        side = (high - low).max()
        places.append((truth['keypoints'][0] - (low + high) / 2) / side)
    mean = np.mean(places, axis=0)
    errors = [np.linalg.norm(place - mean, axis=-1) for place in places]
    model, floor = score_dump(dump)
    assert floor.cells['NME'].value == pytest.approx(np.mean(errors))
    assert 'PA' not in model.errors and model.ranking.shape == (5,)


def test_a_set_without_labels_only_counts(tmp_path):
    path = write_dump(
        tmp_path / 'a@freihand.pkl', count=3, has_2d=False, has_3d=False
    )
    (model,) = score_dump(read_dump(path))
    assert model.count == 0 and not model.cells
    table = all_tables([model], [], {})[1]
    assert table.rows[0][-1] == 'no labels in the dump'
    assert 'CHECKPOINT' in all_tables([model], [], {})[0].rows[0][-1]


def test_misses_are_counted_and_rank_nowhere(tmp_path):
    dump = read_dump(write_dump(tmp_path / 'a@rhd.pkl', count=4))
    dump.samples[2]['pred_instances'] = {}
    model = score_dump(dump)[0]
    assert model.misses == 1 and np.isnan(model.ranking[2])
    assert np.isfinite(model.ranking).sum() == 3
    assert np.isfinite(model.cells['palm-MPJPE'].value)


def test_meshes_two_hands_and_views_have_their_measures(tmp_path):
    samples = benchmark_arrays.samples(benchmark_arrays.hands_and_meshes())
    for sample in samples:
        sample['gt_instances']['bboxes'] = np.array([[0, 0, 9, 9.0]])
    model = score_dump(Dump('m', 'freihand', samples, tmp_path))[0]
    assert model.cells['PA-F-official@5'].value == pytest.approx(
        0.60096, abs=1e-5
    )
    pairs = benchmark_arrays.two_hands()
    for pair in pairs:
        pair['gt_instances']['keypoints'] = np.zeros((1, 42, 3))
    (two,) = score_dump(Dump('m', 'interhand', pairs, tmp_path))
    mesh = model.cells['PA-MPVPE-official']
    assert mesh.low < mesh.value < mesh.high
    cell = two.cells['MPJPE_all-macro']
    assert cell.value == pytest.approx(14.032048)
    assert cell.low < cell.value < cell.high

    hands = random_local_hands(np.random.default_rng(0), 3)
    views = [
        dict(
            img_path=f'01-01-00{g}-01-0{v}.jpg',
            gt_instances={},
            pred_instances=dict(keypoints_cam=hands[g : g + 1]),
        )
        for g in range(3)
        for v in range(2)
    ]
    (several,) = score_dump(Dump('m', 'signwriting', views, tmp_path))
    assert several.count == 6
    assert several.cells['PA-within'].value < 1e-6
    assert several.cells['PA-retrieval'].value == 1
    between = several.cells['PA-between']
    assert between.low < between.value < between.high
    assert several.cells['chance'].value == pytest.approx(1 / 5)


def test_every_set_of_the_mission_is_a_row_with_its_command():
    tables = all_tables([], published(), {})
    assert {b.name for b in BENCHMARKS if b.mission} == MISSION
    summary = tables[0]
    assert len(summary.rows) == len(BENCHMARKS) == len(tables) - 1
    for benchmark, row, table in zip(
        BENCHMARKS, summary.rows, tables[1:], strict=True
    ):
        assert row[-1] == table.command == benchmark.command
        assert f'@{benchmark.name}.pkl' in row[-1]
        assert table.rows[0][0] == '(no dump)'
        widths = {len(row) for row in [table.head, *table.rows]}
        assert len(widths) == 1


def test_the_commands_name_configs_that_exist(root):
    for benchmark in BENCHMARKS:
        assert (root / benchmark.config).is_file(), benchmark.config


def test_published_numbers_have_a_source_and_a_column():
    by_name = {benchmark.name: benchmark for benchmark in BENCHMARKS}
    rows = published()
    assert len(rows) > 50
    for row in rows:
        assert row.source and row.trained_on and row.measures, row
        columns = by_name[row.benchmark].measures
        assert set(row.measures) <= set(columns), row
        for name, value in row.measures.items():
            share = any(part in name for part in ('AUC', 'PCK', 'F-'))
            assert 0 < value < (1 if share else 200), row
    keys = [(r.benchmark, r.method, r.trained_on) for r in rows]
    assert len(set(keys)) == len(keys)


def test_markdown_has_models_floors_and_published_numbers(results):
    tables = all_tables(results, published(), {'good': 'made hands'})
    text = markdown(tables)
    good = named(results, 'good').cells['PA-MPJPE']
    cell = f'{good.value:.2f} [{good.low:.2f}, {good.high:.2f}]'
    (line,) = [r for r in tables[0].rows if r[0].startswith('Ge et al.')]
    assert line[2] == f'{cell}, n 12' and line[-1] == ''
    (line,) = [r for r in text.splitlines() if r.startswith('| good | made')][
        :1
    ]
    assert cell in line and '| 12 |' in line
    assert '| true 2D, z = 0 | - | 12 |' in text
    assert text.count('## home') == 1 and 'SHaF (synthetic only)' in text
    freihand = next(r for r in tables[0].rows if r[0] == 'FreiHAND *')
    assert freihand[5:7] == [
        '5.00†, HandOS',
        '7.60†, Mesh Graphormer on SynFrei',
    ]
    # the floors of a benchmark stand there once, however many models
    ge2019 = next(t for t in tables if t.title.startswith('Ge et al.'))
    assert [row[0] for row in ge2019.rows] == [
        'good',
        'bad',
        'constant pose',
        'true 2D, z = 0',
    ]


def test_the_page_stands_alone(dumps, results):
    tables = all_tables(results, published(), {})
    page = html_page(tables, results, dumps, pictures=2)
    assert '<script' not in page
    references = set(re.findall(r'(?:src|href)="([^"]{5})', page))
    assert {r for r in references if r[0] != '#'} == {'data:'}
    assert page.count('<svg') == 2 * 4
    # best and worst of each model on each benchmark, the best first
    assert page.count('<figure>') == 3 * 2 * 2
    first = re.search(r'<h3>good: best samples</h3>.*?alt="([\d.]+) mm', page)
    best = np.nanmin(named(results, 'good').ranking)
    assert float(first.group(1)) == pytest.approx(best, abs=0.05)
    image = base64.b64decode(re.search(r'base64,([^"]+)', page).group(1))
    picture = cv2.imdecode(np.frombuffer(image, np.uint8), 1)
    assert picture.shape == (140, 4 * 140, 3)
    home = [r for r in results if r.benchmark.name == 'home']
    without = html_page(all_tables(home, [], {}), home, dumps[2:], 0)
    assert '<figure>' not in without and without.count('<svg') == 4
