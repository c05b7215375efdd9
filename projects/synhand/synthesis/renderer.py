"""Meshes in the camera frame to colour, coverage, depth and labels.

Runs on any OpenGL 3.3 through EGL, with a GPU or on the processor (Mesa's
llvmpipe). Multisampling is slow there, so a frame is drawn larger and
averaged.
"""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np

from synhand.synthesis import environment
from synhand.synthesis.relief import grain, relief
from synhand.synthesis.surfaces import (
    FRAME_FLOATS,
    SKIN,
    SURFACE_FLOATS,
    UNCLIPPED,
    Frame,
    Lighting,
    Surface,
    frame_block,
    shadow_matrix,
    surface_block,
)

_SHADERS = Path(__file__).parent / 'shaders'
_SHADOW_SIZE = 192
_NEAR, _FAR = 20.0, 4000.0
_NOISE_SEED = 20191
_LENS_BLUR_PX = 0.6
_SAMPLERS = ('shadow_map', 'noise', 'reflections', 'relief', 'grain')


class RendererError(RuntimeError):
    """No OpenGL context can be had on this machine."""


class Renderer:
    """Draws surfaces with one OpenGL context.

    Args:
        width, height: Of the resulting image in px.
        supersample: How much larger the frame is drawn.

    Raises:
        RendererError: No EGL context, with the packages that are missing.
    """

    def __init__(
        self, width: int, height: int, supersample: float = 1.5
    ) -> None:
        self.size = (width, height)
        self.drawn = (round(width * supersample), round(height * supersample))
        self._ctx = _create_context()
        # The frame is drawn upside down (see `_projection`).
        self._ctx.front_face = 'cw'
        self._programs: dict = {}
        self._shadow_program = self._program('shadow')
        self._create_targets()
        self._create_textures()

    def _program(self, name: str, **defines: int):
        blocks = (_SHADERS / 'blocks.glsl').read_text()
        head = blocks + ''.join(
            f'#define {key} {value}\n' for key, value in defines.items()
        )
        program = self._ctx.program(
            vertex_shader=head + (_SHADERS / f'{name}.vert').read_text(),
            fragment_shader=head + (_SHADERS / f'{name}.frag').read_text(),
        )
        for binding, block in enumerate(('FrameBlock', 'SurfaceBlock')):
            if block in program:
                program[block].binding = binding
        for unit, sampler in enumerate(_SAMPLERS):
            if sampler in program:  # the compiler drops those never read
                program[sampler].value = unit
        return program

    def _surface_program(self, surface: Surface):
        """A program for one kind of material, made when first needed.

        Branches on the material would all be taken on the processor, and a
        program that can discard pixels shades also those that are hidden.
        """
        material = surface.material['material']
        clipped = surface.clip != UNCLIPPED
        kind = material, clipped
        if kind not in self._programs:
            defines = {'MATERIAL': material}
            if clipped:
                defines['CLIPPED'] = 1
            self._programs[kind] = self._program('surface', **defines)
        return self._programs[kind]

    def _create_targets(self) -> None:
        ctx = self._ctx
        self._color = ctx.texture(self.drawn, 4)
        self._depth = ctx.texture(self.drawn, 1, dtype='f4')
        self._label = ctx.texture(self.drawn, 2)
        self._target = ctx.framebuffer(
            [self._color, self._depth, self._label],
            ctx.depth_renderbuffer(self.drawn),
        )
        shadow = ctx.depth_texture((_SHADOW_SIZE, _SHADOW_SIZE))
        shadow.compare_func = '<='
        shadow.repeat_x = shadow.repeat_y = False
        self._shadow_map = shadow
        self._shadow_target = ctx.framebuffer(depth_attachment=shadow)
        self._frame_block = ctx.buffer(reserve=4 * FRAME_FLOATS)
        self._surface_block = ctx.buffer(reserve=4 * SURFACE_FLOATS)

    def _create_textures(self) -> None:
        ctx = self._ctx
        self._reflections = ctx.texture(
            environment.BLURRED_SHAPE[::-1], 3, alignment=1
        )
        self._reflections.repeat_x = self._reflections.repeat_y = False
        textures = []
        for image in (relief(), grain()):
            texture = ctx.texture(image.shape[1::-1], 4, image.tobytes())
            texture.build_mipmaps()
            texture.filter = ctx.LINEAR_MIPMAP_NEAREST, ctx.LINEAR
            textures.append(texture)
        self._textures = [
            self._shadow_map,
            self._noise_texture(),
            self._reflections,
            *textures,
        ]

    def _noise_texture(self):
        """Tileable smooth noise, four channels in [0, 1]."""
        rng = np.random.default_rng(_NOISE_SEED)
        n = 32
        data = np.zeros((n, n, n, 4), np.float32)
        for cells, weight in ((8, 0.5), (16, 0.3), (32, 0.2)):
            data += weight * _tile_noise(rng, cells, n)
        data = (data - data.mean()) / (5 * data.std()) + 0.5
        pixels = (np.clip(data, 0, 1) * 255).astype(np.uint8)
        texture = self._ctx.texture3d((n, n, n), 4, pixels.tobytes())
        texture.repeat_x = texture.repeat_y = texture.repeat_z = True
        return texture

    def render(
        self,
        surfaces: list[Surface],
        camera_matrix: np.ndarray,
        lighting: Lighting,
    ) -> Frame:
        """Draw surfaces.

        Args:
            surfaces: In any order.
            camera_matrix: (3, 3) px of the resulting image.
            lighting: In the camera frame.
        """
        if not surfaces:
            return self._empty()
        surfaces = sorted(surfaces, key=_drawing_order)
        shadow = shadow_matrix(surfaces, lighting.directions[0])
        projection = self._projection(camera_matrix)
        unit = self._write_reflections(lighting)
        self._frame_block.write(
            frame_block(projection, shadow, lighting, unit)
        )
        arrays = [self._upload(surface) for surface in surfaces]
        try:
            self._draw_shadow(surfaces, arrays)
            self._draw_surfaces(surfaces, arrays, camera_matrix[0, 0])
            return self._read()
        finally:
            for buffers in arrays:
                for buffer in buffers:
                    buffer.release()

    def _empty(self) -> Frame:
        drawn, size = self.drawn[::-1], self.size[::-1]
        return Frame(
            np.zeros((*size, 3), np.uint8),
            np.zeros(size, np.uint8),
            np.zeros(drawn, np.float32),
            *np.zeros((2, *drawn), np.uint8),
        )

    def _projection(self, camera_matrix: np.ndarray) -> np.ndarray:
        """Camera frame to clip space; image rows come out top first."""
        k = np.asarray(camera_matrix, float)
        width, height = self.size
        depth = (_FAR + _NEAR) / (_FAR - _NEAR)
        return np.array(
            [
                [2 * k[0, 0] / width, 0, 2 * (k[0, 2] + 0.5) / width - 1, 0],
                [0, 2 * k[1, 1] / height, 2 * (k[1, 2] + 0.5) / height - 1, 0],
                [0, 0, depth, -2 * _FAR * _NEAR / (_FAR - _NEAR)],
                [0, 0, 1, 0],
            ]
        )

    def _upload(self, surface: Surface) -> tuple:
        count = len(surface.vertices)
        # position, normal, rest, region, mask, crease
        data = np.zeros((count, 18), np.float32)
        data[:, :3] = surface.vertices
        data[:, 3:6] = surface.normals
        data[:, 6:9] = surface.rest
        if surface.region is not None:
            data[:, 9] = surface.region
        if surface.mask is not None:
            data[:, 10:14] = surface.mask
        if surface.crease is not None:
            data[:, 14:] = surface.crease
        names = ['position', 'normal', 'rest', 'region', 'mask', 'crease']
        layout = '3f 3f 3f 1f 4f 4f'
        if surface.material['material'] != SKIN:
            names, layout = names[:4], '3f 3f 3f 1f 8x4'
        vertices = self._ctx.buffer(data)
        faces = self._ctx.buffer(np.ascontiguousarray(surface.faces, 'i4'))
        seen = self._ctx.vertex_array(
            self._surface_program(surface),
            [(vertices, layout, *names)],
            faces,
        )
        cast = self._ctx.vertex_array(
            self._shadow_program,
            [(vertices, '3f 15x4', 'position')],
            faces,
        )
        return seen, cast, vertices, faces

    def _write_reflections(self, lighting: Lighting) -> float:
        """Fill the blurred environments; what a full texel stands for."""
        maps = environment.blurred_maps(lighting.radiance)
        unit = max(float(maps.max()), 1e-6)
        coded = np.sqrt(maps / unit) * 255 + 0.5
        self._reflections.write(coded.astype(np.uint8).tobytes())
        return unit

    def _draw_shadow(self, surfaces: list[Surface], arrays: list) -> None:
        self._shadow_target.use()
        self._shadow_target.clear()
        self._ctx.enable(self._ctx.DEPTH_TEST)
        self._frame_block.bind_to_uniform_block(0)
        for surface, (_, cast, *_) in zip(surfaces, arrays, strict=True):
            # Garments lie closely around the hand that casts their shadow.
            if surface.clip == UNCLIPPED:
                self._cull(surface.closed)
                cast.render()

    def _draw_surfaces(
        self, surfaces: list[Surface], arrays: list, focal: float
    ) -> None:
        drawn_focal = focal * self.drawn[0] / self.size[0]
        self._target.use()
        self._target.clear(0, 0, 0, 0)
        for unit, texture in enumerate(self._textures):
            texture.use(unit)
        self._surface_block.bind_to_uniform_block(1)
        for surface, (seen, *_) in zip(surfaces, arrays, strict=True):
            nearest = max(float(surface.vertices[:, 2].mean()), _NEAR)
            block = surface_block(surface, nearest / drawn_focal)
            self._surface_block.write(block)
            self._cull(surface.closed)
            seen.render()
        self._cull(False)

    def _cull(self, on: bool) -> None:
        ctx = self._ctx
        (ctx.enable if on else ctx.disable)(ctx.CULL_FACE)

    def _read(self) -> Frame:
        width, height = self.drawn
        color = np.frombuffer(self._color.read(), np.uint8)
        depth = np.frombuffer(self._depth.read(), np.float32)
        label = np.frombuffer(self._label.read(), np.uint8)
        small = self._shrink(color.reshape(height, width, 4))
        label = label.reshape(height, width, 2)
        # Arrays of their own: every use of a view would copy it, slowly.
        return Frame(
            color=cv2.cvtColor(small, cv2.COLOR_RGBA2RGB),
            alpha=cv2.extractChannel(small, 3),
            depth=depth.reshape(height, width),
            identity=cv2.extractChannel(label, 0),
            region=label[..., 1],
        )

    def _shrink(self, color: np.ndarray) -> np.ndarray:
        """Drawn pixels (h, w, 4) to those of the image.

        With few drawn pixels a pixel, edges are softened as lenses do.
        """
        if self.drawn[0] >= 2 * self.size[0]:
            return cv2.resize(color, self.size, interpolation=cv2.INTER_AREA)
        if self.drawn != self.size:
            color = cv2.GaussianBlur(color, (3, 3), _LENS_BLUR_PX)
        return cv2.resize(color, self.size, interpolation=cv2.INTER_LINEAR)


def _drawing_order(surface: Surface) -> tuple[bool, float]:
    """Garments, then near things first: what they hide is not shaded."""
    return surface.clip == UNCLIPPED, float(surface.vertices[:, 2].min())


def _create_context():
    import moderngl

    # Many processes with one thread each draw more than few with many.
    os.environ.setdefault('LP_NUM_THREADS', '0')
    try:
        return moderngl.create_standalone_context(backend='egl')
    except Exception as error:
        raise RendererError(
            f'no OpenGL context through EGL ({error}); expected the packages '
            'libegl1 libgl1-mesa-dri libgles2 (apt-get install)'
        ) from None


def _tile_noise(rng: np.random.Generator, cells: int, size: int) -> np.ndarray:
    """Random values on a lattice, smoothly interpolated, (n, n, n, 4)."""
    from scipy.ndimage import zoom

    lattice = rng.random((cells, cells, cells, 4)).astype(np.float32)
    factor = size // cells
    if factor == 1:
        return lattice
    return zoom(
        lattice,
        (factor,) * 3 + (1,),
        order=1,
        mode='grid-wrap',
        grid_mode=True,
    )
