"""The MANO hand over the file of a user who holds its licence.

J. Romero, D. Tzionas, M. J. Black: *Embodied Hands*, SIGGRAPH Asia 2017. The
file (`MANO_RIGHT.pkl`, `MANO_LEFT.pkl` or the same arrays as .npz) is not
part of this package; see `data/README.md`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synhand.hands.families import change_family
from synhand.hands.layer import HandModel, RestHands, skin
from synhand.hands.rotations import axis_angle_to_matrix
from synhand.hands.safe_pickle import load_arrays
from synhand.skeleton import (
    FINGERS,
    FINGERTIPS,
    HAND_SIDES,
    JOINT_FAMILIES,
    NUM_KEYPOINTS,
    ORDERS,
)

NUM_BONES = 16
TIP_VERTICES = (745, 317, 445, 556, 673)
"""Thumb to little finger, as FreiHAND's evaluation and Mesh Graphormer."""

_SHAPES = {
    'v_template': ('V', 3),
    'shapedirs': ('V', 3, 'C'),
    'posedirs': ('V', 3, 9 * (NUM_BONES - 1)),
    'J_regressor': (NUM_BONES, 'V'),
    'weights': ('V', NUM_BONES),
    'kintree_table': (2, NUM_BONES),
    'f': ('F', 3),
    'hands_components': (45, 45),
    'hands_mean': (45,),
}
_MM = 1000.0


