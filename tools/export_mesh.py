"""Meshes of a dump of tools/test.py as OBJ, GLB and pictures.

python tools/test.py CONFIG CHECKPOINT --dump mesh@synhand.pkl
python tools/export_mesh.py mesh@synhand.pkl --out FOLDER --count 4

For each sample NUMBER.obj, NUMBER.glb and, with --turntable, NUMBER.gif; with
--overlay NUMBER.png, the photo with the mesh over it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from _stock import make_importable

make_importable()

import cv2  # noqa: E402
import numpy as np  # noqa: E402
from tqdm import tqdm  # noqa: E402

from synhand.datasets.transforms import decode_image  # noqa: E402
from synhand.dumps import read_samples  # noqa: E402
from synhand.files import write_bytes  # noqa: E402
from synhand.geometry.cameras import camera_from_fov  # noqa: E402
from synhand.models.mesh.template import hand_faces  # noqa: E402
from synhand.synthesis.shards import ShardSet  # noqa: E402
from synhand.visualization.mesh_files import (  # noqa: E402
    FORMATS,
    write_mesh,
)
from synhand.visualization.meshes import (  # noqa: E402
    draw_mesh,
    turntable,
    write_gif,
)


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('dump', type=Path, metavar='DUMP')
    parser.add_argument('--out', type=Path, required=True, help='folder')
    parser.add_argument(
        '--format', nargs='*', choices=FORMATS, default=list(FORMATS)
    )
    parser.add_argument(
        '--start', type=int, default=0, help='first sample of the dump'
    )
    parser.add_argument('--count', type=int, help='samples; default: all')
    parser.add_argument(
        '--mano', metavar='FILE', help='the MANO file of a model over MANO'
    )
    parser.add_argument('--overlay', action='store_true')
    parser.add_argument('--turntable', action='store_true')
    parser.add_argument(
        '--assumed-fov',
        type=float,
        default=60.0,
        help="degrees along the longer side, the model's, for photos without "
        'a camera',
    )
    return parser.parse_args(arguments)


def vertices_of(sample: dict, number: int) -> np.ndarray:
    """(V, 3) mm of a sample.

    Raises:
        ValueError: It has no mesh.
    """
    found = sample['pred_instances'].get('vertices_cam')
    if found is None:
        raise ValueError(
            f'sample {number}: pred_instances has no vertices_cam; the dump '
            'has to be of a mesh model'
        )
    return np.asarray(found)[0]


def photo_of(path: str) -> np.ndarray:
    """An image file, or a row of a synthetic set (FOLDER#ROW)."""
    folder, mark, row = path.rpartition('#')
    if mark and row.isdecimal() and Path(folder).is_dir():
        content = ShardSet(folder).row(int(row))['image']
    else:
        content = Path(path).read_bytes()
    return decode_image(content, cv2.IMREAD_COLOR, path)


def camera_of(sample: dict, shape: tuple, fov: float) -> np.ndarray:
    camera = sample.get('camera_matrix')
    if camera is not None and np.isfinite(camera).all():
        return np.asarray(camera)[0]
    return camera_from_fov(shape[1], shape[0], fov)


def export(
    sample: dict, number: int, faces: np.ndarray, args: argparse.Namespace
) -> None:
    """All files of one sample."""
    vertices = vertices_of(sample, number)
    if faces.max() != len(vertices) - 1:
        raise ValueError(
            f'sample {number}: vertices_cam: expected {faces.max() + 1} '
            f'vertices of this hand, got {len(vertices)}; --mano names '
            'the file of a model over MANO'
        )
    for kind in args.format:
        write_mesh(args.out / f'{number}.{kind}', vertices, faces)
    if args.turntable:
        write_gif(args.out / f'{number}.gif', turntable(vertices, faces))
    if args.overlay:
        photo = photo_of(str(sample['img_path']))
        camera = camera_of(sample, photo.shape, args.assumed_fov)
        picture = draw_mesh(photo, vertices, faces, camera)
        encoded = cv2.imencode('.png', picture)[1].tobytes()
        write_bytes(args.out / f'{number}.png', encoded)


def main(arguments: list[str] | None = None) -> None:
    args = parse_args(arguments)
    try:
        samples = read_samples(args.dump)
        stop = None if args.count is None else args.start + args.count
        chosen = range(len(samples))[args.start : stop]
        faces = hand_faces(args.mano)[1]
        args.out.mkdir(parents=True, exist_ok=True)
        for number in tqdm(chosen, unit='hand'):
            export(samples[number], number, faces, args)
    except (OSError, ValueError) as error:
        sys.exit(f'export_mesh.py: error: {error}')


if __name__ == '__main__':
    main()
