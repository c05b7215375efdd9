"""Meshes as files that other programs open: OBJ and GLB (glTF 2.0).

Both hold the mesh as viewers expect it: x right, y up, z to the viewer, the
camera's frame turned by half a turn about x. OBJ is in mm; GLB, by its
standard, in metres.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synhand.files import write_bytes, write_text
from synhand.visualization.meshes import outward_faces

FORMATS = ('obj', 'glb')
_TO_VIEWER = np.array([1.0, -1.0, -1.0])
_MM_A_METRE = 1000.0
_FLOAT, _UINT = 5126, 5125
_ARRAY, _ELEMENTS = 34962, 34963
_JSON, _BIN = 0x4E4F534A, 0x004E4942


def write_mesh(
    path: str | Path, vertices_cam: npt.ArrayLike, faces: npt.ArrayLike
) -> None:
    """Write a mesh, whole or not at all.

    Args:
        path: Ends in `.obj` or `.glb`.
        vertices_cam: (V, 3) in mm, camera frame (x right, y down, z
            forward).
        faces: (F, 3); turned over where a mirrored hand needs it.

    Raises:
        ValueError: Another suffix, or vertices that are not finite.
    """
    path = Path(path)
    kind = path.suffix.lower().removeprefix('.')
    if kind not in FORMATS:
        raise ValueError(f'{path}: expected a suffix of {FORMATS}')
    points = np.asarray(vertices_cam, np.float64)
    if not np.isfinite(points).all():
        raise ValueError(f'{path}: the mesh has vertices that are not finite')
    corners = outward_faces(points, faces)
    points = points * _TO_VIEWER
    if kind == 'obj':
        write_text(path, _obj(points, corners))
    else:
        write_bytes(path, _glb(points / _MM_A_METRE, corners))


def _obj(points: npt.NDArray, faces: npt.NDArray) -> str:
    lines = [f'v {x:.4f} {y:.4f} {z:.4f}' for x, y, z in points]
    lines += [f'f {a} {b} {c}' for a, b, c in faces + 1]
    return '\n'.join(['# mm; x right, y up, z to the viewer', *lines, ''])


def _glb(points: npt.NDArray, faces: npt.NDArray) -> bytes:
    values = points.astype('<f4')
    numbers = faces.astype('<u4').ravel()
    parts = [(values.tobytes(), _ARRAY), (numbers.tobytes(), _ELEMENTS)]
    views, start = [], 0
    for content, target in parts:
        size = len(content)
        views.append(
            dict(buffer=0, byteOffset=start, byteLength=size, target=target)
        )
        start += size
    document = dict(
        asset=dict(version='2.0'),
        scene=0,
        scenes=[dict(nodes=[0])],
        nodes=[dict(mesh=0)],
        meshes=[
            dict(
                primitives=[dict(attributes=dict(POSITION=0), indices=1)],
            )
        ],
        accessors=[
            dict(
                bufferView=0,
                componentType=_FLOAT,
                count=len(values),
                type='VEC3',
                min=values.min(0).tolist(),
                max=values.max(0).tolist(),
            ),
            dict(
                bufferView=1,
                componentType=_UINT,
                count=len(numbers),
                type='SCALAR',
            ),
        ],
        bufferViews=views,
        buffers=[dict(byteLength=start)],
    )
    text = json.dumps(document).encode()
    body = _chunk(text, _JSON, b' ')
    body += _chunk(b''.join(content for content, _ in parts), _BIN, b'\0')
    return struct.pack('<4sII', b'glTF', 2, 12 + len(body)) + body


def _chunk(content: bytes, kind: int, padding: bytes) -> bytes:
    content += padding * (-len(content) % 4)
    return struct.pack('<II', len(content), kind) + content
