"""Meshes of a file and the time of drawing them; needs NumPy alone."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np


def read_meshes(path: Path) -> list[tuple]:
    """Vertices (V, 3) mm, faces (F, 3) and camera (3, 3) px of each image.

    Camera frame: x right, y down, z forward; pixel centres at integers.
    """
    with np.load(path) as file:
        data = {name: file[name] for name in file.files}
    vertices = np.split(data['vertices'], np.cumsum(data['vertex_counts']))
    faces = np.split(data['faces'], np.cumsum(data['face_counts']))
    return list(zip(vertices[:-1], faces[:-1], data['cameras'], strict=True))


def run(draw: Callable, images: list[tuple], version: str) -> None:
    """Draw every image, after one more to warm up; print what it took.

    Args:
        draw: Of an image's entries.
        images: What to draw.
        version: Of the renderer.
    """
    draw(*images[0])
    wall, cpu = time.perf_counter(), time.process_time()
    for image in images:
        draw(*image)
    facts = {
        'images': len(images),
        'wall_s': time.perf_counter() - wall,
        'cpu_s': time.process_time() - cpu,
        'version': version,
    }
    print(json.dumps(facts), flush=True)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument('scenes', type=Path, help='file of meshes')
    parser.add_argument('--size', type=int, required=True, help='px')
    parser.add_argument('--samples', type=int, help='rays a pixel')
    parser.add_argument('--picture', type=Path, help='keep the last image')
    return parser.parse_args()