def read_mano(path: str | Path) -> dict[str, npt.NDArray]:
    """The arrays of a MANO file, checked.

    Args:
        path: `.pkl` as distributed, or `.npz` with arrays of the same names.

    Raises:
        FileNotFoundError: No such file.
        ValueError: Not such a file; one line with file, field and shape.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'{path}: no MANO file here; get MANO_RIGHT.pkl and '
            'MANO_LEFT.pkl from the MANO site under its licence, or use '
            'AnnyLayer, which needs no file'
        )
    if path.suffix == '.npz':
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in _SHAPES if name in file}
        except (ValueError, OSError) as error:
            raise ValueError(
                f'{path}: not a readable npz of plain arrays: {error}'
            ) from None
    else:
        arrays = load_arrays(path)
    sizes: dict[str, int] = {}
    for name, shape in _SHAPES.items():
        _check(path, name, arrays.get(name), shape, sizes)
    return {name: arrays[name] for name in _SHAPES}


def _check(
    path: Path,
    name: str,
    array: npt.NDArray | None,
    shape: tuple[int | str, ...],
    sizes: dict[str, int],
) -> None:
    """One array against its shape; letters are the same size everywhere."""
    found = () if array is None else array.shape
    fits = len(found) == len(shape) and all(
        size == (sizes.setdefault(n, size) if isinstance(n, str) else n)
        for size, n in zip(found, shape, strict=False)
    )
    if not fits:
        wanted = ' x '.join(str(sizes.get(str(n), n)) for n in shape)
        got = 'nothing' if array is None else f'shape {found}'
        raise ValueError(f'{path}: {name}: expected {wanted}, got {got}')


class ManoHand(HandModel):
    """MANO with this project's keypoints, in mm.

    D = 45 numbers: axis-angle of J = 15 joints (index, middle, little, ring,
    thumb; three each) in radians, zero at the flat template. The hand turns
    about its wrist joint, which keeps its place as in the original, so
    parameters of MANO datasets apply (translations in mm). The `anatomical`
    family moves the finger bases and the thumb's IP by the same share of the
    bone as in the free hand.

    Args:
        path: See :func:`read_mano`.
        side: `'right'` or `'left'`; None reads it off the file's name.
        dtype: Of all tensors.

    Raises:
        FileNotFoundError, ValueError: See :func:`read_mano`; no side given
            and none in the name.
    """

    def __init__(
        self,
        path: str | Path,
        side: str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        file = read_mano(path)
        template = file['v_template'].astype(np.float64) * _MM
        shapes = np.moveaxis(file['shapedirs'].astype(np.float64), -1, 0) * _MM
        regressor = file['J_regressor'].astype(np.float64)
        super().__init__(
            mean=_stack(template, regressor),
            basis=np.stack([_stack(s, regressor) for s in shapes]),
            weights=file['weights'],
            faces=file['f'].astype(np.int64),
            parents=_parents(file['kintree_table']),
            carriers=_carriers(),
            pose_space=_pose_space(file),
            limits=(np.full(45, -np.pi), np.full(45, np.pi)),
            shape_std=np.ones(len(shapes)),
            side=HAND_SIDES[side or _side_of(Path(path))],
            dtype=dtype,
        )
        corrections = file['posedirs'].astype(np.float64) * _MM
        self.register_buffer(
            'corrections',
            torch.as_tensor(corrections.reshape(-1, corrections.shape[-1]).T)
            .to(dtype)
            .contiguous(),
            persistent=False,
        )

    corrections: Tensor

    @property
    def num_joints(self) -> int:
        return NUM_BONES - 1

    def rotations(self, dofs: Tensor) -> Tensor:
        return axis_angle_to_matrix(dofs.unflatten(-1, (-1, 3)))

    def _bone_rotations(self, joints: Tensor) -> Tensor:
        eye = torch.eye(3, dtype=joints.dtype, device=joints.device)
        return torch.cat([eye.expand(len(joints), 1, 3, 3), joints], 1)

    def _origin(self, pivots: Tensor) -> Tensor:
        return pivots[:, :1]

    def _corrected(self, rest: RestHands, joints: Tensor) -> Tensor:
        assert rest.vertices is not None
        return rest.vertices + _offsets(joints, self.corrections)

    def _keypoints(
        self, rest: RestHands, joints: Tensor, turns: Tensor, moves: Tensor
    ) -> Tensor:
        """Joints move with their bones, tips are vertices of the surface."""
        points = super()._keypoints(rest, joints, turns, moves)
        tips = rest.keypoints[:, list(FINGERTIPS)]
        columns = self.corrections.unflatten(-1, (-1, 3))[:, TIP_VERTICES]
        tips = tips + _offsets(joints, columns.flatten(1))
        tips = skin(self.weights[list(TIP_VERTICES)], tips, turns, moves)
        places = [k + i for i in (0, NUM_KEYPOINTS) for k in FINGERTIPS]
        points = points.clone()
        points[:, places] = tips.repeat(1, len(JOINT_FAMILIES), 1)
        return points


def _offsets(joints: Tensor, corrections: Tensor) -> Tensor:
    """What a pose adds to vertices at rest, (B, P, 3)."""
    eye = torch.eye(3, dtype=joints.dtype, device=joints.device)
    features = (joints - eye).flatten(1)
    return (features @ corrections).unflatten(-1, (-1, 3))


def _stack(
    vertices: npt.NDArray, regressor: npt.NDArray
) -> npt.NDArray[np.float64]:
    """Vertices, pivots and keypoints of both families, (P, 3).

    All are linear in the vertices, so this maps shape directions as well.
    """
    pivots = regressor @ vertices
    theirs = np.concatenate([pivots, vertices[list(TIP_VERTICES)]])
    mano = theirs[list(ORDERS['mano_with_tips'])]
    anatomical = change_family(mano, 'mano', 'anatomical')
    return np.concatenate([vertices, pivots, anatomical, mano])


def _carriers() -> npt.NDArray[np.int64]:
    """The bone (2 K,) of each keypoint.

    A joint is on its own bone's pivot; the anatomical bases move with the
    palm; tips are skinned instead.
    """
    theirs = [*range(NUM_BONES), *(3, 6, 9, 12, 15)]
    mano = np.array(theirs)[list(ORDERS['mano_with_tips'])]
    anatomical = mano.copy()
    anatomical[[chain[0] for chain in FINGERS.values()]] = 0
    return np.concatenate([anatomical, mano])


def _parents(kintree: npt.NDArray) -> npt.NDArray[np.int64]:
    """Parents (16,) with -1 for the root, which the file gives as 2^32 - 1."""
    parents = kintree[0].astype(np.int64)
    parents[0] = -1
    return parents


def _pose_space(file: dict) -> tuple[npt.NDArray, npt.NDArray, npt.NDArray]:
    """The file's own; coefficients are in its own units."""
    components = file['hands_components']
    return file['hands_mean'], components, np.ones(len(components))


def _side_of(path: Path) -> str:
    found = [s for s in ('left', 'right') if s in path.stem.lower()]
    if len(found) != 1:
        raise ValueError(
            f"{path}: the file name tells no side; give side='left' or "
            "side='right'"
        )
    return found[0]
