"""Transforms of hand samples, registered with MMPose."""

from synhand.datasets.transforms.background import (
    BackgroundSource,
    ReplaceBackground,
)
from synhand.datasets.transforms.edges import PhotoEdge
from synhand.datasets.transforms.family import MarkJointFamily
from synhand.datasets.transforms.formatting import (
    PackHandInputs,
    PackHandLabels,
)
from synhand.datasets.transforms.frames import FrameAffine
from synhand.datasets.transforms.geometric import (
    AntialiasedTopdownAffine,
    MirrorHand,
    RandomHandBox,
)
from synhand.datasets.transforms.keypoint_crops import (
    CropKeypoints,
    WholePictureBox,
)
from synhand.datasets.transforms.keypoints import (
    LoadKeypoints2D,
    PackHandKeypoints,
)
from synhand.datasets.transforms.loading import (
    LoadHandImage,
    LoadShardImage,
    decode_image,
)
from synhand.datasets.transforms.masks import FrameMaskAffine, LoadHandMask
from synhand.datasets.transforms.mesh import (
    AddTrueVertices,
    KeypointsToCrop,
    OutsideMap,
)
from synhand.datasets.transforms.photometric import (
    PhotometricJitter,
    RandomOcclusion,
    SpectrumJitter,
)
from synhand.datasets.transforms.plain import PlainBackground
from synhand.datasets.transforms.two_hands import AsTwoHands
from synhand.datasets.transforms.upright import UprightHandBox

__all__ = [
    'AddTrueVertices',
    'AntialiasedTopdownAffine',
    'BackgroundSource',
    'CropKeypoints',
    'FrameAffine',
    'FrameMaskAffine',
    'LoadHandMask',
    'WholePictureBox',
    'KeypointsToCrop',
    'LoadHandImage',
    'LoadKeypoints2D',
    'LoadShardImage',
    'MirrorHand',
    'OutsideMap',
    'PackHandInputs',
    'PackHandKeypoints',
    'PackHandLabels',
    'PhotoEdge',
    'PhotometricJitter',
    'PlainBackground',
    'RandomHandBox',
    'RandomOcclusion',
    'ReplaceBackground',
    'SpectrumJitter',
    'decode_image',
    'MarkJointFamily',
    'AsTwoHands',
    'UprightHandBox',
]
