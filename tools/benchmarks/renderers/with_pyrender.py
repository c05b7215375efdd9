"""Draws meshes with pyrender: colour and depth, one light with a shadow.

Runs in an environment of its own: pyrender needs NumPy 1.
"""

from __future__ import annotations

import os

os.environ.setdefault('PYOPENGL_PLATFORM', 'egl')

import numpy as np
import pyrender
import trimesh
from _scenes import parse_args, read_meshes, run
from PIL import Image

_SKIN = (0.8, 0.6, 0.5, 1.0)
# OpenGL looks along -z with y up; the sun stands behind the camera.
_FLIP = np.diag([1.0, -1.0, -1.0, 1.0])
_SUN = trimesh.transformations.rotation_matrix(-0.6, [1, 0.5, 0])


def main() -> None:
    options = parse_args()
    size = options.size
    renderer = pyrender.OffscreenRenderer(size, size)
    material = pyrender.MetallicRoughnessMaterial(
        baseColorFactor=_SKIN, metallicFactor=0.0, roughnessFactor=0.6
    )

    def draw(vertices, faces, camera) -> None:
        scene = pyrender.Scene(ambient_light=[0.3] * 3)
        shape = trimesh.Trimesh(vertices / 1000, faces, process=False)
        mesh = pyrender.Mesh.from_trimesh(shape, material)
        scene.add(mesh, pose=_FLIP)
        eye = pyrender.IntrinsicsCamera(
            camera[0, 0],
            camera[1, 1],
            camera[0, 2] + 0.5,
            camera[1, 2] + 0.5,
            znear=0.02,
            zfar=4.0,
        )
        scene.add(eye)
        scene.add(pyrender.DirectionalLight(intensity=4.0), pose=_SUN)
        flags = pyrender.RenderFlags.SHADOWS_DIRECTIONAL
        color, _ = renderer.render(scene, flags=flags)
        if options.picture:
            Image.fromarray(color).save(options.picture)

    run(draw, read_meshes(options.scenes), pyrender.__version__)


if __name__ == '__main__':
    main()
