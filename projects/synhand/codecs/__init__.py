"""Targets and their decoding, registered with MMPose."""

from synhand.codecs.hand_mesh import HandMeshLabel
from synhand.codecs.latent25d import HAND_INSTANCE_TABLE, Latent25DLabel
from synhand.codecs.root_relative import RootRelativeLabel

__all__ = [
    'HAND_INSTANCE_TABLE',
    'HandMeshLabel',
    'Latent25DLabel',
    'RootRelativeLabel',
]
