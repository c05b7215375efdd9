"""Write a trained model as an ONNX file and check it under onnxruntime.

The input is a batch of crops (B, 3, H, W), blue, green, red; the outputs are
`keypoints_25d` (B, 21, 3), u and v in pixels of the crop and z relative to
the wrist in lengths of the reference bone, and `scores` (B, 21). Needs the
packages onnx and onnxruntime.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from synhand.apis.export import (
    export_onnx,
    exportable,
    onnx_difference,
)
from synhand.apis.loading import model_files
from synhand.zoo import DEFAULT_MODEL

TOLERANCE = 1e-4


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('output', type=Path, help='the ONNX file')
    parser.add_argument(
        '--model', help=f'a released model; default: {DEFAULT_MODEL}'
    )
    parser.add_argument('--config', type=Path, help='a config, or ...')
    parser.add_argument('--checkpoint', help='... with its weights')
    parser.add_argument(
        '--float', action='store_true', help='take float32 images, not uint8'
    )
    parser.add_argument(
        '--no-check', action='store_true', help='do not run onnxruntime'
    )
    args = parser.parse_args(argv)
    if (args.config is None) != (args.checkpoint is None):
        parser.error('--config and --checkpoint belong together')
    if args.config is not None and args.model is not None:
        parser.error('expected --model, or --config with --checkpoint')
    return args


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    source = args.model, args.config, args.checkpoint
    try:
        model = exportable(*model_files(*source, DEFAULT_MODEL))
        facts = dict(input_size=model.input_size, channels='BGR')
        export_onnx(model, args.output, not args.float, facts)
        if args.no_check:
            print(f'{args.output}: written')
            return 0
        difference = onnx_difference(model, args.output)
    except (OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    print(f'{args.output}: written; differs from torch by {difference:.1e}')
    return int(difference > TOLERANCE)


if __name__ == '__main__':
    sys.exit(main())
