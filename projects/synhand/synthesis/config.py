"""What a synthetic set is made of: every share and range in one place."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from synhand.photos import background_photos
from synhand.synthesis.environment import hdr_files
from synhand.synthesis.poses import PoseShares

# Bumped when the same configuration would draw other images.
GENERATOR_VERSION = 15
MODES = ('crop', 'frame')


@dataclass(frozen=True)
class SynthesisConfig:
    """Configuration of a set; image ``i`` is a function of it and ``i``.

    Attributes:
        seed: Of the whole set.
        mode: ``crop``, squares about a target hand, or ``frame``, whole
            pictures of people with 0 to 4 hands.
        image_size: Side of the square crops in px.
        frame_size: Width and height of whole pictures in px.
        supersample: How much larger frames are drawn.
        poses: Shares of the kinds of poses.
        left_share: Share of left hands.
        upright_views: Share of views of palm or back with the fingers
            roughly upwards.
        egocentric_views: Share of views of one's own hand. All other views
            are drawn evenly from all directions.
        distance_mm: Range of the hand's distance from the camera.
        off_axis_degrees: How far from the optical axis a hand may be.
        wide_lens: Share of hands at the border of a wide lens, up to
            ``wide_off_axis_degrees`` from the axis.
        crop_scale: Range of the crop's side over the hand box's longer side;
            with the distance it gives a crop its focal length.
        tight_crops, tight_scale: Share of crops that the hand nearly fills,
            and their range.
        wide_crops: Share of crops of a person whose hand is small, down to
            ``smallest_px``.
        smallest_px: Longer side of the smallest hand boxes.
        crop_shift: Shift of the crop in parts of its side.
        frame_hands: Shares of whole pictures with 0, 1, ... hands in them.
        frame_egocentric: Share of whole pictures through a person's eyes.
        frame_view_degrees: Range of the horizontal angle of view of whole
            pictures.
        frame_distance_mm: Range of a hand's distance in whole pictures.
        interacting: Share of people with two hands near each other, of those
            with both hands in a whole picture; half of them touch.
        child_share: Share of children's hands.
        long_nails: Share of hands with nails grown beyond the tips.
        sleeve, band, ring, glove: Shares of hands with a sleeve, a watch or
            bracelet, rings, a glove.
        grip_object, object: Shares of hands with a held object, of those
            whose pose is a grip and of others.
        occluder, body, second_hand: Shares of images with something in
            front, a body of skin behind, another hand.
        matched_light: Share of images lit in the background's colours.
        backgrounds: Folder of photos, None for procedural ones only.
        photo_share: Share of photo backgrounds when there is a folder.
        environments: Folder of HDR images that light a share of the images,
            None for procedural skies and rooms only.
        jpeg_quality: Range.

    Raises:
        ValueError: A negative seed, an unknown mode, images too small to
            draw on, or shares of more hands than can be told apart.
    """

    seed: int = 0
    mode: str = 'crop'
    image_size: int = 256
    frame_size: tuple[int, int] = (640, 480)
    supersample: float = 1.25
    poses: PoseShares = field(default_factory=PoseShares)
    left_share: float = 0.5
    upright_views: float = 0.25
    egocentric_views: float = 0.1
    distance_mm: tuple[float, float] = (250.0, 1200.0)
    off_axis_degrees: float = 20.0
    wide_lens: float = 0.1
    wide_off_axis_degrees: float = 45.0
    crop_scale: tuple[float, float] = (1.7, 2.8)
    tight_crops: float = 0.08
    tight_scale: tuple[float, float] = (1.1, 1.7)
    wide_crops: float = 0.12
    smallest_px: float = 20.0
    crop_shift: float = 0.08
    frame_hands: tuple[float, ...] = (0.08, 0.3, 0.42, 0.1, 0.1)
    frame_egocentric: float = 0.2
    frame_view_degrees: tuple[float, float] = (25.0, 90.0)
    frame_distance_mm: tuple[float, float] = (250.0, 3000.0)
    interacting: float = 0.5
    child_share: float = 0.12
    long_nails: float = 0.2
    sleeve: float = 0.4
    band: float = 0.15
    ring: float = 0.1
    glove: float = 0.06
    grip_object: float = 0.75
    object: float = 0.25
    occluder: float = 0.12
    body: float = 0.1
    second_hand: float = 0.2
    matched_light: float = 0.4
    backgrounds: str | None = None
    photo_share: float = 0.95
    environments: str | None = None
    jpeg_quality: tuple[int, int] = (55, 96)

    def __post_init__(self) -> None:
        for name, lowest in (('seed', 0), ('image_size', 32)):
            value = getattr(self, name)
            if value < lowest:
                raise ValueError(
                    f'{name}: expected {lowest} or more, got {value}'
                )
        if self.mode not in MODES:
            raise ValueError(f'mode: expected {MODES}, got {self.mode!r}')
        if len(self.frame_size) != 2 or min(self.frame_size) < 32:
            raise ValueError(
                'frame_size: expected a width and a height of 32 or more, '
                f'got {self.frame_size}'
            )
        if not 1 <= len(self.frame_hands) <= 5 or sum(self.frame_hands) <= 0:
            raise ValueError(
                'frame_hands: expected 1 to 5 shares, of 0 to 4 hands, got '
                f'{self.frame_hands}'
            )

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the images in px."""
        if self.mode == 'frame':
            return self.frame_size
        return self.image_size, self.image_size

    def background_files(self) -> list[Path]:
        """The photos of the folder in a fixed order.

        Raises:
            FileNotFoundError: The folder is missing or holds no photo.
        """
        if self.backgrounds is None:
            return []
        return background_photos(self.backgrounds)

    def environment_files(self) -> list[Path]:
        """The HDR images of the folder in a fixed order.

        Raises:
            FileNotFoundError: The folder is missing or holds none.
        """
        if self.environments is None:
            return []
        return hdr_files(self.environments)

    def digest(self) -> str:
        """Identifies the set: the configuration and the images it uses."""
        facts = {**asdict(self), 'version': GENERATOR_VERSION}
        facts['backgrounds'] = _fingerprint(self.background_files())
        facts['environments'] = _fingerprint(self.environment_files())
        text = json.dumps(facts, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def _fingerprint(files: list[Path]) -> list[tuple[str, int]]:
    return [(path.name, path.stat().st_size) for path in files]
