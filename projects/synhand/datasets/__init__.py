"""Datasets and their transforms, registered with MMPose."""

from synhand.datasets import transforms
from synhand.datasets.base import HandDataset, hand_metainfo
from synhand.datasets.chosen import ChosenSyntheticHands
from synhand.datasets.coco_style import (
    CocoWholeBodyHands,
    OneHand10KHands,
    PanopticHands,
)
from synhand.datasets.dexycb import DexYcbDataset
from synhand.datasets.frames import SyntheticFrameDataset
from synhand.datasets.freihand import FreiHand3DDataset
from synhand.datasets.hand_json import HandJsonDataset, read_annotations
from synhand.datasets.hiu_dmtl import HiuDmtlDataset
from synhand.datasets.ho3d import Ho3DDataset
from synhand.datasets.interhand import InterHandSingleDataset
from synhand.datasets.masks import SyntheticMaskDataset
from synhand.datasets.mixing import MixedHandDataset, WeightedSourceSampler
from synhand.datasets.rhd import Rhd3DDataset
from synhand.datasets.sampled import SampledHandDataset
from synhand.datasets.stb import StbDataset
from synhand.datasets.synthetic import SyntheticHandDataset
from synhand.datasets.synthetic_mesh import SyntheticMeshDataset

__all__ = [
    'ChosenSyntheticHands',
    'CocoWholeBodyHands',
    'DexYcbDataset',
    'FreiHand3DDataset',
    'HandDataset',
    'HandJsonDataset',
    'HiuDmtlDataset',
    'Ho3DDataset',
    'InterHandSingleDataset',
    'OneHand10KHands',
    'PanopticHands',
    'Rhd3DDataset',
    'SampledHandDataset',
    'StbDataset',
    'SyntheticFrameDataset',
    'SyntheticHandDataset',
    'SyntheticMeshDataset',
    'SyntheticMaskDataset',
    'hand_metainfo',
    'read_annotations',
    'transforms',
    'MixedHandDataset',
    'WeightedSourceSampler',
]
