"""The same figures as the scripts of the benchmarks' authors, and stock's.

What the scripts printed for the arrays of `tests/benchmark_arrays.py`:

- FreiHAND: lmb-freiburg/freihand@5ea4ab9 `eval.py`
- HO-3D: shreyashampali/ho3d@2fd6ee1 `eval.py`
- DexYCB: NVlabs/dex-ycb-toolkit@64551b0 `dex_ycb_toolkit/hpe_eval.py`
- InterHand2.6M: facebookresearch/InterHand2.6M@5d0e456
  `data/InterHand2.6M/dataset.py`

The first three read the files that the submission metrics write. Their
sizes of the sets were set to that of the arrays; `np.trapz` is
`np.trapezoid`, Open3D's nearest distances are NumPy's.
"""

import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from mmpose.evaluation.metrics import (
    AUC,
    EPE,
    NME,
    InterHandMetric,
    PCKAccuracy,
)

import benchmark_arrays
from synhand.evaluation import (
    DexYCBSubmission,
    FreiHANDSubmission,
    HandKeypoint2DMetric,
    HandKeypoint3DMetric,
    HandMeshMetric,
    HO3DSubmission,
    InterHandOfficialMetric,
)
from synhand.evaluation.functional import procrustes_errors

COUNT = benchmark_arrays.HANDS

# printed in cm; name: script's figure
FREIHAND = {
    'hand3d/camera-MPJPE': 49.40053,
    'hand3d/camera-AUC@0-50': 0.425495,
    'hand3d/PA-MPJPE-official': 8.63876,
    'hand3d/PA-AUC-official@0-50': 0.827321,
    'mesh/camera-MPVPE': 49.78440,
    'mesh/camera-V-AUC@0-50': 0.417389,
    'mesh/PA-MPVPE-official': 9.84258,
    'mesh/PA-V-AUC-official@0-50': 0.803160,
    'mesh/camera-F@5': 0.158100,
    'mesh/camera-F@15': 0.554127,
    'mesh/PA-F-official@5': 0.600960,
    'mesh/PA-F-official@15': 0.993012,
}
HO3D = {
    **FREIHAND,
    'hand3d/ST-MPJPE': 43.86710,
    'hand3d/ST-AUC@0-50': 0.545214,
}
DEXYCB = {
    'hand3d/camera-MPJPE': 49.400534,
    'hand3d/camera-AUC@0-50': 0.42549503,
    'hand3d/MPJPE': 43.841202,
    'hand3d/AUC@0-50': 0.52501203,
    'hand3d/PA-MPJPE-official': 8.638764,
    'hand3d/PA-AUC-official@0-50': 0.82732083,
}
INTERHAND = {
    'MPJPE_all-macro': 14.03204830,
    'MPJPE_single-macro': 14.64130238,
    'MPJPE_interacting-macro': 13.35848573,
    'MRRPE': 15.874745470633052,
    'HandednessAcc': 0.88,
}


@pytest.fixture(scope='module')
def samples():
    return benchmark_arrays.samples(benchmark_arrays.hands_and_meshes())


@pytest.fixture(scope='module')
def scores(samples):
    result = {}
    for metric in (HandKeypoint3DMetric(), HandMeshMetric()):
        metric.process(None, samples)
        result.update(metric.evaluate(COUNT))
    return result


def run(metric, samples):
    metric.process(None, samples)
    return metric.evaluate(len(samples))


@pytest.mark.parametrize('expected', [FREIHAND, HO3D, DEXYCB])
def test_the_scripts_figures(scores, expected):
    found = {name: scores[name] for name in expected}
    assert found == pytest.approx(expected, abs=1e-5)


def test_mirrored_hands_part_the_two_procrustes(scores):
    """Every third prediction is mirrored in depth: the script forgives."""
    assert scores['hand3d/PA-MPJPE'] > 2 * scores['hand3d/PA-MPJPE-official']
    arrays = benchmark_arrays.hands_and_meshes()
    mirrored = arrays['true'] * [1, 1, -1]
    official = procrustes_errors(mirrored, arrays['true'], None, True)
    assert official.max() < 1e-6
    assert procrustes_errors(mirrored, arrays['true']).mean() > 10


def test_the_freihand_file_is_what_the_script_read(samples, tmp_path):
    """Metres, camera frame, standard order, in the order of the ids."""
    path = tmp_path / 'out' / 'pred.zip'
    metric = FreiHANDSubmission(str(path), count=COUNT)
    result = run(metric, samples[::-1])
    assert result['freihand/PA-MPJPE-official'] == pytest.approx(8.63876)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ['pred.json']
        xyz, vertices = json.loads(archive.read('pred.json'))
    assert np.shape(vertices) == (COUNT, 778, 3)
    arrays = benchmark_arrays.hands_and_meshes()
    np.testing.assert_allclose(xyz, arrays['predicted'] / 1000, atol=6e-8)
    np.testing.assert_allclose(
        vertices, arrays['predicted_mesh'] / 1000, atol=6e-8
    )
    assert [p.name for p in path.parent.iterdir()] == ['pred.zip']
    # a folder gets the name that the benchmark expects
    metric = FreiHANDSubmission(str(tmp_path / 'folder'), count=COUNT)
    run(metric, samples)
    assert (tmp_path / 'folder' / 'pred.zip').is_file()


