"""Mesh pictures and files, on shapes that can be checked."""

import json
import struct

import cv2
import numpy as np
import pytest
from PIL import Image

from synhand.visualization.mesh_files import write_mesh
from synhand.visualization.meshes import (
    draw_mesh,
    outward_faces,
    turntable,
    write_gif,
)

CAMERA = np.array([[100.0, 0, 31.5], [0, 100, 31.5], [0, 0, 1]])
CORNERS = np.stack(np.meshgrid(*[[-1.0, 1]] * 3), -1).reshape(-1, 3)
SQUARES = [
    (0, 1, 3, 2),
    (4, 6, 7, 5),
    (0, 4, 5, 1),
    (2, 3, 7, 6),
    (0, 2, 6, 4),
    (1, 5, 7, 3),
]


def box():
    """Vertices (8, 3) of side 2 and outward faces (12, 3)."""
    faces = []
    for a, b, c, d in SQUARES:
        normal = np.cross(CORNERS[b] - CORNERS[a], CORNERS[c] - CORNERS[a])
        if normal @ CORNERS[[a, b, c, d]].mean(0) < 0:
            b, d = d, b
        faces += [(a, b, c), (a, c, d)]
    return CORNERS, np.array(faces)


def test_faces_of_a_mirrored_mesh_turn_over():
    vertices, faces = box()
    np.testing.assert_array_equal(outward_faces(vertices, faces), faces)
    turned = faces[:, ::-1]
    np.testing.assert_array_equal(outward_faces(vertices, turned), faces)
    np.testing.assert_array_equal(
        outward_faces(vertices * [-1, 1, 1], faces), turned
    )


@pytest.mark.parametrize('mirror', [1, -1])
def test_an_overlay_covers_what_the_mesh_projects_to(mirror):
    vertices, faces = box()
    vertices = vertices * [20 * mirror, 10, 10] + [0, 0, 210]
    photo = np.full((64, 64, 3), 10, np.uint8)
    drawn = draw_mesh(photo, vertices, faces, CAMERA, opacity=1)
    changed = (drawn != photo).any(-1)
    # the near side: 40 x 20 mm at 200 mm, 20 x 10 px
    expected = np.zeros((64, 64), bool)
    expected[27:37, 22:42] = True
    # drawn with soft edges
    grown = cv2.dilate(expected.astype(np.uint8), np.ones((5, 5))) > 0
    assert (changed | ~expected).all() and (~changed | grown).all()
    half = draw_mesh(photo, vertices, faces, CAMERA, opacity=0.5)
    assert photo.mean() < half[32, 32].mean() < drawn[32, 32].mean()


def test_near_faces_hide_far_ones():
    """Light falls from the left: a box turned to it is brighter."""
    vertices, faces = box()
    small = vertices * 4 + [0, 0, 100]
    large = vertices * 40 + [0, 0, 300]
    both = np.concatenate([large, small])
    all_faces = np.concatenate([faces, faces + 8])
    photo = np.zeros((64, 64, 3), np.uint8)
    alone = draw_mesh(photo, small, faces, CAMERA, 1)
    together = draw_mesh(photo, both, all_faces, CAMERA, 1)
    reverse = draw_mesh(
        photo,
        np.concatenate([small, large]),
        np.concatenate([faces, faces + 8]),
        CAMERA,
        1,
    )
    np.testing.assert_allclose(together, reverse, atol=3)  # soft edges
    shown = alone.any(-1)
    centre = cv2.erode(shown.astype(np.uint8), np.ones((3, 3))) > 0
    np.testing.assert_array_equal(together[centre], alone[centre])


def test_meshes_that_cannot_be_seen_are_left_out():
    vertices, faces = box()
    photo = np.full((64, 64, 3), 10, np.uint8)
    for broken in (vertices, np.full_like(vertices, np.nan)):
        found = draw_mesh(photo, broken, faces, CAMERA)
        np.testing.assert_array_equal(found, photo)


def test_a_turntable_goes_around_once(tmp_path):
    vertices, faces = box()
    views = turntable(vertices * [3, 1, 1], faces, count=8, size=64)
    assert len(views) == 8
    wide = [np.ptp(np.nonzero((v < 240).any((0, 2)))[0]) for v in views]
    tall = [np.ptp(np.nonzero((v < 240).any((1, 2)))[0]) for v in views]
    assert wide[0] > 2.5 * wide[2] and abs(wide[0] - wide[4]) <= 1
    assert max(wide) < 64 * 0.9 and np.ptp(tall) <= 1
    write_gif(tmp_path / 'a.gif', views)
    with Image.open(tmp_path / 'a.gif') as film:
        assert film.n_frames == 8 and film.size == (64, 64)
        assert film.info['loop'] == 0


def read_obj(path):
    rows = [line.split() for line in path.read_text().splitlines()]
    points = [[float(x) for x in row[1:]] for row in rows if row[0] == 'v']
    faces = [[int(x) - 1 for x in row[1:]] for row in rows if row[0] == 'f']
    return np.array(points), np.array(faces)


def read_glb(path):
    """By the standard's own words: header, JSON chunk, binary chunk."""
    content = path.read_bytes()
    magic, version, size = struct.unpack_from('<4sII', content)
    assert (magic, version, size) == (b'glTF', 2, len(content))
    length, kind = struct.unpack_from('<I4s', content, 12)
    assert kind == b'JSON' and length % 4 == 0
    document = json.loads(content[20 : 20 + length])
    size, kind = struct.unpack_from('<I4s', content, 20 + length)
    assert kind == b'BIN\0' and 28 + length + size == len(content)
    body = content[28 + length :]
    arrays = []
    for accessor, dtype in zip(
        document['accessors'], ('<f4', '<u4'), strict=True
    ):
        view = document['bufferViews'][accessor['bufferView']]
        part = body[view['byteOffset'] :][: view['byteLength']]
        arrays.append(np.frombuffer(part, dtype).reshape(-1, 3))
    low, high = (document['accessors'][0][k] for k in ('min', 'max'))
    np.testing.assert_allclose(arrays[0].min(0), low)
    np.testing.assert_allclose(arrays[0].max(0), high)
    return arrays


@pytest.mark.parametrize('mirror', [1, -1])
@pytest.mark.parametrize(
    ('name', 'read', 'unit'),
    [('a.obj', read_obj, 1), ('a.glb', read_glb, 1000)],
)
def test_files_hold_the_mesh_as_viewers_expect_it(
    name, read, unit, mirror, tmp_path
):
    vertices, faces = box()
    vertices = vertices * [30 * mirror, 20, 10] + [5, 6, 400]
    write_mesh(tmp_path / name, vertices, faces)
    points, corners = read(tmp_path / name)
    np.testing.assert_allclose(
        points * unit, vertices * [1, -1, -1], atol=1e-3
    )
    assert {frozenset(f) for f in corners.tolist()} == {
        frozenset(f) for f in faces.tolist()
    }
    # outward in the viewer's frame, where back faces are not drawn
    np.testing.assert_array_equal(outward_faces(points, corners), corners)


def test_wrong_files_are_named(tmp_path):
    vertices, faces = box()
    with pytest.raises(ValueError, match=r'a\.stl: expected a suffix'):
        write_mesh(tmp_path / 'a.stl', vertices, faces)
    with pytest.raises(ValueError, match=r'a\.obj: .* not finite'):
        write_mesh(tmp_path / 'a.obj', vertices * np.nan, faces)
