"""The benchmarks of the table, and which measures each is known by."""

from __future__ import annotations

from dataclasses import dataclass

_3D = ('PA-MPJPE', 'PA-MPJPE-official', 'MPJPE', 'PA-AUC@0-50', 'AUC@20-50')
_2D = ('AUC', 'EPE', 'PCK@0.2', 'PCK@0.1', 'PCK@0.05', 'NME')
_2D_OF_BOX = ('NME', 'PCK@0.05', 'PCK@0.1', 'PCK@0.2', 'EPE')
_2D_OF_3D = ('PCK@0.1', 'NME')
_INTERHAND = (
    'MPJPE_all-macro',
    'MPJPE_single-macro',
    'MPJPE_interacting-macro',
    'MPJPE_all-pooled',
    'MPJPE_single-pooled',
    'MPJPE_interacting-pooled',
    'MRRPE',
    'HandednessAcc',
)
_MULTIVIEW = (
    *('PA-within', 'PA-between', 'PA-ratio'),
    *('PA-retrieval', 'chance', 'rotation-within', 'rotation-between'),
)

LARGER_IS_BETTER = ('AUC', 'PCK', 'F@', 'F-official@', 'Acc', 'retrieval')
"""Parts of the names of measures that grow with quality."""


@dataclass(frozen=True)
class Benchmark:
    """A test set in the table.

    Attributes:
        name: What dumps and published numbers call it; the `dataset_name`
            of the dataset's metainfo where that says enough.
        title: For people.
        protocol: What is measured, and on what.
        measures: Columns, the first is the one of the summary.
        config: That fills it, from the root of the checkout; '' for none.
        mission: One of the six test sets that this project is for.
        groups: For sets without labels that show one pose from several
            cameras: where the file name names the pose.
    """

    name: str
    title: str
    protocol: str
    measures: tuple[str, ...]
    config: str
    mission: bool = False
    groups: str | None = None

    @property
    def command(self) -> str:
        """The one command that fills its row; '' for a set not listed."""
        if not self.config:
            return ''
        return (
            f'tools/test.py {self.config} CHECKPOINT '
            f'--dump MODEL@{self.name}.pkl'
        )

    @property
    def headline(self) -> str:
        return self.measures[0]


def _benchmark(
    name: str,
    title: str,
    protocol: str,
    measures: tuple[str, ...],
    mission: bool = False,
    groups: str | None = None,
    config: str | None = None,
) -> Benchmark:
    config = config or f'configs/benchmarks/latent25d_{name}.py'
    return Benchmark(name, title, protocol, measures, config, mission, groups)


BENCHMARKS: tuple[Benchmark, ...] = (
    _benchmark(
        'freihand',
        'FreiHAND',
        'official evaluation, 3,960 images of right hands; camera and length '
        'of the middle phalanx given; published figures use the alignment '
        'that may mirror (-official)',
        (
            'PA-MPJPE-official',
            'PA-MPJPE',
            'MPJPE',
            'camera-MPJPE',
            'PA-AUC-official@0-50',
            'PA-MPVPE-official',
            'PA-F-official@5',
            'PA-F-official@15',
        ),
        mission=True,
    ),
    _benchmark(
        'interhand',
        'InterHand2.6M',
        'test; wrist-aligned; -macro is the official average over keypoints, '
        '-pooled that of MMPose; MPJPE and PA-MPJPE: models of one hand, '
        "which are given each hand's box, of single and interacting hands",
        (*_INTERHAND, 'MPJPE', 'PA-MPJPE'),
        mission=True,
    ),
    _benchmark(
        'hiu_dmtl',
        'HIU-DMTL',
        'test, 2D; box: the tight box of the keypoints',
        _2D_OF_BOX,
        mission=True,
    ),
    _benchmark(
        'onehand10k',
        'OneHand10K',
        "test, 2D; MMPose's files and measures; box: that of the file",
        _2D,
        mission=True,
    ),
    _benchmark(
        'coco_wholebody_hand',
        'COCO-WholeBody, hands',
        "val 2017, 2D; MMPose's measures; box: that of the file",
        _2D,
        mission=True,
    ),
    _benchmark(
        'panoptic',
        'CMU Panoptic, hands',
        "manual_test, 2D; MMPose's measures; PCKh of the head's size",
        ('AUC', 'EPE', 'PCKh@0.7', 'PCK@0.1', 'NME'),
        mission=True,
    ),
    _benchmark(
        'rhd',
        'RHD',
        "evaluation; palm-: the palm's centre in place of the wrist, its true "
        'place and the true length of the middle phalanx given (Zimmermann '
        'and Brox 2017)',
        ('palm-AUC@20-50', 'palm-MPJPE', 'PA-MPJPE', *_2D_OF_3D),
    ),
    _benchmark(
        'stb',
        'STB',
        'sequence B1; palm-: as RHD',
        ('palm-AUC@20-50', 'palm-MPJPE', 'PA-MPJPE', *_2D_OF_3D),
    ),
    _benchmark(
        'ho3d_v2',
        'HO-3D v2',
        'evaluation; published figures use the alignment that may mirror',
        ('PA-MPJPE-official', 'PA-MPJPE', 'ST-MPJPE', 'PA-F-official@5'),
    ),
    _benchmark(
        'ho3d_v3',
        'HO-3D v3',
        'evaluation; published figures use the alignment that may mirror',
        ('PA-MPJPE-official', 'PA-MPJPE', 'ST-MPJPE', 'PA-F-official@5'),
    ),
    _benchmark(
        'dexycb',
        'DexYCB',
        'split S0, test; published figures use the alignment that may mirror',
        ('PA-MPJPE-official', 'MPJPE', 'PA-MPJPE', 'camera-MPJPE'),
    ),
    _benchmark(
        'ge2019',
        'Ge et al. 2019, real-world',
        'photos of one left hand; box, side and camera given',
        (*_3D, *_2D_OF_3D),
    ),
    _benchmark(
        'ti1k',
        'TI1K',
        'test; tips of thumb and index finger; box: that of the file',
        _2D_OF_BOX,
    ),
    _benchmark(
        'signwriting',
        'SignWriting hands',
        'six views of each of 60 hand shapes, no labels: agreement of the '
        'views of a shape (within) against different shapes (between); '
        'intervals over shapes; a constant pose has the ratio 1',
        _MULTIVIEW,
        groups=r'^(\d+-\d+-\d+)-',
    ),
    _benchmark(
        'synhand',
        'Held-out synthetic',
        'images of the generator that no model was trained on',
        (*_3D, *_2D_OF_3D),
        config='configs/hand_3d_keypoint/latent25d/'
        'latent25d_res18half-fpn_synhand-96x96.py',
    ),
)

_BY_NAME = {benchmark.name: benchmark for benchmark in BENCHMARKS}


def find_benchmark(name: str) -> Benchmark:
    """The benchmark of a name; one that is not listed has all 3D columns."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    return Benchmark(name, name, 'not listed', (*_3D, *_2D), config='')


def larger_is_better(measure: str) -> bool:
    """Whether a measure grows with quality."""
    return any(part in measure for part in LARGER_IS_BETTER)