def test_the_ho3d_file_is_in_opengls_frame_and_manos_order(samples, tmp_path):
    path = tmp_path / 'pred.zip'
    run(HO3DSubmission(str(path), count=COUNT), samples)
    with zipfile.ZipFile(path) as archive:
        xyz, _ = json.loads(archive.read('pred.json'))
    theirs = np.array(xyz)
    ours = benchmark_arrays.hands_and_meshes()['predicted'] / 1000
    # wrist, middle MCP, index tip; y up, z backward
    for their, our in ((0, 0), (4, 9), (17, 8)):
        np.testing.assert_allclose(
            theirs[:, their] * [1, -1, -1], ours[:, our], atol=6e-8
        )
    assert theirs[..., 2].max() < 0  # what HO-3D's own writer asks for


def test_the_dexycb_file_has_a_line_an_image(samples, tmp_path):
    path = tmp_path / 'dexycb.txt'
    run(DexYCBSubmission(str(path)), samples)
    lines = [line.split(',') for line in path.read_text().splitlines()]
    assert {len(line) for line in lines} == {64}
    assert [int(line[0]) for line in lines] == list(range(COUNT))
    found = np.array([line[1:] for line in lines], float).reshape(-1, 21, 3)
    expected = benchmark_arrays.hands_and_meshes()['predicted']
    np.testing.assert_allclose(found, expected, atol=6e-5)


def test_format_only_needs_no_truth_and_writes_misses_as_zeros(tmp_path):
    path = tmp_path / 'pred.zip'
    metric = FreiHANDSubmission(str(path), count=2, format_only=True)
    points = np.full((1, 21, 3), 700.0)
    found = run(
        metric,
        [
            dict(id=1, pred_instances=dict(keypoints_cam=points)),
            dict(id=0, pred_instances={}),
        ],
    )
    assert found == {}
    with zipfile.ZipFile(path) as archive:
        xyz, vertices = json.loads(archive.read('pred.json'))
    assert (np.array(xyz[0]) == 0).all() and (np.array(xyz[1]) == 0.7).all()
    assert vertices == [[[0, 0, 0]]] * 2  # not a MANO mesh, for the script


def test_a_hand_without_its_mesh_gets_a_mesh_of_zeros(samples, tmp_path):
    path = tmp_path / 'pred.zip'
    part = [dict(sample) for sample in samples[:2]]
    part[0] = dict(part[0], pred_instances={})
    run(FreiHANDSubmission(str(path), count=2, format_only=True), part)
    with zipfile.ZipFile(path) as archive:
        _, vertices = json.loads(archive.read('pred.json'))
    assert np.shape(vertices) == (2, 778, 3) and not np.any(vertices[0])


def test_wrong_submissions_are_refused(samples, tmp_path):
    path = str(tmp_path / 'pred.zip')
    with pytest.raises(ValueError, match='expected 3960 samples, got 24'):
        run(FreiHANDSubmission(path), samples)
    with pytest.raises(ValueError, match='two samples have one id, 3'):
        run(FreiHANDSubmission(path, count=None), [*samples, samples[3]])
    with pytest.raises(ValueError, match='metainfo has no `id`'):
        run(FreiHANDSubmission(path), [dict(pred_instances={})])
    meshes = [
        dict(id=n, pred_instances=dict(vertices_cam=np.zeros((1, 5 + n, 3))))
        for n in range(2)
    ]
    with pytest.raises(ValueError, match='vertices_cam: expected one shape'):
        run(FreiHANDSubmission(path, count=2, format_only=True), meshes)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ('set_name', 'camera', 'aligned'), [('freihand', 707.9, 47.3)]
)
def test_the_documented_scores_of_zeros(set_name, camera, aligned):
    """FreiHAND's README: 70.79 cm and, aligned, 4.73 cm."""
    folder = Path(os.environ.get('SYNHAND_DATA') or 'data') / set_name
    path = folder / 'evaluation_xyz.json'
    if not path.is_file():
        pytest.skip(f'no {path}: the published truth of the evaluation set')
    true = np.array(json.loads(path.read_text())) * 1000
    zeros = np.zeros((1, 21, 3))
    hands = [
        dict(
            gt_instances=dict(
                keypoints=hand[None, :, :2],
                keypoints_visible=np.ones((1, 21)),
                keypoints_cam=hand[None],
            ),
            pred_instances=dict(keypoints_cam=zeros),
        )
        for hand in true
    ]
    result = run(HandKeypoint3DMetric(), hands)
    assert result['hand3d/camera-MPJPE'] == pytest.approx(camera, abs=0.06)
    assert result['hand3d/PA-MPJPE-official'] == pytest.approx(
        aligned, abs=0.06
    )


