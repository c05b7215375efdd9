"""Principal components of poses."""

import numpy as np
import pytest

from synhand.geometry.components import principal_components


def test_components_reproduce_poses_of_their_rank():
    rng = np.random.default_rng(0)
    wide = rng.normal(size=(4, 12)) * [[5], [3], [2], [1]]
    poses = 2 + rng.normal(size=(200, 4)) @ wide
    mean, basis = principal_components(poses, 4)
    directions = basis / np.linalg.norm(basis, axis=1, keepdims=True)
    np.testing.assert_allclose(directions @ directions.T, np.eye(4), atol=1e-5)
    embedding = (poses - mean) @ directions.T
    np.testing.assert_allclose(mean + embedding @ directions, poses, atol=1e-4)
    spread = embedding.std(0, ddof=1)
    np.testing.assert_allclose(
        spread, np.linalg.norm(basis, axis=1), rtol=1e-4
    )
    assert (np.diff(spread) < 0).all()


def test_too_few_poses_are_one_clear_line():
    with pytest.raises(ValueError, match='more poses than that, got 4'):
        principal_components(np.eye(4), 4)
