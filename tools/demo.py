"""From nothing to 3D hand joints: render, train, test, predict.

A taste, not a result: a small network, two thousand images, a few minutes.
What hours make of that network the released one shows at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from synhand.skeleton import SIDE_NAMES
from synhand.synthesis.config import GENERATOR_VERSION
from synhand.synthesis.shards import ShardSet

ROOT = Path(__file__).resolve().parents[1]
CONFIG = (
    'configs/hand_3d_keypoint/latent25d/'
    'latent25d_res18half-fpn_quick_synhand-96x96.py'
)
RELEASED = 'small-25d'
START = time.monotonic()


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--train-images', type=int, default=2000)
    parser.add_argument('--test-images', type=int, default=400)
    parser.add_argument('--pictures', type=int, default=24)
    parser.add_argument(
        '--cfg-options', nargs='*', default=[], help='passed to the training'
    )
    return parser.parse_args()


def step(text: str) -> None:
    print(f'\n[{time.monotonic() - START:4.0f} s] {text}', flush=True)


def run(*command: str, log: Path | None = None) -> None:
    """Run a tool of this project; its output goes to ``log`` if given.

    Raises:
        SystemExit: The tool failed; its last lines are shown.
    """
    full = [sys.executable, *command]
    if log is None:
        if subprocess.run(full, cwd=ROOT).returncode:
            raise SystemExit(f'demo: {command[0]} failed')
        return
    with log.open('w') as sink:
        code = subprocess.run(
            full, cwd=ROOT, stdout=sink, stderr=subprocess.STDOUT
        ).returncode
    if code:
        tail = '\n'.join(log.read_text().splitlines()[-15:])
        raise SystemExit(f'{tail}\ndemo: {command[0]} failed, see {log}')


def export_pictures(folder: Path, out: Path, count: int) -> None:
    """Write images of a set as files with an ``annotations.json``."""
    rows = ShardSet(folder)
    (out / 'images').mkdir(parents=True, exist_ok=True)
    entries = []
    for i in range(min(count, len(rows))):
        row = rows.row(i)
        name = f'images/{i:03d}.jpg'
        (out / name).write_bytes(row['image'])
        hand = row['hands'][0]
        entries.append(
            {
                'image': name,
                'hand': SIDE_NAMES[hand['side']],
                'bbox': hand['bbox'].tolist(),
                'K': row['camera_matrix'].tolist(),
            }
        )
    (out / 'annotations.json').write_text(json.dumps(entries))


def table(metrics: dict[str, float]) -> str:
    """The demo's result as lines of text."""
    rows = [
        ('3D error, root-aligned (MPJPE, mm)', 'MPJPE'),
        ('3D error, Procrustes-aligned (PA-MPJPE, mm)', 'PA-MPJPE'),
    ]
    lines = [f'{"":46}{"network":>9}{"constant pose":>15}']
    for text, key in rows:
        ours = metrics[f'hand3d/{key}']
        constant = metrics[f'hand3d/constant/{key}']
        lines.append(f'{text:46}{ours:9.1f}{constant:15.1f}')
    for threshold in ('0.05', '0.1', '0.2'):
        text = f'2D: share within {threshold} of the hand box (PCK)'
        lines.append(f'{text:46}{metrics[f"hand2d/PCK@{threshold}"]:9.3f}')
    ratio = metrics['hand3d/MPJPE'] / metrics['hand3d/constant/MPJPE']
    lines.append(f"MPJPE is {ratio:.0%} of the constant pose's")
    return '\n'.join(lines)


def last_checkpoint(work_dir: Path) -> str:
    return (work_dir / 'last_checkpoint').read_text().strip()


def main() -> None:
    args = parse_args()
    work = ROOT / 'work_dirs' / 'demo'
    data = work / f'data-v{GENERATOR_VERSION}'
    pictures = work / 'pictures'
    work.mkdir(parents=True, exist_ok=True)
    os.environ['SYNHAND_DATA'] = str(data)

    for name, count, seed in (
        ('train', args.train_images, 0),
        ('val', args.test_images, 1),
    ):
        step(f'rendering {count} images ({name})')
        run(
            'tools/synthesize.py',
            *('--out', str(data / 'synhand' / name), '--num', str(count)),
            *('--seed', str(seed), '--shard-size', '100'),
            *('--image-size', '192'),
        )
    step(f'training a small network (log: {work / "train.log"})')
    options = ('--cfg-options', *args.cfg_options) if args.cfg_options else ()
    run(
        'tools/train.py',
        *(CONFIG, '--work-dir', str(work), '--no-validate', *options),
        log=work / 'train.log',
    )
    checkpoint = last_checkpoint(work)
    step(f'testing on {args.test_images} images it has not seen')
    run(
        'tools/test.py',
        *(CONFIG, checkpoint, '--work-dir', str(work)),
        *('--out', str(work / 'metrics.json')),
        log=work / 'test.log',
    )
    metrics = json.loads((work / 'metrics.json').read_text())
    print(table(metrics))
    step(f'predicting {args.pictures} of them with the released {RELEASED}')
    export_pictures(data / 'synhand' / 'val', pictures, args.pictures)
    run(
        'tools/predict.py',
        *(str(pictures), '--out', str(work / 'predictions')),
        *('--annotations', str(pictures / 'annotations.json')),
        *('--model', RELEASED),
    )
    step('done')
    print(
        f'pictures: {work / "predictions"}\n'
        f'The training was a taste: {RELEASED} is what hours of it and more '
        'images make of a network of its kind. Next:\n'
        '  .venv/bin/python tools/predict.py YOUR_PHOTOS --out results\n'
        '  .venv/bin/python tools/synthesize.py --out data/synhand/train '
        '--num 100000\n'
        '  .venv/bin/python tools/train.py configs/hand_3d_keypoint/latent25d/'
        'latent25d_res18half-fpn_synhand-96x96.py'
    )


if __name__ == '__main__':
    main()
