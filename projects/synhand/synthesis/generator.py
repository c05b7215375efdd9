"""Index to labelled image: ``Generator(config).row(i)``.

Everything about image ``i`` is drawn from a random generator seeded by the
set's seed and ``i``, so any machine can make any part of a set.
"""

from __future__ import annotations

import json

import cv2
import numpy as np

from synhand.geometry.cameras import project
from synhand.hands.anny_hand import FAMILIES, default_hand
from synhand.synthesis import scenes, things
from synhand.synthesis.appearance import sample_lighting, sample_skin
from synhand.synthesis.backgrounds import (
    photo_background,
    procedural_background,
)
from synhand.synthesis.config import SynthesisConfig
from synhand.synthesis.occlusion import occlusion
from synhand.synthesis.renderer import Frame, Renderer, Surface
from synhand.synthesis.scenes import SceneHand
from synhand.synthesis.sensor import encode_jpeg, encode_png, expose
from synhand.synthesis.skin_map import default_skin_map
from synhand.synthesis.things import HandDresser

MIN_SEEN = 0.4
_MAX_TRIES = 20


class SelfCheckError(RuntimeError):
    """Labels of an image contradict each other."""


class Generator:
    """Makes the rows of one set on this process's own OpenGL context."""

    def __init__(self, config: SynthesisConfig) -> None:
        self.config = config
        self._photos = config.background_files()
        self._hand = default_hand()
        self._dresser = HandDresser(config, default_skin_map())
        self._renderer = Renderer(
            config.image_size, config.image_size, config.supersample
        )

    def row(self, index: int) -> dict:
        """The row of image ``index``, as ``ShardSet.row`` returns it.

        Scenes whose target is hidden too much are drawn again, from the
        same stream of random numbers.

        Raises:
            SelfCheckError: The labels contradict each other.
        """
        rng = np.random.default_rng([self.config.seed, index])
        for attempt in range(_MAX_TRIES):
            row = self._attempt(rng, index, attempt)
            if row is not None:
                return row
        raise SelfCheckError(
            f'image {index}: hidden in {_MAX_TRIES} scenes; expected '
            f'{MIN_SEEN:.0%} of the keypoints to be seen'
        )

    def _attempt(
        self, rng: np.random.Generator, index: int, attempt: int
    ) -> dict | None:
        config = self.config
        background = self._background(rng)
        center = scenes.sample_center(rng, config)
        target = scenes.sample_hand(rng, config, self._hand, center)
        camera = scenes.crop_camera(
            rng, config, target.keypoints['anatomical']
        )
        skin, tone = sample_skin(rng)
        surfaces, hands = self._surfaces(rng, target, skin)
        matched = rng.random() < config.matched_light
        lighting = sample_lighting(rng, background if matched else None)
        frame = self._renderer.render(surfaces, camera, lighting)
        labels = [
            hand_labels(hand, camera, frame, config.image_size, number)
            for number, hand in enumerate(hands)
        ]
        if np.mean(labels[0]['occluded'] == 0) < MIN_SEEN:
            return None
        check_hand(labels[0], camera, config.image_size, index)
        picture = compose(frame, background)
        mask = cv2.resize(
            frame.identity, picture.shape[:2], interpolation=cv2.INTER_NEAREST
        )
        quality = int(rng.integers(*config.jpeg_quality))
        scene = {
            'tone': round(tone, 2),
            'distance_mm': round(float(center[2]), 1),
            'lights': len(lighting.directions),
            'repaired': round(target.pose.repaired, 2),
            'attempts': attempt + 1,
            'surfaces': [surface.identity for surface in surfaces],
        }
        return {
            'index': index,
            'image': encode_jpeg(expose(rng, picture), quality),
            'alpha': encode_png(frame.alpha),
            'mask': encode_png(mask),
            'width': config.image_size,
            'height': config.image_size,
            'camera_matrix': camera,
            'hands': labels,
            'scene': json.dumps(scene),
        }

    def _background(self, rng: np.random.Generator) -> np.ndarray:
        size = self.config.image_size
        if self._photos and rng.random() < self.config.photo_share:
            path = self._photos[rng.integers(len(self._photos))]
            return photo_background(rng, path, size)
        return procedural_background(rng, size)

    def _surfaces(
        self, rng: np.random.Generator, target: SceneHand, skin: dict
    ) -> tuple[list[Surface], list[SceneHand]]:
        """All meshes, the target first, and the hands among them."""
        config = self.config
        surfaces = self._dresser.surfaces(rng, target, skin)
        hands = [target]
        holds = scenes.is_hold(target.pose)
        if rng.random() < (0.6 if holds else config.object):
            surfaces.append(things.sample_held_object(rng, target))
        if rng.random() < config.occluder:
            surfaces.append(things.sample_occluder(rng, target))
        if rng.random() < config.body:
            surfaces.append(things.sample_body(rng, target))
        if rng.random() < config.second_hand:
            center = scenes.second_hand_center(rng, target)
            other = scenes.sample_hand(rng, config, self._hand, center)
            other_skin = things.second_skin(rng, skin)
            surfaces += self._dresser.surfaces(rng, other, other_skin, 1)
            hands.append(other)
        return surfaces, hands


