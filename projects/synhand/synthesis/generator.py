"""Index to labelled image: ``Generator(config).row(i)``.

Everything about image ``i`` is drawn from a random generator seeded by the
set's seed and ``i``, so any machine can make any part of a set.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import cv2
import numpy as np

from synhand.geometry.cameras import project
from synhand.hands.anny_hand import drawn_hand
from synhand.skeleton import JOINT_FAMILIES
from synhand.synthesis import scenes, things
from synhand.synthesis.appearance import sample_skin, tone_name
from synhand.synthesis.backgrounds import (
    photo_background,
    procedural_background,
)
from synhand.synthesis.bodies import (
    Look,
    body_surfaces,
    sample_look,
    upper_arm,
)
from synhand.synthesis.checks import (
    CAUSES,
    NEAREST_MM,
    hand_faults,
    in_image,
)
from synhand.synthesis.config import SynthesisConfig
from synhand.synthesis.held import held_object, is_hold
from synhand.synthesis.lighting import sample_lighting
from synhand.synthesis.occlusion import occlusion
from synhand.synthesis.renderer import Renderer
from synhand.synthesis.scene_hands import SceneHand
from synhand.synthesis.scenes import Scene
from synhand.synthesis.sensor import encode_jpeg, encode_png, expose
from synhand.synthesis.skin_map import default_skin_map
from synhand.synthesis.surfaces import Frame, Lighting, Surface
from synhand.synthesis.things import BODY, HandDresser

_MAX_TRIES = 20


class SelfCheckError(RuntimeError):
    """No scene of an image passes the self-check."""


class Generator:
    """Makes the rows of one set on this process's own OpenGL context."""

    def __init__(self, config: SynthesisConfig) -> None:
        self.config = config
        self._photos = config.background_files()
        self._environments = config.environment_files()
        self._hand = drawn_hand()
        self._dresser = HandDresser(config, default_skin_map())
        self._renderer = Renderer(*config.size, config.supersample)

    def row(self, index: int) -> dict:
        """The row of image ``index``, as ``ShardSet.row`` returns it.

        A scene whose hands fail the self-check is drawn again, from the same
        stream of random numbers; the row's ``scene`` counts what failed.

        Raises:
            SelfCheckError: No scene of many passes.
        """
        rng = np.random.default_rng([self.config.seed, index])
        rejected: Counter[str] = Counter()
        for attempt in range(_MAX_TRIES):
            row, causes = self._attempt(rng, index)
            if not causes:
                row['scene'] = json.dumps(
                    {
                        **row['scene'],
                        'attempts': attempt + 1,
                        'rejected': dict(rejected),
                    }
                )
                return row
            rejected.update(causes)
        found = ', '.join(f'{CAUSES[c]} ({n})' for c, n in rejected.items())
        raise SelfCheckError(
            f'image {index}: none of {_MAX_TRIES} scenes passed the '
            f'self-check: {found}'
        )

    def _attempt(
        self, rng: np.random.Generator, index: int
    ) -> tuple[dict, list[str]]:
        """A row without its count of attempts, and what is wrong with it."""
        config, (width, height) = self.config, self.config.size
        background = self._background(rng)
        scene = scenes.sample_scene(rng, config, self._hand)
        hands, others = split_hands(scene, config.size)
        if any(is_too_near(hand) for hand in hands):
            return {}, ['behind']
        if scenes.penetrates(scene):
            return {}, ['penetration']
        surfaces, tone = self._surfaces(rng, scene, hands, others)
        matched = rng.random() < config.matched_light
        lighting = sample_lighting(
            rng,
            background if matched else None,
            surfaces,
            self._environments,
        )
        frame = self._renderer.render(surfaces, scene.camera, lighting)
        labels = [
            hand_labels(hand, scene.camera, frame, config.size, number)
            for number, hand in enumerate(hands)
        ]
        causes = find_faults(labels, scene.camera, config)
        if causes:
            return {}, causes
        picture = compose(frame, background)
        mask = cv2.resize(
            frame.identity, config.size, interpolation=cv2.INTER_NEAREST
        )
        quality = int(rng.integers(*config.jpeg_quality))
        row = {
            'index': index,
            'image': encode_jpeg(expose(rng, picture), quality),
            'alpha': encode_png(frame.alpha),
            'mask': encode_png(mask),
            'width': width,
            'height': height,
            'camera_matrix': scene.camera,
            'hands': labels,
            'scene': scene_facts(scene, hands, tone, lighting, surfaces),
        }
        return row, []

    def _background(self, rng: np.random.Generator) -> np.ndarray:
        size = self.config.size
        if self._photos and rng.random() < self.config.photo_share:
            path = self._photos[rng.integers(len(self._photos))]
            return photo_background(rng, path, size)
        return procedural_background(rng, size)

    def _surfaces(
        self,
        rng: np.random.Generator,
        scene: Scene,
        hands: list[SceneHand],
        others: list[SceneHand],
    ) -> tuple[list[Surface], float | None]:
        """All meshes, the target first, and the first person's skin tone.

        Args:
            hands: Those with labels, in their order.
            others: Those out of the image.
        """
        config = self.config
        looks = sample_looks(rng, scene)
        surfaces: list[Surface] = []
        for number, hand in enumerate([*hands, *others]):
            look, on_body = looks[hand.owner], hand.shoulder is not None
            outfit = look.outfit if on_body else None
            labelled = number < len(hands)
            parts = self._dresser.surfaces(
                rng, hand, look.skin, number if labelled else 0, outfit
            )
            if not labelled:
                parts = [replace(part, identity=BODY) for part in parts]
            elif rng.random() < _object_share(config, hand):
                parts.append(held_object(rng, hand, number))
            surfaces += parts
            if on_body:
                surfaces += upper_arm(hand, look)
        for figure, look in zip(scene.figures, looks, strict=False):
            surfaces += body_surfaces(figure, look)
        surfaces += self._clutter(rng, scene, hands)
        return surfaces, looks[0].tone if looks else None

    def _clutter(
        self, rng: np.random.Generator, scene: Scene, hands: list[SceneHand]
    ) -> list[Surface]:
        """Things and bodies that are nobody's."""
        config, clutter = self.config, []
        if hands and rng.random() < config.occluder:
            clutter.append(things.sample_occluder(rng, hands[0]))
        if scene.kind == 'crop' and rng.random() < config.body:
            clutter.append(things.sample_body(rng, hands[0]))
        count = rng.poisson(0.5) if config.mode == 'frame' else 0
        for _ in range(count if scene.hands else max(count, 1)):
            clutter.append(
                things.sample_furniture(rng, scene.camera, config.size)
            )
        return clutter


