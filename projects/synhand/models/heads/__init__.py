"""Heads: from feature maps to keypoints."""

from synhand.models.heads.latent25d_head import Latent25DHead

__all__ = ['Latent25DHead']
