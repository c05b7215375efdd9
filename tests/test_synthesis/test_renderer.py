"""The renderer and the light it is given."""

import cv2
import numpy as np
import pytest

from synhand.synthesis.appearance import (
    MONK_TONES,
    sample_metal,
    sample_skin,
    to_linear,
    tone_name,
)
from synhand.synthesis.environment import DIRECTIONS, load_hdr
from synhand.synthesis.lighting import _environment, sample_lighting
from synhand.synthesis.primitives import box, sphere
from synhand.synthesis.renderer import Renderer, RendererError
from synhand.synthesis.surfaces import PLAIN, Lighting, Surface

SIDE = 64
CAMERA = np.array([[200.0, 0, 31.5], [0, 200, 31.5], [0, 0, 1]])
BLACK = np.zeros_like(DIRECTIONS)
MATT = dict(
    material=PLAIN,
    base_color=np.full(3, 0.5),
    second_color=np.full(3, 0.5),
    roughness=0.6,
    specular=0.0,
)


@pytest.fixture(scope='module')
def renderer():
    try:
        return Renderer(SIDE, SIDE, 1.25)
    except RendererError as error:
        pytest.skip(str(error))


def ball(radius=50.0, center=(0, 0, 500), material=MATT):
    vertices, normals, faces = sphere(radius, 40)
    return Surface(
        vertices + center, normals, faces, vertices, 4, dict(material)
    )


def light_from(direction, radiance=BLACK, **facts):
    direction = np.array([direction]) / np.linalg.norm(direction)
    return Lighting(direction, np.ones((1, 3)), radiance, **facts)


def test_same_scene_same_bytes(renderer):
    rng = np.random.default_rng(3)
    surface = ball(material=sample_skin(rng)[0])
    surface.mask = surface.crease = np.zeros((len(surface.vertices), 4))
    light = sample_lighting(rng, None, [surface], [])
    frames = [
        maker.render([surface], CAMERA, light)
        for maker in (renderer, renderer, Renderer(SIDE, SIDE, 1.25))
    ]
    for frame in frames[1:]:
        for name in ('color', 'alpha', 'depth', 'identity', 'region'):
            np.testing.assert_array_equal(
                getattr(frame, name), getattr(frames[0], name)
            )


def test_nothing_to_draw_is_an_empty_frame(renderer):
    frame = renderer.render([], CAMERA, light_from([0, 0, -1]))
    full = renderer.render([ball()], CAMERA, light_from([0, 0, -1]))
    for name in ('color', 'alpha', 'depth', 'identity', 'region'):
        empty, drawn = getattr(frame, name), getattr(full, name)
        assert empty.shape == drawn.shape
        assert empty.dtype == drawn.dtype
        assert not empty.any()


def test_the_side_to_the_light_is_bright(renderer):
    for direction, axis, sign in (
        ([-1, 0, -0.3], 1, -1),
        ([1, 0, -0.3], 1, 1),
        ([0, -1, -0.3], 0, -1),
    ):
        frame = renderer.render([ball()], CAMERA, light_from(direction))
        bright = np.argwhere(frame.color[..., 1] > 120)[:, axis] - 31.5
        assert len(bright) > 50
        assert sign * bright.mean() > 4


def test_environment_lights_from_where_it_is(renderer):
    """A spot in the environment lights the side that a light there would."""
    radiance = np.where(DIRECTIONS[:, :1] > 0.5, 4.0, 0.0).repeat(3, 1)
    dark = Lighting(np.array([[0, 0, -1.0]]), np.zeros((1, 3)), radiance)
    frame = renderer.render([ball()], CAMERA, dark)
    middle = frame.color[32]
    assert middle[44, 0] > middle[20, 0] + 60


def test_even_light_gives_the_colour_of_the_surface(renderer):
    even = Lighting(
        np.array([[0, 0, -1.0]]),
        np.zeros((1, 3)),
        np.ones_like(DIRECTIONS),
        exposure=1.0,
    )
    found = {}
    for level in (0.05, 0.2):
        color = np.array([level, level / 2, level / 4])
        material = {**MATT, 'base_color': color, 'second_color': color}
        frame = renderer.render([ball(material=material)], CAMERA, even)
        found[level] = to_linear(frame.color[32, 32] / 255)
    np.testing.assert_allclose(found[0.05], [0.049, 0.025, 0.0125], rtol=0.15)
    assert (found[0.2] > 3 * found[0.05]).all()