# --- meshes ---------------------------------------------------------------


def test_meshes_of_another_topology_have_f_scores_alone(samples):
    """A mesh of half the vertices, aligned by the hand's keypoints."""
    part = []
    for sample in samples[:4]:
        truth = sample['gt_instances']
        found = {
            'keypoints_cam': truth['keypoints_cam'] * 1.3,
            'vertices_cam': truth['vertices_cam'][:, ::2] * 1.3,
        }
        part.append(dict(sample, pred_instances=found))
    result = run(HandMeshMetric(), part)
    assert np.isnan(result['mesh/PA-MPVPE'])
    assert np.isnan(result['mesh/camera-V-AUC@0-50'])
    assert result['mesh/PA-F@15'] > 0.95 > 0.5 > result['mesh/camera-F@15']
    assert (result['mesh/samples'], result['mesh/misses']) == (4, 0)


def test_missing_meshes_are_wrong_and_hands_without_truth_are_left_out(
    samples,
):
    before = run(HandMeshMetric(), samples[2:4])
    none = dict(samples[0], pred_instances={})
    no_truth = dict(samples[1], gt_instances={})
    after = run(HandMeshMetric(), [none, no_truth, *samples[2:4]])
    assert (after['mesh/samples'], after['mesh/misses']) == (3, 1)
    assert after['mesh/PA-MPVPE'] == before['mesh/PA-MPVPE']
    for name in ('mesh/PA-F@15', 'mesh/PA-V-AUC@0-50'):
        assert after[name] == pytest.approx(before[name] * 2 / 3)
    with pytest.raises(ValueError, match='no hand of the set has true vert'):
        run(HandMeshMetric(), [no_truth])


# --- two hands ------------------------------------------------------------


def test_interhand_is_scored_as_by_its_script_and_by_stock():
    pairs = benchmark_arrays.two_hands()
    stock = run(InterHandMetric(prefix='interhand'), pairs)
    ours = run(InterHandOfficialMetric(), pairs)
    found = {name: ours[f'interhand/{name}'] for name in INTERHAND}
    # the stock base computes the roots' distance with float32
    assert found == pytest.approx(INTERHAND, abs=2e-5)
    for name in ('all', 'single', 'interacting'):
        key = f'interhand/MPJPE_{name}'
        assert ours[f'{key}-pooled'] == pytest.approx(stock[key], rel=1e-6)
    for key in ('interhand/MRRPE', 'interhand/HandednessAcc'):
        assert ours[key] == pytest.approx(stock[key], rel=1e-6)
    # macro and pooled averages differ as soon as keypoints are missing
    gap = (
        ours['interhand/MPJPE_all-macro'] - ours['interhand/MPJPE_all-pooled']
    )
    assert abs(gap) > 0.1


def test_interhand_without_interacting_hands_says_nan_not_0():
    pairs = benchmark_arrays.two_hands()
    right = [pair for pair in pairs if pair['hand_type'][0, 1] == 0]
    ours = run(InterHandOfficialMetric(), right)
    assert np.isnan(ours['interhand/MPJPE_interacting-macro'])
    assert np.isnan(ours['interhand/MRRPE'])
    assert ours['interhand/MPJPE_all-macro'] > 0
    only = run(InterHandOfficialMetric(modes=['HandednessAcc']), right)
    assert set(only) == {'interhand/HandednessAcc'}
    with pytest.raises(ValueError, match='no sample to evaluate'):
        InterHandOfficialMetric().evaluate(0)


# --- stock metrics of 2D --------------------------------------------------


def test_2d_scores_are_those_of_stock_metrics():
    rng = np.random.default_rng(3)
    hands = []
    for _ in range(25):
        true = rng.uniform(0, 200, (1, 21, 2))
        visible = (rng.random((1, 21)) < 0.8).astype(np.float32)
        box = np.concatenate([true.min(1), true.max(1)], -1)
        truth = {
            'keypoints': true,
            'keypoints_visible': visible,
            'bboxes': box,
            'head_size': rng.uniform(20, 40, 1),
        }
        found = {'keypoints': true + rng.normal(0, 12, true.shape)}
        hands.append(dict(gt_instances=truth, pred_instances=found))
    ours = run(HandKeypoint2DMetric(), hands)
    stock = {
        'PCKh@0.7': run(PCKAccuracy(thr=0.7, norm_item='head'), hands)['PCKh'],
        'AUC': run(AUC(norm_factor=30), hands)['AUC'],
        'EPE': run(EPE(), hands)['EPE'],
        'NME': run(NME('use_norm_item', 'bbox_size'), hands)['NME'],
    }
    for t in (0.05, 0.1, 0.2):
        stock[f'PCK@{t}'] = run(PCKAccuracy(thr=t), hands)['PCK']
    assert {k: ours[f'hand2d/{k}'] for k in stock} == pytest.approx(
        stock, rel=1e-6
    )
