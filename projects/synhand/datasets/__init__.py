"""Datasets and their transforms, registered with MMPose."""

from synhand.datasets import transforms
from synhand.datasets.base import HandDataset, hand_metainfo
from synhand.datasets.hand_json import HandJsonDataset, read_annotations
from synhand.datasets.synthetic import SyntheticHandDataset

__all__ = [
    'HandDataset',
    'HandJsonDataset',
    'SyntheticHandDataset',
    'hand_metainfo',
    'read_annotations',
    'transforms',
]