def compose(frame: Frame, background: np.ndarray) -> np.ndarray:
    """The drawn surfaces before a background, (H, W, 3) uint8 RGB."""
    color = cv2.multiply(frame.color, _crease_light(frame), scale=1 / 255)
    through = cv2.merge([255 - frame.alpha] * 3)
    behind = cv2.multiply(background, through, scale=1 / 255)
    return cv2.add(color, behind)


def _crease_light(frame: Frame) -> np.ndarray:
    """Light (H, W, 3) uint8, 255 full, less where something near hides it.

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
    return cv2.merge([cv2.resize(light, (width, height))] * 3)


def hand_labels(
    hand: SceneHand, camera: np.ndarray, frame: Frame, size: int, number: int
) -> dict:
    """One entry of a row's ``hands``; the image's hands are numbered."""
    keypoints = hand.keypoints['anatomical']
    pixels = project(keypoints, camera)
    return {
        'side': hand.side,
        'bbox': np.concatenate([pixels.min(0), pixels.max(0)]),
        'keypoints_2d': pixels,
        **{f'keypoints_cam_{f}': hand.keypoints[f] for f in FAMILIES},
        'occluded': occlusion(keypoints, pixels, frame, size, number),
        'kind': hand.pose.kind,
        'pose': hand.pose.angles,
        'shape': hand.shape,
    }


def check_hand(
    labels: dict, camera: np.ndarray, size: int, index: int
) -> None:
    """Raise when a target hand's labels contradict each other.

    Raises:
        SelfCheckError: Projection, place in the image or chirality is off.
    """
    pixels = labels['keypoints_2d']
    keypoints = labels['keypoints_cam_anatomical']
    if np.abs(project(keypoints, camera) - pixels).max() > 1e-3:
        raise SelfCheckError(f'image {index}: 2D is not the projected 3D')
    inside = ((pixels >= -0.5) & (pixels <= size - 0.5)).all(1).mean()
    if inside < 0.9:
        raise SelfCheckError(
            f'image {index}: {inside:.0%} of the keypoints in the image'
        )
    expected = 1 if labels['side'] == scenes.RIGHT else -1
    if chirality(keypoints) == -expected:
        raise SelfCheckError(f'image {index}: side contradicts the 3D hand')


def chirality(keypoints: np.ndarray) -> int:
    """1 for a right hand, -1 for a left one, 0 where no finger is bent.

    Fingers bend about an axis that points to the thumb in a right hand.

    Args:
        keypoints: (K, 3), any unit, right-handed frame.
    """
    to_thumb = keypoints[5] - keypoints[17]
    to_thumb = to_thumb / np.linalg.norm(to_thumb)
    bones = np.diff(keypoints[5:].reshape(4, 4, 3), axis=1)
    bones /= np.linalg.norm(bones, axis=-1, keepdims=True)
    bend = np.cross(bones[:, 0], bones[:, 1]) @ to_thumb
    strongest = bend[np.argmax(np.abs(bend))]
    return 0 if abs(strongest) < 0.15 else int(np.sign(strongest))
