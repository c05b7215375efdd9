"""All lifters on one fixed test set: error, time, memory.

2D keypoints are the labels of a synthetic set, the labels with noise, and
those of a model (the file of `tools/test.py ... --dump`). With --curve, the
error of nearest neighbours against the number of exemplars is drawn.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch
from mmengine.runner.checkpoint import CheckpointLoader

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'projects'))

import synhand  # noqa: E402, F401  mends third-party traps
from synhand.datasets.synthetic import SyntheticHandDataset  # noqa: E402
from synhand.datasets.transforms.keypoints import (  # noqa: E402
    LoadKeypoints2D,
    PackHandKeypoints,
)
from synhand.evaluation.functional import procrustes_errors  # noqa: E402
from synhand.geometry.pose25d import from_25d  # noqa: E402
from synhand.hands.anny_hand import default_hand  # noqa: E402
from synhand.models.lifters import (  # noqa: E402
    Lifter,
    MLPLifter,
    NeighbourLifter,
    PPCALifter,
)

KINDS = (NeighbourLifter, PPCALifter, MLPLifter)
NOISES = (0.0, 0.02, 0.05)
_BATCH = 64


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('set', type=Path, help='folder of a synthetic set')
    parser.add_argument(
        'checkpoints', type=Path, nargs='+', help='of tools/train.py'
    )
    parser.add_argument('--dump', help='2D of a model: tools/test.py --dump')
    parser.add_argument('--num', type=int, help='hands; default: all')
    parser.add_argument('--curve', type=Path, help='write the plot here')
    parser.add_argument(
        '--index', action='store_true', help='compare ways to search'
    )
    return parser.parse_args()


class TestSet:
    """The labels of a set, and 2D keypoints made of them."""

    def __init__(self, folder: Path, num: int | None) -> None:
        dataset = SyntheticHandDataset(str(folder), indices=num)
        self.samples = [dataset[i] for i in range(len(dataset))]

        def stack(key: str) -> np.ndarray:
            return np.concatenate([s[key] for s in self.samples])

        self.true = stack('keypoints_cam').astype(np.float64)
        self.cameras = stack('camera_matrix').astype(np.float64)
        self.mirrored = stack('hand_side') == 0

    def keypoints(self, noise: float, dump: str | None) -> np.ndarray:
        """(N, K, 2) px."""
        load = LoadKeypoints2D(dump) if dump else dict
        pack = PackHandKeypoints(noise=noise)
        found = [pack(load(dict(s)))['inputs'] for s in self.samples]
        return torch.stack(found)[..., :2].double().numpy()


def read_lifter(path: Path) -> Lifter:
    """The lifter of a checkpoint: the kind that its tensors belong to."""
    state = CheckpointLoader.load_checkpoint(str(path), 'cpu')
    state = {
        name.removeprefix('lifter.'): value
        for name, value in state['state_dict'].items()
    }
    for kind in KINDS:
        lifter = kind()
        if kind is NeighbourLifter and 'numbers' in state:
            sizes = len(state['numbers']), len(state['poses'])
            lifter = NeighbourLifter(*sizes)
        if lifter.state_dict().keys() == state.keys():
            lifter.load_state_dict(state)
            return lifter.eval()
    raise ValueError(f'{path}: expected the checkpoint of a lifter')


def megabytes(lifter: Lifter) -> float:
    """Tensors that the lifter holds when it is ready, its tree included."""
    tensors = [*lifter.parameters(), *lifter.buffers()]
    total = sum(t.numel() * t.element_size() for t in tensors)
    if isinstance(lifter, NeighbourLifter):
        tree = lifter.index()
        total += tree.data.nbytes + tree.indices.nbytes
        total += lifter._points.numel() * 4
    if isinstance(lifter, PPCALifter):
        total += sum(t.numel() * t.element_size() for t in lifter.grid())
    return total / 1e6


def measure(
    lifter: Lifter, test: TestSet, keypoints: np.ndarray
) -> tuple[float, float, float]:
    """PA-MPJPE of the shape as it is and warped to the 2D, and CPU ms."""
    shapes, times = [], []
    for start in range(0, len(keypoints), _BATCH):
        part = slice(start, start + _BATCH)
        began = time.process_time()
        shapes.append(
            lifter.lift(
                keypoints[part], test.cameras[part], test.mirrored[part]
            )
        )
        spent = time.process_time() - began
        times.append(1e3 * spent / len(keypoints[part]))
    shape = np.concatenate(shapes)
    lengths = default_hand().mean_bone_lengths('anatomical')
    warped = from_25d(
        np.concatenate([keypoints, shape[..., 2:]], -1),
        test.cameras,
        mean_bone_lengths_mm=lengths,
    )
    return (
        float(procrustes_errors(shape, test.true).mean()),
        float(procrustes_errors(warped, test.true).mean()),
        statistics.median(times),
    )


def table(paths: list[Path], test: TestSet, dump: str | None) -> None:
    inputs = {f'noise {noise:g}': (noise, None) for noise in NOISES}
    if dump:
        inputs['model'] = (0.0, dump)
    print(f'{len(test.true)} hands; PA-MPJPE in mm: lifted shape / warped')
    head = ''.join(f'{name:>16}' for name in inputs)
    print(f'{"":18}{head}{"ms":>8}{"MB":>8}')
    for path in paths:
        lifter = read_lifter(path)
        memory = megabytes(lifter)
        cells, times = [], []
        for noise, file in inputs.values():
            keypoints = test.keypoints(noise, file)
            shape, warped, spent = measure(lifter, test, keypoints)
            cells.append(f'{f"{shape:.2f} / {warped:.2f}":>16}')
            times.append(spent)
        name = type(lifter).__name__
        print(
            f'{name:18}{"".join(cells)}'
            f'{statistics.median(times):8.2f}{memory:8.0f}',
            flush=True,
        )


def neighbours_of(paths: list[Path]) -> NeighbourLifter:
    """The first checkpoint of nearest neighbours.

    Raises:
        ValueError: There is none.
    """
    for path in paths:
        lifter = read_lifter(path)
        if isinstance(lifter, NeighbourLifter):
            return lifter
    raise ValueError('expected a checkpoint of NeighbourLifter')


def searches(paths: list[Path], test: TestSet) -> None:
    """Trees over more or fewer components, and a matrix product."""
    lifter, keypoints = neighbours_of(paths), test.keypoints(0.0, None)
    for components in (8, 10, 12):
        lifter.components = components
        lifter.on_load()
        start = time.process_time()
        lifter.index()
        made = time.process_time() - start
        error, _, spent = measure(lifter, test, keypoints)
        print(
            f'tree of {components:2} components: made in {made:4.1f} s, '
            f'{spent:5.2f} ms, {error:.2f} mm',
            flush=True,
        )
    points, query = lifter._points, lifter._points[:_BATCH]
    squares = points.square().sum(1)
    start = time.process_time()
    (squares - 2 * query @ points.T).topk(lifter.neighbours, largest=False)
    spent = 1e3 * (time.process_time() - start) / _BATCH
    print(f'product with all exemplars: {spent:5.2f} ms')


def curve(paths: list[Path], test: TestSet, out: Path) -> None:
    """Error of nearest neighbours against the number of exemplars."""
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot

    lifter = neighbours_of(paths)
    counts = [10**p for p in (3, 3.5, 4, 4.5, 5, 5.5, 6)]
    figure, axes = pyplot.subplots(figsize=(5, 3.2), layout='constrained')
    poses = lifter.poses
    for noise in NOISES:
        keypoints = test.keypoints(noise, None)
        errors = []
        for count in counts:
            fitted = NeighbourLifter(int(count), len(poses))
            order = torch.randperm(
                len(poses), generator=torch.Generator().manual_seed(0)
            )
            fitted.fit(poses[order])
            error, _, spent = measure(fitted, test, keypoints)
            errors.append(error)
            print(
                f'noise {noise:g}{int(count):9} exemplars'
                f'{error:8.2f} mm{spent:8.2f} ms',
                flush=True,
            )
        axes.semilogx(counts, errors, 'o-', label=f'2D noise {noise:.0%}')
    axes.set(xlabel='exemplars', ylabel='PA-MPJPE in mm', ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(out)


def main() -> None:
    args = parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    test = TestSet(args.set, args.num)
    if args.index:
        searches(args.checkpoints, test)
    elif args.curve:
        curve(args.checkpoints, test, args.curve)
    else:
        table(args.checkpoints, test, args.dump)


if __name__ == '__main__':
    main()
