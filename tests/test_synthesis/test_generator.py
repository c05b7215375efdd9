"""The generator: labels that agree with the picture, from a seed alone."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from synhand.geometry.cameras import project
from synhand.hands.anny_hand import drawn_hand
from synhand.synthesis import generator as making
from synhand.synthesis import scenes
from synhand.synthesis.appearance import sample_skin
from synhand.synthesis.checks import chirality
from synhand.synthesis.config import SynthesisConfig
from synhand.synthesis.environment import DIRECTIONS
from synhand.synthesis.generator import (
    Generator,
    SelfCheckError,
)
from synhand.synthesis.gestures import GESTURES
from synhand.synthesis.lighting import sample_lighting
from synhand.synthesis.mask_layers import (
    BODY,
    FOREARM,
    GARMENT,
    HAND,
    LAYERS,
    OBJECT,
)
from synhand.synthesis.occlusion import occlusion
from synhand.synthesis.renderer import Renderer, RendererError
from synhand.synthesis.skin_map import segment_region
from synhand.synthesis.surfaces import PLAIN, Frame, Lighting, Surface

SMALL = SynthesisConfig(seed=3, image_size=96, supersample=1.0)


def make_generator(config=SMALL):
    try:
        return Generator(config)
    except RendererError as error:
        pytest.skip(str(error))


@pytest.fixture(scope='module')
def generator():
    return make_generator()


@pytest.fixture(scope='module')
def rows(generator):
    return [generator.row(i) for i in range(24)]


def decode(data, flags=cv2.IMREAD_COLOR):
    return cv2.imdecode(np.frombuffer(data, np.uint8), flags)


def test_rows_are_a_function_of_seed_and_index(generator, rows):
    again = make_generator()
    for i in (5, 2):
        row = again.row(i)
        assert row['image'] == rows[i]['image']
        assert row['alpha'] == rows[i]['alpha']
        np.testing.assert_array_equal(
            row['hands'][0]['keypoints_2d'],
            rows[i]['hands'][0]['keypoints_2d'],
        )
    other = make_generator(replace(SMALL, seed=4)).row(5)
    assert other['image'] != rows[5]['image']


def test_labels_agree_with_each_other(rows):
    for row in rows:
        camera = row['camera_matrix']
        for hand in row['hands']:
            np.testing.assert_allclose(
                project(hand['keypoints_cam_anatomical'], camera),
                hand['keypoints_2d'],
                atol=1e-6,
            )
            low, high = hand['bbox'][:2], hand['bbox'][2:]
            assert (hand['keypoints_2d'] >= low - 1e-6).all()
            assert (hand['keypoints_2d'] <= high + 1e-6).all()
        assert json.loads(row['scene'])['distance_mm'] > 0


def test_both_sides_are_drawn_and_chirality_tells_them(rows):
    sides = {0: -1, 1: 1}
    found = [
        (sides[h['side']], chirality(h['keypoints_cam_anatomical']))
        for row in rows
        for h in row['hands']
    ]
    assert {side for side, _ in found} == {-1, 1}
    told = [pair for pair in found if pair[1] != 0]
    assert len(told) > 0.6 * len(found)
    assert all(side == sign for side, sign in told)


def test_keypoints_lie_on_the_drawn_hand(rows):
    """Visible finger tips lie where the foreground is."""
    on = []
    for row in rows:
        alpha = decode(row['alpha'], cv2.IMREAD_GRAYSCALE)
        alpha = cv2.dilate(alpha, np.ones((5, 5), np.uint8))
        hand = row['hands'][0]
        seen = hand['occluded'] == 0
        x, y = np.rint(hand['keypoints_2d'][seen]).astype(int).T
        on.append(alpha[np.clip(y, 0, 95), np.clip(x, 0, 95)] > 0)
    assert np.concatenate(on).mean() > 0.98


def test_mask_names_what_each_pixel_shows(rows):
    """Seen keypoints of hand h lie on its layers; nothing is elsewhere."""
    hands_seen, on_target = set(), []
    for row in rows:
        mask = decode(row['mask'], cv2.IMREAD_GRAYSCALE)
        alpha = decode(row['alpha'], cv2.IMREAD_GRAYSCALE)
        np.testing.assert_array_equal(mask[alpha == 0], 0)
        assert (mask[alpha == 255] > 0).mean() > 0.97
        for number, hand in enumerate(row['hands']):
            seen = hand['occluded'] == 0
            x, y = np.rint(hand['keypoints_2d'][seen]).astype(int).T
            layer = mask[y, x]
            own = (layer // LAYERS == number) & (layer > 0)
            hands_seen.update([number] * bool(own.any()))
            if number == 0:  # at the outline a pixel may show what is behind
                on_target.append(own & (layer % LAYERS != BODY))
    assert np.concatenate(on_target).mean() > 0.93
    assert hands_seen == {0, 1}


def test_forearm_starts_at_the_wrist(rows):
    """Along the arm the mask changes from hand to forearm at the wrist."""
    for row in rows[:12]:
        mask = decode(row['mask'], cv2.IMREAD_GRAYSCALE)
        if not (mask == FOREARM).any():
            continue
        wrist = row['hands'][0]['keypoints_2d'][0]
        middle = row['hands'][0]['keypoints_2d'][9]
        points = row['hands'][0]['keypoints_cam_anatomical']
        metacarpal = points[9] - points[0]
        sight = points[0] / np.linalg.norm(points[0])
        if abs(metacarpal @ sight) > 0.4 * np.linalg.norm(metacarpal):
            continue  # seen along the arm
        y, x = np.nonzero(mask == FOREARM)
        away = (np.stack([x, y], 1) - wrist) @ (middle - wrist)
        assert np.median(away) < 0.05 * ((middle - wrist) ** 2).sum()


def test_every_garment_can_be_drawn():
    """Shares of one: gloves, rings, nails, bodies, a second hand."""
    dressed = replace(
        SMALL,
        sleeve=1.0,
        band=1.0,
        ring=1.0,
        body=1.0,
        second_hand=1.0,
        long_nails=1.0,
        object=1.0,
        egocentric_views=1.0,
    )
    layers = set()
    for i in range(6):
        row = make_generator(dressed).row(i)
        layers |= set(np.unique(decode(row['mask'], cv2.IMREAD_GRAYSCALE)))
    expected = {HAND, FOREARM, GARMENT, OBJECT, BODY, LAYERS + HAND}
    assert expected <= layers
    gloved = make_generator(replace(dressed, glove=1.0))
    hands = {len(gloved.row(i)['hands']) for i in range(6)}
    assert hands == {1, 2}


def test_gloves_count_as_the_hands_that_they_hide():
    bare = replace(SMALL, sleeve=0, band=0, ring=0, glove=0)
    bare = replace(bare, wide_crops=0, second_hand=0, object=0, occluder=0)
    makers = [make_generator(replace(bare, glove=share)) for share in (0, 1)]
    grown = []
    for i in range(6):
        skin, glove = (maker.row(i) for maker in makers)
        for name in ('keypoints_2d', 'keypoints_cam_anatomical'):
            np.testing.assert_array_equal(
                skin['hands'][0][name], glove['hands'][0][name]
            )
        hidden = [
            np.mean(row['hands'][0]['occluded']) for row in (skin, glove)
        ]
        assert abs(hidden[1] - hidden[0]) < 0.4
        masks = [
            decode(row['mask'], cv2.IMREAD_GRAYSCALE) for row in (skin, glove)
        ]
        assert not (masks[1] == GARMENT).any()
        grown.append(np.diff([(mask == HAND).sum() for mask in masks])[0])
        assert grown[-1] >= 0
    assert max(grown) > 0


def dresser_and_hand(**shares):
    hand = scenes.sample_hand(
        np.random.default_rng(0), SMALL, drawn_hand(), np.array([0, 0, 500.0])
    )
    return make_generator(replace(SMALL, **shares))._dresser, hand


def test_some_gloves_have_a_part_of_another_colour():
    dresser, hand = dresser_and_hand(sleeve=0, band=0, ring=0, glove=1)
    sizes = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        skin, glove, *patch = dresser.surfaces(rng, hand, sample_skin(rng)[0])
        sizes.append(len(patch[0].faces) if patch else 0)
        for part in patch:
            assert part.identity == glove.identity == skin.identity
            assert part.clip == glove.clip
            colours = (p.material['base_color'] for p in (part, glove))
            assert np.ptp(list(colours), axis=0).max() > 0
            outer = part.vertices - hand.vertices
            inner = glove.vertices - hand.vertices
            assert ((outer - inner) * hand.normals).sum(1).min() > 0
            assert 0 < len(part.faces) < len(glove.faces)
    assert 10 <= np.count_nonzero(sizes) <= 30
    assert len(set(sizes)) > 3


def test_bands_go_all_around_the_wrist():
    """The drawn faces of a band cover every direction around the arm."""
    dresser, hand = dresser_and_hand(sleeve=0, band=1, ring=0, glove=0)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        skin = sample_skin(rng)[0]
        surfaces = dresser.surfaces(rng, hand, skin)
        band = surfaces[1]
        rest = band.rest[band.faces]
        crosses = (rest[..., 1].min(1) < band.clip[1]) & (
            rest[..., 1].max(1) > band.clip[0]
        )
        middle = rest[crosses].mean(1)
        angle = np.sort(np.arctan2(middle[:, 2], middle[:, 0]))
        gaps = np.diff(np.append(angle, angle[0] + 2 * np.pi))
        assert np.degrees(gaps.max()) < 45


def test_some_keypoints_are_hidden_and_most_seen(rows):
    hidden = np.mean([row['hands'][0]['occluded'] for row in rows])
    assert 0.02 < hidden < 0.5


def test_target_fills_the_asked_share_of_the_crop():
    """Usual, tight and wide crops, as long as only one kind is drawn."""
    ranges = {
        (0.0, 0.0): SMALL.crop_scale,
        (1.0, 0.0): SMALL.tight_scale,
        (0.0, 1.0): (SMALL.crop_scale[1], 96 / SMALL.smallest_px),
    }
    for (tight, wide), (low, high) in ranges.items():
        config = replace(SMALL, tight_crops=tight, wide_crops=wide)
        for i in range(8):
            rng, hand = np.random.default_rng(i), drawn_hand()
            scene = scenes.sample_scene(rng, config, hand)
            points = scene.hands[0].keypoints['anatomical']
            pixels = project(points, scene.camera)
            assert low - 1e-6 <= 96 / np.ptp(pixels, axis=0).max()
            assert 96 / np.ptp(pixels, axis=0).max() <= high + 1e-6
            assert (scene.kind == 'wide') == (wide == 1)


def test_hands_lie_as_far_off_the_axis_as_asked():
    def degrees(config):
        rng = np.random.default_rng(0)
        found = [scenes.sample_center(rng, config) for _ in range(200)]
        rays = np.array(found) / np.array(found)[:, 2:]
        return np.degrees(np.arctan(np.linalg.norm(rays[:, :2], axis=1)))

    border = degrees(replace(SMALL, wide_lens=1.0))
    assert border.min() > 20
    assert 40 < border.max() <= 45
    assert degrees(replace(SMALL, wide_lens=0.0)).max() < 28


def test_scenes_that_fail_are_counted_and_drawn_again(monkeypatch):
    """The first two scenes are said to fail; the third is another one."""
    generator, calls = make_generator(), []

    def fail_twice(labels, camera, config):
        calls.append(camera)
        return ['hidden', 'order'][: 3 - len(calls)]

    monkeypatch.setattr(making, 'find_faults', fail_twice)
    row = generator.row(0)
    facts = json.loads(row['scene'])
    assert facts['attempts'] == 3
    assert facts['rejected'] == {'hidden': 2, 'order': 1}
    assert not np.allclose(calls[0], calls[2])


def test_image_that_never_passes_is_named(monkeypatch):
    faults = lambda *_: ['side']  # noqa: E731
    monkeypatch.setattr(making, 'find_faults', faults)
    message = 'image 7: none of 20 scenes passed .* side contradicts'
    with pytest.raises(SelfCheckError, match=message):
        make_generator().row(7)


def row_of_keypoints():
    """21 keypoints in a row, 500 mm away, with a metacarpal of 92 mm."""
    keypoints = np.zeros((21, 3)) + [0, 0, 500]
    keypoints[:, 0] = np.linspace(-40, 40, 21)
    keypoints[9, 1] = 92
    camera = np.array([[500.0, 0, 49.5], [0, 500, 49.5], [0, 0, 1]])
    pixels = project(keypoints, camera)
    pixels[9, 1] = 49.5
    return keypoints, pixels


def frame_of(depth, identity, region):
    shape = (100, 100)
    return Frame(
        None,
        None,
        np.full(shape, depth, np.float32),
        np.full(shape, identity, np.uint8),
        np.full(shape, region, np.uint8),
    )


def test_a_wall_hides_what_is_behind_it():
    keypoints, pixels = row_of_keypoints()
    frame = frame_of(400, OBJECT, 0)
    frame.depth[:, 50:] = 0
    hidden = occlusion(keypoints, pixels, frame, (100, 100))
    np.testing.assert_array_equal(hidden, pixels[:, 0] < 49.5)


@pytest.mark.parametrize(
    ('depth', 'identity', 'seen'),
    [
        (485, HAND, [6, 7]),  # 15 mm of the index finger's middle bone
        (460, HAND, []),  # the finger points at the camera
        (485, LAYERS + HAND, []),  # the other hand's
        (497, OBJECT, range(21)),  # touching
    ],
)
def test_only_own_flesh_may_lie_before_a_keypoint(depth, identity, seen):
    keypoints, pixels = row_of_keypoints()
    frame = frame_of(depth, identity, segment_region(1, 1))
    hidden = occlusion(keypoints, pixels, frame, (100, 100))
    assert set(np.flatnonzero(hidden == 0)) == set(seen)


def test_keypoints_outside_the_image_are_hidden():
    keypoints, pixels = row_of_keypoints()
    pixels[3] = [-5, 20]
    hidden = occlusion(keypoints, pixels, frame_of(0, 0, 0), (100, 100))
    assert np.flatnonzero(hidden).tolist() == [3]


def test_an_open_palm_shows_all_its_keypoints(generator):
    """Knuckles lie up to 30 mm inside the hand and are seen all the same."""
    hand, frames = drawn_hand(), []
    rest = hand.rest(hand.people[0], 185.0)
    posed = hand.pose(rest, GESTURES['open'])
    for view in ([1.0, -1, -1], [-1.0, -1, 1]):  # palm, back
        turn = np.diag(view)
        keypoints = posed.keypoints['anatomical'] @ turn.T + [0, 90, 500]
        vertices = posed.vertices @ turn.T + [0, 90, 500]
        surface = Surface(
            vertices,
            hand.vertex_normals(vertices),
            hand.faces,
            generator._dresser.map.rest,
            HAND,
            sample_skin(np.random.default_rng(0))[0],
            region=generator._dresser.map.region,
        )
        camera = np.array([[200.0, 0, 48], [0, 200, 48], [0, 0, 1]])
        light = sample_lighting(np.random.default_rng(0), None, [surface], [])
        frame = generator._renderer.render([surface], camera, light)
        pixels = project(keypoints, camera)
        frames.append(occlusion(keypoints, pixels, frame, (96, 96)))
    assert not np.any(frames)


def test_renderer_puts_a_square_where_the_camera_says():
    try:
        renderer = Renderer(64, 48, supersample=2.0)
    except RendererError as error:
        pytest.skip(str(error))
    corners = np.array(
        [
            [-20.8, -10.8, 400],
            [20.8, -10.8, 400],
            [20.8, 10.8, 400],
            [-20.8, 10.8, 400.0],
        ]
    )
    normals = np.tile([0, 0, -1.0], (4, 1))
    white = dict(
        material=PLAIN,
        base_color=np.ones(3),
        second_color=np.ones(3),
        noise_offset=np.zeros(3),
        roughness=0.5,
        specular=0.0,
        pattern=0.0,
    )
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    square = Surface(corners, normals, faces, corners, 7, white, closed=False)
    light = Lighting(
        np.array([[0, 0, -1.0]]),
        np.ones((1, 3)),
        np.full_like(DIRECTIONS, 0.2),
    )
    camera = np.array([[200.0, 0, 40.0], [0, 200, 20], [0, 0, 1]])
    frame = renderer.render([square], camera, light)
    y, x = np.nonzero(frame.alpha > 127)
    edges = project(corners, camera)
    # Centres of covered pixels lie inside the projected edges.
    assert x.min() == np.ceil(edges[:, 0].min())
    assert x.max() == np.ceil(edges[:, 0].max()) - 1
    assert y.min() == np.ceil(edges[:, 1].min())
    assert y.max() == np.ceil(edges[:, 1].max()) - 1
    assert set(np.unique(frame.identity)) == {0, 7}
    np.testing.assert_allclose(frame.depth[frame.depth > 0], 400, atol=0.5)


def test_focal_and_principal_point_undo_the_crop():
    rng = np.random.default_rng(0)
    center = np.array([150.0, -90, 600])
    hand = scenes.sample_hand(rng, SMALL, drawn_hand(), center)
    keypoints = hand.keypoints['anatomical']
    camera = scenes.crop_camera(rng, SMALL, keypoints, SMALL.crop_scale)
    pixels = project(keypoints, camera)
    assert (pixels > 0).all()
    assert (pixels < 95).all()
    assert camera[0, 0] == camera[1, 1]


@pytest.mark.parametrize(('name', 'value'), [('seed', -1), ('image_size', 8)])
def test_impossible_settings_are_named(name, value):
    with pytest.raises(ValueError, match=f'{name}: expected .* got {value}'):
        replace(SMALL, **{name: value})


def test_photo_folder_without_photos_is_named(tmp_path):
    config = replace(SMALL, backgrounds=str(tmp_path))
    with pytest.raises(FileNotFoundError, match='no photos to put behind'):
        config.background_files()


def test_unreadable_photo_is_named(tmp_path):
    (tmp_path / 'broken.jpg').write_bytes(b'nothing')
    config = replace(SMALL, backgrounds=str(tmp_path), photo_share=1.0)
    with pytest.raises(ValueError, match='broken.jpg: not a readable image'):
        make_generator(config).row(0)


def test_photos_are_used_and_change_the_digest(tmp_path):
    green = np.zeros((50, 80, 3), np.uint8)
    green[..., 1] = 200
    cv2.imwrite(str(tmp_path / 'a.png'), green)
    config = replace(SMALL, backgrounds=str(tmp_path), photo_share=1.0)
    assert config.digest() != SMALL.digest()
    row = make_generator(config).row(1)
    image = decode(row['image'])
    behind = decode(row['alpha'], cv2.IMREAD_GRAYSCALE) == 0
    mean = image[behind].mean(0)
    assert mean[1] > 3 * max(mean[0], mean[2])
