"""Parameters back from keypoints."""

import numpy as np
import pytest
import torch

from mano_factory import write_mano
from synhand.hands.anatomy import LOWER, UPPER
from synhand.hands.anny_hand import ADULT_LENGTH_MM, default_hand
from synhand.hands.anny_layer import AnnyLayer
from synhand.hands.fitting import HandParameters, fit_2d, fit_3d
from synhand.hands.mano import ManoHand
from synhand.hands.rotations import axis_angle_to_matrix
from synhand.synthesis.pose_space import sample_poses

DOUBLE = torch.float64
CAMERA = torch.tensor(
    [[400.0, 0, 127], [0, 400, 127], [0, 0, 1]], dtype=DOUBLE
)


def hands(model, poses, seed=0) -> HandParameters:
    """Random people in given poses, half a metre before the camera."""
    rng = np.random.default_rng(seed)
    count = len(poses)
    spread = model.shape_std[:3].numpy()
    shape = np.zeros((count, model.num_shape))
    shape[:, :3] = rng.normal(0, 0.5, (count, 3)) * spread
    place = rng.normal(0, 50, (count, 3)) + [0, 0, 500]
    length = rng.normal(ADULT_LENGTH_MM, 11, count)
    turn = axis_angle_to_matrix(torch.tensor(rng.normal(0, 1.5, (count, 3))))
    return HandParameters(
        torch.tensor(shape),
        torch.as_tensor(poses, dtype=DOUBLE),
        turn,
        torch.tensor(place),
        torch.tensor(length),
    )


@pytest.fixture(scope='module')
def model():
    return AnnyLayer(dtype=DOUBLE)


@pytest.fixture(scope='module')
def true(model):
    return hands(model, sample_poses(8, seed=3))


def errors(model, found, true, family='anatomical'):
    """Mean distance (N,) of the keypoints in mm."""
    apart = found.keypoints(model, family) - true.keypoints(model, family)
    return apart.norm(dim=-1).mean(1)


@pytest.mark.parametrize('family', ['anatomical', 'mano'])
def test_clean_joints_give_the_hand_back(model, true, family):
    part = HandParameters(*(value[:4] for value in true.values()))
    keypoints = part.keypoints(model, family)
    found = fit_3d(model, keypoints, family=family)
    assert errors(model, found, part, family).max() < 0.5
    surface = model(*found.values()).vertices - model(*part.values()).vertices
    kept = surface[:, torch.tensor(model.hand_vertices())]
    assert kept.norm(dim=-1).mean() < 1.0
    assert (found.length - part.length).abs().max() < 2.0


def test_noise_of_5_mm_is_averaged(model, true):
    g = torch.Generator().manual_seed(0)
    keypoints = true.keypoints(model, 'anatomical')
    noise = 5 * torch.randn(keypoints.shape, generator=g, dtype=DOUBLE)
    found = fit_3d(model, keypoints + noise, noise_mm=5.0)
    assert noise.norm(dim=-1).mean() > 7.5
    assert errors(model, found, true).mean() < 5.5
    assert (found.dofs > torch.tensor(LOWER) - 0.06).all()
    assert (found.dofs < torch.tensor(UPPER) + 0.06).all()


def test_missing_joints_are_filled_in(model, true):
    keypoints = true.keypoints(model, 'anatomical')
    valid = torch.ones(keypoints.shape[:2])
    valid[:, [3, 7, 18]] = 0
    keypoints[:, 7] = torch.nan
    keypoints[:, [3, 18]] += 500
    found = fit_3d(model, keypoints, valid)
    error = errors(model, found, true)
    assert error.isfinite().all()
    assert error.mean() < 2.0


def test_pixels_give_a_hand_that_projects_onto_them(model, true):
    part = HandParameters(*(value[:2] for value in true.values()))
    cameras = CAMERA.repeat(2, 1, 1)
    points = part.keypoints(model, 'anatomical')
    pixels = (points / points[..., 2:]) @ cameras.mT[..., :2]
    found = fit_2d(model, pixels, cameras, noise_px=0.3, steps=15)
    back = found.keypoints(model, 'anatomical')
    again = (back / back[..., 2:]) @ cameras.mT[..., :2]
    assert (again - pixels).norm(dim=-1).mean() < 1.0
    assert (found.length / ADULT_LENGTH_MM - 1).abs().max() < 0.2
    assert (back[..., 2] > 0).all()


def test_mano_is_fitted_by_the_same_code(tmp_path):
    model = ManoHand(write_mano(tmp_path / 'MANO_RIGHT.pkl'), dtype=DOUBLE)
    rng = np.random.default_rng(0)
    mean = model.pose_mean.numpy()
    true = hands(model, mean + rng.normal(0, 0.25, (2, 45)))
    found = fit_3d(model, true.keypoints(model, 'mano'), family='mano')
    assert errors(model, found, true, 'mano').max() < 0.5


def test_the_default_hand_is_the_layers(model):
    assert model.hand is default_hand()
