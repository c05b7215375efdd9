"""What a synthetic set is made of: every share and range in one place."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from synhand.synthesis.poses import PoseShares

# Bumped when the same configuration would draw other images.
GENERATOR_VERSION = 3
PHOTO_SUFFIXES = ('.jpg', '.jpeg', '.png')


@dataclass(frozen=True)
class SynthesisConfig:
    """Configuration of a set; image ``i`` is a function of it and ``i``.

    Attributes:
        seed: Of the whole set.
        image_size: Side of the square crops in px.
        supersample: How much larger frames are drawn.
        poses: Shares of the kinds of poses.
        left_share: Share of left hands.
        upright_views: Share of views of palm or back with the fingers
            roughly upwards.
        egocentric_views: Share of views of one's own hand. All other views
            are drawn evenly from all directions.
        distance_mm: Range of the hand's distance from the camera.
        off_axis_degrees: How far from the optical axis a hand may be.
        crop_scale: Range of the crop's side over the hand box's longer side.
        crop_shift: Shift of the crop in parts of its side.
        child_share: Share of children's hands.
        long_nails: Share of hands with nails grown beyond the tips.
        sleeve, band, ring, glove: Shares of hands with a sleeve, a watch or
            bracelet, rings, a glove.
        object, occluder, body, second_hand: Shares of images with a held
            object (more often where the pose is a grip), something in front,
            a body of skin behind, another hand.
        matched_light: Share of images lit in the background's colours.
        backgrounds: Folder of photos, None for procedural ones only.
        photo_share: Share of photo backgrounds when there is a folder.
        jpeg_quality: Range.

    Raises:
        ValueError: A negative seed, or images too small to draw on.
    """

    seed: int = 0
    image_size: int = 256
    supersample: float = 1.5
    poses: PoseShares = field(default_factory=PoseShares)
    left_share: float = 0.5
    upright_views: float = 0.25
    egocentric_views: float = 0.1
    distance_mm: tuple[float, float] = (250.0, 1200.0)
    off_axis_degrees: float = 20.0
    crop_scale: tuple[float, float] = (2.0, 2.8)
    crop_shift: float = 0.08
    child_share: float = 0.12
    long_nails: float = 0.2
    sleeve: float = 0.4
    band: float = 0.15
    ring: float = 0.1
    glove: float = 0.03
    object: float = 0.12
    occluder: float = 0.12
    body: float = 0.1
    second_hand: float = 0.12
    matched_light: float = 0.4
    backgrounds: str | None = None
    photo_share: float = 0.85
    jpeg_quality: tuple[int, int] = (55, 96)

    def __post_init__(self) -> None:
        for name, lowest in (('seed', 0), ('image_size', 32)):
            value = getattr(self, name)
            if value < lowest:
                raise ValueError(
                    f'{name}: expected {lowest} or more, got {value}'
                )

    def background_files(self) -> list[Path]:
        """The photos of the folder in a fixed order.

        Raises:
            FileNotFoundError: The folder is missing or holds no photo.
        """
        if self.backgrounds is None:
            return []
        folder = Path(self.backgrounds)
        files = sorted(
            path
            for path in folder.rglob('*')
            if path.suffix.lower() in PHOTO_SUFFIXES
        )
        if not files:
            raise FileNotFoundError(
                f'{folder}: no photos to put behind hands; expected a folder '
                f'with {", ".join(PHOTO_SUFFIXES)} files'
            )
        return files

    def digest(self) -> str:
        """Identifies the set: the configuration and the photos it uses."""
        facts = {**asdict(self), 'version': GENERATOR_VERSION}
        facts['backgrounds'] = [
            (path.name, path.stat().st_size)
            for path in self.background_files()
        ]
        text = json.dumps(facts, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
