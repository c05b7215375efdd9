"""Draws scenes with this package's renderer: colour, depth and labels."""

from __future__ import annotations

import pickle
from importlib import metadata
from pathlib import Path

import cv2
from _scenes import parse_args, run

from synhand.synthesis.config import SynthesisConfig
from synhand.synthesis.jobs import prepare_process
from synhand.synthesis.renderer import Renderer


def read_scenes(path: Path) -> list[tuple]:
    """Surfaces, camera and lighting of each image, from the benchmark."""
    with path.open('rb') as file:
        return pickle.load(file)


def main() -> None:
    options = parse_args()
    prepare_process()
    renderer = Renderer(
        options.size, options.size, SynthesisConfig.supersample
    )

    def draw(surfaces, camera, lighting) -> None:
        frame = renderer.render(surfaces, camera, lighting)
        if options.picture:
            cv2.imwrite(str(options.picture), frame.color[..., ::-1])

    version = metadata.version('synhand')
    run(draw, read_scenes(options.scenes), version)


if __name__ == '__main__':
    main()
