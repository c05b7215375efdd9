"""ColorHandPose3D's three trained parts in one checkpoint."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / 'projects'))

import synhand  # noqa: E402, F401  mends third-party traps


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', type=Path, help='of a ColorHandPose3D')
    parser.add_argument('segmenter', help='checkpoint of HandSegNet')
    parser.add_argument('posenet', help='checkpoint of PoseNet')
    parser.add_argument('lifting', help='checkpoint of PosePrior, ViewPoint')
    parser.add_argument('--out', type=Path, required=True)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    from mmengine.config import Config
    from mmengine.registry import init_default_scope
    from mmpose.registry import MODELS

    from synhand.models.color_hand_pose import join_parts
    from synhand.zoo.weights import write_checkpoint

    init_default_scope('mmpose')
    try:
        cfg = Config.fromfile(args.config)
        state = join_parts(args.segmenter, args.posenet, args.lifting)
        MODELS.build(cfg.model).load_state_dict(state)
    except (OSError, ValueError, RuntimeError) as error:
        sys.exit(f'error: {" ".join(str(error).split())[:300]}')
    write_checkpoint(args.out, state)
    print(args.out)


if __name__ == '__main__':
    main()
