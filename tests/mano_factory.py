"""A file with the layout of MANO's, made of the free hand's numbers."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
from scipy.sparse import csc_matrix

from synhand.hands.anny_hand import default_hand
from synhand.hands.bake import BONES

VERTICES, FACES, SHAPES = 778, 1538, 10
_FINGERS = (2, 3, 5, 4, 1)  # MANO: index, middle, little, ring, thumb
_BONES = [BONES.index('wrist')] + [
    BONES.index(f'finger{f}-{s}') for f in _FINGERS for s in (1, 2, 3)
]


def mano_arrays(seed: int = 0) -> dict[str, np.ndarray]:
    """Arrays as MANO names and shapes them, in metres."""
    rng = np.random.default_rng(seed)
    hand = default_hand()
    kept = np.sort(rng.choice(hand.num_vertices, VERTICES, replace=False))
    weights = hand.weights[kept][:, _BONES] + 1e-3
    pivots = hand.mean[hand.num_vertices :][_BONES] / 1000
    template = hand.mean[kept] / 1000
    near = np.linalg.norm(pivots[:, None] - template, axis=-1).argsort(1)
    regressor = np.zeros((16, VERTICES))
    np.put_along_axis(regressor, near[:, :8], 1 / 8, axis=1)
    parents = [2**32 - 1] + [
        0 if joint % 3 == 0 else joint for joint in range(15)
    ]
    components = np.linalg.qr(rng.normal(size=(45, 45)))[0]
    return dict(
        v_template=template,
        shapedirs=np.moveaxis(hand.basis[:SHAPES, kept], 0, -1) / 1000,
        posedirs=rng.normal(0, 1e-4, (VERTICES, 3, 135)),
        J_regressor=regressor,
        weights=weights / weights.sum(1, keepdims=True),
        kintree_table=np.array([parents, range(16)], np.uint32),
        f=rng.integers(0, VERTICES, (FACES, 3)).astype(np.uint32),
        hands_components=components,
        hands_mean=rng.normal(0, 0.1, 45),
    )


def write_mano(path: Path, protocol: int = 2) -> Path:
    """A pickle like MANO's: chumpy arrays, a sparse matrix, strings."""
    modules = {
        name: ModuleType(name)
        for name in ('chumpy', 'chumpy.ch', 'chumpy.reordering')
    }
    ch = modules['chumpy.ch'].Ch = _plain_class('chumpy.ch', 'Ch')
    select = _plain_class('chumpy.reordering', 'Select')
    modules['chumpy.reordering'].Select = select
    arrays: dict = mano_arrays()
    corrections = ch()
    corrections.__dict__.update(x=arrays['posedirs'], _dirty_vars=set())
    arrays['posedirs'] = corrections
    # MANO keeps its first shapes as a part of a larger array.
    shapes = arrays['shapedirs']
    larger = ch()
    larger.x = np.concatenate([shapes, shapes + 1], -1)
    part = arrays['shapedirs'] = select()
    numbers = np.arange(larger.x.size).reshape(larger.x.shape)
    part.a, part.preferred_shape = larger, shapes.shape
    part.idxs = numbers[..., :SHAPES].ravel()
    arrays['J_regressor'] = csc_matrix(arrays['J_regressor'])
    arrays['bs_style'] = 'lbs'
    before = dict(sys.modules)
    sys.modules.update(modules)
    try:
        path.write_bytes(pickle.dumps(arrays, protocol))
    finally:
        for name in modules:
            sys.modules.pop(name)
            if name in before:
                sys.modules[name] = before[name]
    return path


def _plain_class(module: str, name: str) -> type:
    return type(name, (), {'__module__': module, '__qualname__': name})
