"""Meshes in the camera frame to colour, coverage, depth and labels.

Runs on any OpenGL 3.3 through EGL, with a GPU or on the processor (Mesa's
llvmpipe). Multisampling is slow there, so a frame is drawn larger and
averaged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

_SHADERS = Path(__file__).parent / 'shaders'
_SHADOW_SIZE = 256
_NEAR, _FAR = 20.0, 4000.0
_NOISE_SEED = 20191
_IDENTITIES = 64  # as in surface.frag
SKIN, CLOTH, PLAIN = 0, 1, 2
MAX_LIGHTS = 4


class RendererError(RuntimeError):
    """No OpenGL context can be had on this machine."""


@dataclass
class Surface:
    """One mesh with its material.

    Attributes:
        vertices: (V, 3) mm, camera frame.
        normals: (V, 3) unit, outward.
        faces: (F, 3).
        rest: (V, 3) mm, where patterns are drawn: they move with the mesh.
        mask: (V, 4) nail, palm, tip and knuckle shares of skin.
        crease: (V, 4) mm along the finger from MCP, PIP, DIP; on a finger.
        identity: Written to the label image, 1 to 63.
        region: (V,) whole numbers up to 30, written beside the identity.
        clip: Lowest and highest y of `rest` that is drawn, mm.
        closed: The mesh has no holes, and its faces run counter-clockwise
            seen from outside; those turned away are not drawn.
        material: Uniforms of ``surface.frag`` by name.
    """

    vertices: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    rest: np.ndarray
    identity: int
    material: dict
    mask: np.ndarray | None = None
    crease: np.ndarray | None = None
    region: np.ndarray | None = None
    clip: tuple[float, float] = (-1e6, 1e6)
    closed: bool = True


@dataclass
class Lighting:
    """Directional lights and a two-colour sky, linear RGB.

    Attributes:
        directions: (L, 3) unit, from the hand to the light, camera frame.
            The first casts a shadow.
        colors: (L, 3).
        sky, ground: (3,) ambient colours.
        up: (3,) unit, camera frame.
        shadow: Share of the first light that a shadow takes, 0 to 1.
    """

    directions: np.ndarray
    colors: np.ndarray
    sky: np.ndarray
    ground: np.ndarray
    up: np.ndarray = field(default_factory=lambda: np.array([0, -1.0, 0]))
    shadow: float = 0.8


@dataclass(frozen=True)
class Frame:
    """What was drawn.

    Attributes:
        color: (H, W, 3) uint8 sRGB in RGB order, premultiplied by alpha.
        alpha: (H, W) uint8 coverage of all surfaces.
        depth: (h, w) float32 mm, to 1 mm beyond 1 m, 0 where nothing is;
            drawn (larger) size.
        identity: (h, w) uint8 of the nearest surface, 0 where nothing is.
        region: (h, w) uint8 of the nearest surface's region.
    """

    color: np.ndarray
    alpha: np.ndarray
    depth: np.ndarray
    identity: np.ndarray
    region: np.ndarray


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
        self._surface_program = self._program('surface.vert', 'surface.frag')
        self._shadow_program = self._program('shadow.vert', 'shadow.frag')
        self._create_targets()
        self._noise = self._noise_texture()

    def _program(self, vertex: str, fragment: str):
        return self._ctx.program(
            vertex_shader=(_SHADERS / vertex).read_text(),
            fragment_shader=(_SHADERS / fragment).read_text(),
        )

    def _create_targets(self) -> None:
        ctx = self._ctx
        self._color = ctx.texture(self.drawn, 4)
        self._label = ctx.texture(self.drawn, 2, dtype='f2')
        self._target = ctx.framebuffer(
            [self._color, self._label], ctx.depth_renderbuffer(self.drawn)
        )
        shadow = ctx.depth_texture((_SHADOW_SIZE, _SHADOW_SIZE))
        shadow.compare_func = '<='
        shadow.repeat_x = shadow.repeat_y = False
        self._shadow_map = shadow
        self._shadow_target = ctx.framebuffer(depth_attachment=shadow)

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
        shadow = _shadow_matrix(surfaces, lighting.directions[0])
        arrays = [self._upload(surface) for surface in surfaces]
        try:
            self._draw_shadow(arrays, shadow)
            self._draw_surfaces(
                surfaces,
                arrays,
                self._projection(camera_matrix),
                shadow,
                lighting,
            )
            return self._read()
        finally:
            for buffers in arrays:
                for buffer in buffers:
                    buffer.release()

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
        zeros = np.zeros((count, 4), np.float32)
        mask = zeros if surface.mask is None else surface.mask
        crease = zeros if surface.crease is None else surface.crease
        region = zeros[:, 0] if surface.region is None else surface.region
        data = np.column_stack(
            [
                surface.vertices,
                surface.normals,
                surface.rest,
                mask,
                crease,
                region,
            ]
        ).astype('f4')
        vertices = self._ctx.buffer(data.tobytes())
        faces = self._ctx.buffer(surface.faces.astype('i4').tobytes())
        seen = self._ctx.vertex_array(
            self._surface_program,
            [
                (
                    vertices,
                    '3f 3f 3f 4f 4f 1f',
                    'position',
                    'normal',
                    'rest',
                    'mask',
                    'crease',
                    'region',
                )
            ],
            faces,
        )
        cast = self._ctx.vertex_array(
            self._shadow_program,
            [(vertices, '3f 15x4', 'position')],
            faces,
        )
        return seen, cast, vertices, faces

    def _draw_shadow(self, arrays: list[tuple], shadow: np.ndarray) -> None:
        self._shadow_target.use()
        self._shadow_target.clear()
        self._ctx.enable(self._ctx.DEPTH_TEST)
        _set(self._shadow_program, 'shadow_projection', shadow)
        for _, cast, _, _ in arrays:
            cast.render()

    def _draw_surfaces(
        self, surfaces, arrays, projection, shadow, lighting
    ) -> None:
        self._target.use()
        self._target.clear(0, 0, 0, 0)
        program = self._surface_program
        self._shadow_map.use(0)
        self._noise.use(1)
        _set(program, 'shadow_map', 0)
        _set(program, 'noise', 1)
        _set(program, 'projection', projection)
        _set(program, 'shadow_projection', shadow)
        self._set_lighting(lighting)
        for surface, (seen, *_) in zip(surfaces, arrays, strict=True):
            _set(program, 'identity', float(surface.identity))
            _set(program, 'clip', surface.clip)
            for name, value in surface.material.items():
                _set(program, name, value)
            self._cull(surface.closed)
            seen.render()
        self._cull(False)

    def _cull(self, on: bool) -> None:
        ctx = self._ctx
        (ctx.enable if on else ctx.disable)(ctx.CULL_FACE)

    def _set_lighting(self, lighting: Lighting) -> None:
        program = self._surface_program
        count = len(lighting.directions)
        directions, colors = np.zeros((2, MAX_LIGHTS, 3))
        directions[:count] = lighting.directions
        colors[:count] = lighting.colors
        _set(program, 'light_count', count)
        _set(program, 'light_direction', directions)
        _set(program, 'light_color', colors)
        _set(program, 'sky_color', lighting.sky)
        _set(program, 'ground_color', lighting.ground)
        _set(program, 'up', lighting.up)
        _set(program, 'shadow_strength', float(lighting.shadow))

    def _read(self) -> Frame:
        width, height = self.drawn
        color = np.frombuffer(self._color.read(), np.uint8)
        label = np.frombuffer(self._label.read(), np.float16)
        color = color.reshape(height, width, 4)
        label = label.reshape(height, width, 2)
        # Half floats hold whole numbers up to 2048.
        names = label[..., 1].astype(np.uint16)
        small = cv2.resize(color, self.size, interpolation=cv2.INTER_AREA)
        return Frame(
            color=small[..., :3],
            alpha=small[..., 3],
            depth=label[..., 0].astype(np.float32),
            identity=(names % _IDENTITIES).astype(np.uint8),
            region=(names // _IDENTITIES).astype(np.uint8),
        )


def _create_context():
    import moderngl

    try:
        return moderngl.create_standalone_context(backend='egl')
    except Exception as error:
        raise RendererError(
            f'no OpenGL context through EGL ({error}); expected the packages '
            'libegl1 libgl1-mesa-dri libgles2 (apt-get install)'
        ) from None


def _set(program, name: str, value) -> None:
    """Set a uniform; the compiler drops those that a shader never reads."""
    if name not in program:
        return
    if isinstance(value, np.ndarray):
        value = value.astype('f4')
        program[name].write(
            np.ascontiguousarray(
                value.T if value.shape == (4, 4) else value
            ).tobytes()
        )
    else:
        program[name].value = value


def _shadow_matrix(
    surfaces: list[Surface], direction: np.ndarray
) -> np.ndarray:
    """Orthographic view (4, 4) along a light that holds the first surface."""
    vertices = surfaces[0].vertices
    center = (vertices.min(0) + vertices.max(0)) / 2
    radius = np.linalg.norm(vertices - center, axis=1).max()
    helper = np.eye(3)[np.argmin(np.abs(direction))]
    x = np.cross(helper, direction)
    x /= np.linalg.norm(x)
    rows = np.stack([x, np.cross(direction, x), -direction]) / radius
    matrix = np.eye(4)
    matrix[:3, :3] = rows
    matrix[:3, 3] = -rows @ center
    return matrix


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
