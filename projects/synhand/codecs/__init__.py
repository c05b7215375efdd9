"""Targets and their decoding, registered with MMPose."""

from synhand.codecs.latent25d import HAND_INSTANCE_TABLE, Latent25DLabel

__all__ = ['HAND_INSTANCE_TABLE', 'Latent25DLabel']
