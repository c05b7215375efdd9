"""Hand meshes from images: parametric hands, Mesh Graphormer."""

from synhand.models.mesh.graphormer_head import MeshGraphormerHead
from synhand.models.mesh.mesh_estimator import MeshHandEstimator
from synhand.models.mesh.necks import HRNetClassificationNeck
from synhand.models.mesh.parametric_head import ParametricHandHead

__all__ = [
    'HRNetClassificationNeck',
    'MeshGraphormerHead',
    'MeshHandEstimator',
    'ParametricHandHead',
]
