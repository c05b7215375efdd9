"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest
import torch

import synhand  # noqa: F401  mends third-party traps before MMPose is imported

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope='session')
def root() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture(scope='session')
def real_data() -> Path:
    """Folder of the small sets of real photos; skips where it is absent.

    ``SYNHAND_REAL_DATA`` names it; default: ``../shared/real``.
    """
    default = ROOT.parent / 'shared' / 'real'
    folder = Path(os.environ.get('SYNHAND_REAL_DATA', default)).resolve()
    if not folder.is_dir():
        pytest.skip(f'no real photos at {folder} (SYNHAND_REAL_DATA)')
    return folder


@pytest.fixture(scope='session', autouse=True)
def tiny() -> None:
    """One torch thread: tiny tensors lose more by waiting than they gain."""
    torch.set_num_threads(1)
