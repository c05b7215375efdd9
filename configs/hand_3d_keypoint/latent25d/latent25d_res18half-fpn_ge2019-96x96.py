"""Tests the model of synthetic hands on real photos (Ge et al. 2019)."""

_base_ = ['../../benchmarks/latent25d_ge2019.py']