def _object_share(config: SynthesisConfig, hand: SceneHand) -> float:
    return config.grip_object if is_hold(hand.pose) else config.object


def split_hands(
    scene: Scene, size: tuple[int, int]
) -> tuple[list[SceneHand], list[SceneHand]]:
    """The hands with a keypoint in the image, and the others.

    A crop's target stays the first; in a whole picture that is the hand that
    takes most of it.
    """
    visible, others, areas = [], [], []
    for number, hand in enumerate(scene.hands):
        points = hand.keypoints['anatomical']
        ahead = points[:, 2] > 0
        pixels = project(points[ahead], scene.camera)
        inside = in_image(pixels, np.array(size)).sum() / len(points)
        if inside == 0:
            others.append(hand)
            continue
        visible.append(hand)
        is_target = scene.kind in ('crop', 'wide') and number == 0
        area = np.inf if is_target else np.ptp(pixels, axis=0).prod() * inside
        areas.append(-area)
    order = np.argsort(areas, kind='stable')
    return [visible[i] for i in order], others


def is_too_near(hand: SceneHand) -> bool:
    """Whether a part of a hand is not before the camera."""
    return bool(hand.keypoints['anatomical'][:, 2].min() < NEAREST_MM)


def sample_looks(rng: np.random.Generator, scene: Scene) -> list[Look]:
    """The look of every owner of a hand or a body.

    A lone second hand is of the same person most of the time.
    """
    owners = 1 + max((hand.owner for hand in scene.hands), default=-1)
    if scene.figures:
        return [sample_look(rng) for _ in range(owners)]
    looks = [Look(*sample_skin(rng)) for _ in range(owners)]
    if owners == 2 and rng.random() < 0.7:
        looks[1] = looks[0]
    return looks