def test_first_light_casts_a_shadow(renderer):
    vertices, normals, faces = box(np.array([30.0, 30, 2]))
    plate = Surface(
        vertices + [0, 0, 350], normals, faces, vertices, 4, dict(MATT)
    )
    away = {'shadow': 1.0, 'softness': 0.004}
    light = light_from([0.4, 0, -1], **away)
    free = renderer.render([ball()], CAMERA, light).color.astype(int)
    shaded = renderer.render([ball(), plate], CAMERA, light)
    is_ball = renderer.render([ball()], CAMERA, light).alpha == 255
    far = shaded.depth > 420
    at = (np.argwhere(far) / 1.25).astype(int)
    drop = (free - shaded.color)[at[:, 0], at[:, 1], 1]
    assert is_ball.sum() > 400
    assert (drop > 60).sum() > 30
    assert (np.abs(drop) < 12).mean() > 0.4


def test_exposure_keeps_detail_in_pale_skin(renderer):
    """Few hands are lit so strongly that skin loses its detail."""
    clipped = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        skin = sample_skin(rng)[0]
        surface = ball(material=skin)
        surface.mask = surface.crease = np.zeros((len(surface.vertices), 4))
        light = sample_lighting(rng, None, [surface], [])
        frame = renderer.render([surface], CAMERA, light)
        skin_px = frame.color[frame.alpha == 255]
        clipped.append((skin_px.max(1) >= 254).mean())
    assert np.mean(np.array(clipped) > 0.1) < 0.15
    assert np.median(clipped) < 0.01


def test_hdr_images_and_photos_light_hands(tmp_path):
    image = np.full((16, 32, 3), 0.05, np.float32)
    image[7:9, 15:17] = 400  # a sun
    cv2.imwrite(str(tmp_path / 'sun.hdr'), image)
    photo = np.zeros((32, 32, 3), np.uint8)
    photo[:16] = (250, 40, 40)
    rng = np.random.default_rng(0)
    drawn = [
        sample_lighting(rng, None, [ball()], [tmp_path / 'sun.hdr'])
        for _ in range(12)
    ]
    for light in drawn:
        assert 1 <= len(light.directions) <= 4
        np.testing.assert_allclose(
            np.linalg.norm(light.directions, axis=1), 1, rtol=1e-6
        )
        assert (light.radiance >= 0).all()
        assert 0 < light.exposure <= 6
    # A sun is a light with a shadow, no part of what is mirrored.
    up = np.array([0, -0.6, -0.8])
    found = [_environment(rng, up, [tmp_path / 'sun.hdr']) for _ in range(12)]
    suns = [(radiance, sun) for radiance, sun in found if sun is not None]
    assert len(suns) > 3
    for radiance, sun in suns:
        assert abs(sun @ up) < 0.3  # at the horizon
        assert radiance.max() < 0.5 * load_hdr(tmp_path / 'sun.hdr').max()
    from_photo = sample_lighting(rng, photo, [], [])
    above = from_photo.radiance[DIRECTIONS[:, 1] < -0.5].mean()
    below = from_photo.radiance[DIRECTIONS[:, 1] > 0.5].mean()
    assert above > below


def test_tones_have_names_on_monks_scale():
    assert tone_name(1.0) == 'Monk 01'
    assert tone_name(9.6) == 'Monk 10'
    rng = np.random.default_rng(0)
    drawn = [sample_skin(rng) for _ in range(200)]
    names = {tone_name(tone) for _, tone in drawn}
    assert len(names) == len(MONK_TONES)
    light = [s['base_color'].mean() for s, tone in drawn if tone < 4]
    dark = [s['base_color'].mean() for s, tone in drawn if tone > 8]
    assert min(light) > max(dark)
    for skin, _ in drawn:
        red, green, blue = skin['base_color']
        assert red > green > blue


def test_metal_mirrors_more_than_skin():
    rng = np.random.default_rng(0)
    assert sample_metal(rng)['specular'] >= 1
