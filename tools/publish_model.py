"""Make a small weight file of a training checkpoint.

The weights are those that `tools/test.py` would use (the averaged ones where
the training kept an average), in half precision, without anything else of
the checkpoint.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner.checkpoint import CheckpointLoader

from synhand.apis.loading import load_model
from synhand.zoo import write_weights


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('config', type=Path)
    parser.add_argument('checkpoint', type=Path)
    parser.add_argument('out', type=Path, help='OUT.safetensors')
    parser.add_argument(
        '--samples',
        type=int,
        help='samples seen in training (default: iterations times the '
        "config's batch size, right for one process)",
    )
    parser.add_argument(
        '--max-mb', type=float, default=15.0, help='largest size of the file'
    )
    args = parser.parse_args()
    if args.out.suffix != '.safetensors':
        parser.error(f'out: expected a name in .safetensors, got {args.out}')
    return args


def samples_seen(cfg: Config, checkpoint: Path) -> str:
    """Samples of the training, as far as config and checkpoint say."""
    content = CheckpointLoader.load_checkpoint(
        str(checkpoint), 'cpu', logger='silent'
    )
    steps = content.get('meta', {}).get('iter')
    batch = cfg.get('train_dataloader', {}).get('batch_size')
    known = steps is not None and batch is not None
    return str(steps * batch) if known else 'unknown'


def publish(args: argparse.Namespace) -> float:
    """Write the file and return its size in MB."""
    cfg = Config.fromfile(args.config)
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    model = load_model(cfg, args.checkpoint)
    samples = args.samples
    metadata = dict(
        config=args.config.name,
        samples_seen=str(
            samples_seen(cfg, args.checkpoint) if samples is None else samples
        ),
    )
    return write_weights(args.out, model.state_dict(), metadata, args.max_mb)


def main() -> int:
    args = parse_args()
    try:
        size = publish(args)
    except (ValueError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    print(f'{args.out}: {size:.1f} MB')
    return 0


if __name__ == '__main__':
    sys.exit(main())