def scene_facts(
    scene: Scene,
    hands: list[SceneHand],
    tone: float | None,
    lighting: Lighting,
    surfaces: list[Surface],
) -> dict:
    """What a row says about its scene."""
    facts = {
        'kind': scene.kind,
        'people': len(scene.figures),
        'touching': scene.touching,
        'lights': len(lighting.directions),
        'surfaces': [surface.identity for surface in surfaces],
    }
    if tone is not None:
        facts['tone'] = round(tone, 2)
        facts['monk'] = tone_name(tone)
    if hands:
        points = hands[0].keypoints['anatomical']
        facts['distance_mm'] = round(float(points[9, 2]), 1)
        facts['repaired'] = round(hands[0].pose.repaired, 2)
    return facts


def compose(frame: Frame, background: np.ndarray) -> np.ndarray:
    """The drawn surfaces before a background, (H, W, 3) uint8 RGB."""
    # Around all that is drawn: elsewhere the background stays as it is.
    x, y, width, height = cv2.boundingRect(frame.alpha)
    if not width:
        return background
    box = np.s_[y : y + height, x : x + width]
    light = cv2.merge([_crease_light(frame)[box]] * 3)
    through = cv2.merge([255 - frame.alpha[box]] * 3)
    color = cv2.multiply(frame.color[box], light, scale=1 / 255)
    behind = cv2.multiply(background[box], through, scale=1 / 255)
    picture = background.copy()
    picture[box] = cv2.add(color, behind)
    return picture


def _crease_light(frame: Frame) -> np.ndarray:
    """Light (H, W) uint8, 255 full, less where something near hides it.

    Pixels that lie behind their neighbourhood's mean depth get less light
    (depth darkening, Luft et al. 2006). At half of the resolution: the
    result is smooth.
    """
    width, height = frame.alpha.shape[::-1]
    half = (width // 2, height // 2)
    depth = cv2.resize(frame.depth, half, interpolation=cv2.INTER_NEAREST)
    mask = (depth > 0).astype(np.float32)
    side = 2 * int(width / 50) + 1
    box = (side, side)  # twice: close to a Gaussian, and much cheaper
    total = cv2.blur(cv2.blur(mask, box), box)
    mean = cv2.blur(cv2.blur(depth, box), box)
    behind = (depth - mean / np.maximum(total, 1e-3)) * mask / 40.0
    light = (255 - 115 * np.clip(behind, 0, 1)).astype(np.uint8)
    light = cv2.blur(light, (3, 3))
    return cv2.resize(light, (width, height))


def hand_labels(
    hand: SceneHand,
    camera: np.ndarray,
    frame: Frame,
    size: tuple[int, int],
    number: int,
) -> dict:
    """One entry of a row's ``hands``; the image's hands are numbered."""
    keypoints = hand.keypoints['anatomical']
    pixels = project(keypoints, camera)
    return {
        'side': hand.side,
        'bbox': np.concatenate([pixels.min(0), pixels.max(0)]),
        'keypoints_2d': pixels,
        **{f'keypoints_cam_{f}': hand.keypoints[f] for f in JOINT_FAMILIES},
        'occluded': occlusion(keypoints, pixels, frame, size, number),
        'kind': hand.pose.kind,
        'pose': hand.pose.angles,
        'shape': hand.shape,
    }


def find_faults(
    labels: list[dict], camera: np.ndarray, config: SynthesisConfig
) -> list[str]:
    """Names of the tests that the labelled hands of an image fail."""
    if not labels:
        return []
    stacked = {
        key: np.stack([hand[key] for hand in labels])
        for key in ('keypoints_2d', 'side', 'pose', 'occluded')
    }
    count = len(labels)
    strict = (np.arange(count) == 0) & (config.mode == 'crop')
    faults = hand_faults(
        stacked['keypoints_2d'],
        np.stack([hand['keypoints_cam_anatomical'] for hand in labels]),
        np.broadcast_to(camera, (count, 3, 3)),
        stacked['side'],
        stacked['pose'],
        stacked['occluded'],
        np.broadcast_to(config.size, (count, 2)),
        strict,
    )
    return [name for name, failed in faults.items() if failed.any()]
