"""Forward and backward of hand layers on one batch, in one run.

The free hand beside `anny` (extra `bake`), MANO beside `smplx` (pip install
smplx) where those are installed. MANO's numbers come from --mano, or from a
generated file of the same sizes.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'projects'), str(ROOT / 'tests')]

from synhand.hands.anny_layer import AnnyLayer  # noqa: E402
from synhand.hands.mano import ManoHand, read_mano  # noqa: E402

Case = tuple[str, int, Callable[[], Tensor]]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--batch', type=int, default=32)
    parser.add_argument('--repeats', type=int, default=9)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--mano', type=Path, help='MANO_RIGHT.pkl or .npz')
    return parser.parse_args()


def leaf(*shape: int, device: str) -> Tensor:
    value = torch.randn(*shape, device=device) * 0.2
    return value.requires_grad_()


def own_cases(mano: Path, batch: int, device: str) -> list[Case]:
    """This package's two hands, whole and keypoints only."""
    cases: list[Case] = []
    for name, model in (
        ('AnnyLayer', AnnyLayer()),
        ('ManoHand', ManoHand(mano)),
    ):
        model = model.to(device)
        shape = leaf(batch, model.num_shape, device=device)
        pose = leaf(batch, model.num_joints, 3, device=device)
        turn = leaf(batch, 3, device=device)

        def whole(model=model, values=(shape, pose, turn)) -> Tensor:
            found = model(*values)
            return found.vertices.sum() + found.keypoints['mano'].sum()

        def light(model=model, values=(shape, pose, turn)) -> Tensor:
            return model(*values, vertices=False).keypoints['mano'].sum()

        cases.append((f'{name}, surface', model.num_vertices, whole))
        cases.append((f'{name}, keypoints only', 0, light))
    return cases


def anny_case(batch: int, device: str) -> list[Case]:
    try:
        import anny
    except ImportError:
        return []
    model = anny.Anny(rig='anny-hand.R', topology='hand.R').to(device)
    model = model.to(torch.float32)
    bones = len(model.bone_labels)
    vectors = leaf(batch, bones, 3, device=device)
    phenotype = torch.full((batch,), 0.5, device=device).requires_grad_()
    vertices = len(model.template_vertices)

    def run() -> Tensor:
        from synhand.hands.rotations import axis_angle_to_matrix

        turns = axis_angle_to_matrix(vectors)
        right = torch.zeros(batch, bones, 3, 1, device=device)
        poses = torch.cat([torch.cat([turns, right], -1), bottom], -2)
        found = model(poses, dict(age=phenotype))
        return found['vertices'].sum() + found['bone_poses'].sum()

    bottom = torch.tensor([0.0, 0, 0, 1], device=device)
    bottom = bottom.expand(batch, bones, 1, 4)
    return [(f'anny {_version("anny")}', vertices, run)]


def smplx_case(mano: Path, batch: int, device: str) -> list[Case]:
    try:
        import smplx
        from smplx.utils import Struct
    except ImportError:
        return []
    arrays = read_mano(mano)
    model = smplx.MANO(
        str(mano),
        data_struct=Struct(**arrays),
        use_pca=False,
        flat_hand_mean=True,
        batch_size=batch,
    ).to(device)
    shape = leaf(batch, 10, device=device)
    pose, turn = leaf(batch, 45, device=device), leaf(batch, 3, device=device)

    def run() -> Tensor:
        found = model(betas=shape, hand_pose=pose, global_orient=turn)
        return found.vertices.sum() + found.joints.sum()

    return [(f'smplx {_version("smplx")}', len(arrays['v_template']), run)]


def _version(package: str) -> str:
    from importlib.metadata import version

    return version(package)


def milliseconds(cases: list[Case], repeats: int, cuda: bool) -> list[float]:
    """Medians of forward and backward; the cases take turns.

    Processor time, which other programs do not change, or with a GPU wall
    time.
    """
    clock = time.perf_counter if cuda else time.process_time
    times: list[list[float]] = [[] for _ in cases]
    for _ in range(repeats + 2):
        for spent, (_, _, run) in zip(times, cases, strict=True):
            start = clock()
            run().backward()
            if cuda:
                torch.cuda.synchronize()
            spent.append(1e3 * (clock() - start))
    return [statistics.median(spent[2:]) for spent in times]


def main() -> None:
    args = parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        mano = args.mano or _generated(Path(folder))
        cases = own_cases(mano, args.batch, args.device)
        cases += anny_case(args.batch, args.device)
        cases += smplx_case(mano, args.batch, args.device)
    print(f'batch {args.batch}, {args.threads} threads, {args.device}')
    cuda = args.device.startswith('cuda')
    medians = milliseconds(cases, args.repeats, cuda)
    for (name, vertices, _), found in zip(cases, medians, strict=True):
        rate = 1e3 * args.batch / found
        print(f'{name:28}{vertices:6} vertices{found:9.1f} ms{rate:9.0f} /s')


def _generated(folder: Path) -> Path:
    from mano_factory import write_mano

    return write_mano(folder / 'MANO_RIGHT.pkl')


if __name__ == '__main__':
    main()
