"""Lifters: from 2D keypoints to 3D."""

from synhand.models.lifters.base import Lifter
from synhand.models.lifters.mlp import MLPLifter
from synhand.models.lifters.neighbours import NeighbourLifter
from synhand.models.lifters.ppca import PPCALifter

__all__ = ['Lifter', 'MLPLifter', 'NeighbourLifter', 'PPCALifter']
