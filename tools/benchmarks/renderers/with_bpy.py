"""Draws meshes with Blender's Cycles on one thread: a JPEG file each."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy
import numpy as np
from _scenes import parse_args, read_meshes, run

_SKIN = (0.8, 0.6, 0.5, 1.0)


def main() -> None:
    options = parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = options.picture or Path(folder) / 'image.jpg'
        stage = Stage(options.size, options.samples, path)
        with quiet():
            stage.draw_nothing()
        run(stage.draw, read_meshes(options.scenes), bpy.app.version_string)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Blender's own lines off the answer."""
    copy, null = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    try:
        yield
    finally:
        os.dup2(copy, 1)
        os.close(copy)
        os.close(null)


class Stage:
    """A scene with a sun, a sky and a camera; the mesh is changed."""

    def __init__(self, size: int, samples: int, path: Path) -> None:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        self.scene = bpy.context.scene
        self.size = size
        self._settings(samples, path)
        self._sky()
        self.material = self._skin()
        self.hand = None
        self.camera = self._add(bpy.data.cameras.new('eye'))
        self.scene.camera = self.camera
        sun = bpy.data.lights.new('sun', 'SUN')
        sun.energy = 3.0
        self._add(sun).rotation_euler = (-0.6, 0.3, 0)

    def _settings(self, samples: int, path: Path) -> None:
        render, cycles = self.scene.render, self.scene.cycles
        render.engine = 'CYCLES'
        cycles.device, cycles.samples = 'CPU', samples
        cycles.use_denoising = cycles.use_adaptive_sampling = False
        render.resolution_x = render.resolution_y = self.size
        render.threads_mode, render.threads = 'FIXED', 1
        render.use_persistent_data = True
        render.image_settings.file_format = 'JPEG'
        render.filepath = str(path)

    def _sky(self) -> None:
        world = bpy.data.worlds.new('sky')
        world.color = (0.3, 0.3, 0.3)
        self.scene.world = world

    def _skin(self) -> bpy.types.Material:
        material = bpy.data.materials.new('skin')
        material.use_nodes = True
        shader = material.node_tree.nodes['Principled BSDF']
        shader.inputs['Base Color'].default_value = _SKIN
        shader.inputs['Roughness'].default_value = 0.6
        return material

    def _add(self, data: object) -> bpy.types.Object:
        thing = bpy.data.objects.new(data.name, data)
        self.scene.collection.objects.link(thing)
        return thing

    def draw_nothing(self) -> None:
        """The first image loads kernels."""
        bpy.ops.render.render()

    def draw(self, vertices, faces, camera) -> None:
        self._look(camera)
        # Blender looks along -z with y up.
        self._put(vertices / 1000 * [1, -1, -1], faces)
        with quiet():
            bpy.ops.render.render(write_still=True)

    def _put(self, vertices: np.ndarray, faces: np.ndarray) -> None:
        if self.hand is not None:
            old = self.hand.data
            bpy.data.objects.remove(self.hand)
            bpy.data.meshes.remove(old)
        mesh = bpy.data.meshes.new('hand')
        mesh.vertices.add(len(vertices))
        mesh.vertices.foreach_set('co', vertices.astype('f4').ravel())
        mesh.loops.add(faces.size)
        mesh.loops.foreach_set('vertex_index', faces.astype('i4').ravel())
        mesh.polygons.add(len(faces))
        starts = np.arange(0, faces.size, 3, dtype='i4')
        mesh.polygons.foreach_set('loop_start', starts)
        mesh.update(calc_edges=True)
        mesh.shade_smooth()
        mesh.materials.append(self.material)
        self.hand = self._add(mesh)

    def _look(self, matrix: np.ndarray) -> None:
        """Intrinsics as Blender's lens and shifts, in parts of the width."""
        eye, size = self.camera.data, self.size
        eye.sensor_width, eye.sensor_fit = 36.0, 'HORIZONTAL'
        eye.lens = matrix[0, 0] / size * eye.sensor_width
        eye.shift_x = 0.5 - (matrix[0, 2] + 0.5) / size
        eye.shift_y = (matrix[1, 2] + 0.5) / size - 0.5
        eye.clip_start, eye.clip_end = 0.02, 4.0


if __name__ == '__main__':
    main()
