"""What configs call: pipelines, loaders, evaluators, models, schedules.

Every function returns plain dicts, so that a config that calls them is
dumped, read again and overridden (`--cfg-options`) as if written out.
"""

from synhand.recipes.benchmarks import (
    BENCHMARKS,
    benchmark,
    interhand_stock,
    training_sets,
)
from synhand.recipes.color_hand_pose import (
    canonical_data,
    canonical_model,
    color_hand_pose_model,
    hand_segmenter,
    keypoint_crops,
    posenet_data,
    posenet_model,
    segmentation_data,
    whole_pictures,
)
from synhand.recipes.data import (
    BOX_PADDING,
    background_folder,
    data_root,
    hand_json_loader,
    synthetic_data,
    synthetic_loader,
    test_pipeline,
    train_pipeline,
)
from synhand.recipes.detection import (
    center_detector,
    frame_data,
    frame_pipeline,
)
from synhand.recipes.evaluation import evaluation, evaluators
from synhand.recipes.features import (
    DECONVOLUTIONS,
    cspnext,
    hourglass,
    hrnet,
    hrnet_w18,
    litehrnet18,
    mobilenetv2,
    resnet,
    resnet18_half,
)
from synhand.recipes.internet import internet_data, internet_model
from synhand.recipes.lifting import (
    behind,
    crops,
    fit_schedule,
    keypoint_pipeline,
    lifting_data,
    lifting_model,
    sampled_loader,
)
from synhand.recipes.meshes import (
    graphormer_model,
    graphormer_weights,
    hrnet_tokens,
    mesh_data,
    parametric_model,
    pretrained_backbone,
    resnet18_half_last,
)
from synhand.recipes.mixed import (
    from_files,
    mixed_loader,
    of_family,
    two_family_loader,
    with_extras,
)
from synhand.recipes.models import (
    MEAN_RGB,
    STD_RGB,
    biomechanics,
    codec,
    estimator,
    latent25d_model,
    mean_bone_lengths,
    volumetric_model,
)
from synhand.recipes.models2d import (
    cpm,
    deeppose_model,
    evaluators_2d,
    heatmap_model,
    rtmpose_model,
    stages_model,
    synthetic_data_2d,
)
from synhand.recipes.regression import (
    regression_data,
    regression_model,
    with_prior,
)
from synhand.recipes.rtmdet import rtmdet
from synhand.recipes.schedules import schedule
from synhand.recipes.study import (
    BASE_SET,
    STUDY_FOLDER,
    forearm_layers,
    study_arm,
)
from synhand.recipes.upright import (
    UPRIGHT_PADDING,
    two_look_model,
    upright_data,
)

__all__ = [
    'UPRIGHT_PADDING',
    'two_look_model',
    'upright_data',
    'BASE_SET',
    'BENCHMARKS',
    'BOX_PADDING',
    'DECONVOLUTIONS',
    'MEAN_RGB',
    'STD_RGB',
    'STUDY_FOLDER',
    'background_folder',
    'behind',
    'benchmark',
    'biomechanics',
    'canonical_data',
    'canonical_model',
    'center_detector',
    'codec',
    'color_hand_pose_model',
    'cpm',
    'crops',
    'cspnext',
    'data_root',
    'deeppose_model',
    'estimator',
    'evaluation',
    'evaluators',
    'evaluators_2d',
    'fit_schedule',
    'forearm_layers',
    'frame_data',
    'frame_pipeline',
    'from_files',
    'hand_json_loader',
    'hand_segmenter',
    'graphormer_model',
    'graphormer_weights',
    'heatmap_model',
    'hourglass',
    'hrnet',
    'hrnet_tokens',
    'hrnet_w18',
    'internet_data',
    'internet_model',
    'interhand_stock',
    'keypoint_crops',
    'keypoint_pipeline',
    'latent25d_model',
    'lifting_data',
    'lifting_model',
    'litehrnet18',
    'mean_bone_lengths',
    'mesh_data',
    'mixed_loader',
    'mobilenetv2',
    'of_family',
    'posenet_data',
    'posenet_model',
    'parametric_model',
    'pretrained_backbone',
    'regression_data',
    'regression_model',
    'resnet',
    'resnet18_half',
    'resnet18_half_last',
    'rtmdet',
    'rtmpose_model',
    'sampled_loader',
    'schedule',
    'segmentation_data',
    'stages_model',
    'study_arm',
    'synthetic_data',
    'synthetic_data_2d',
    'synthetic_loader',
    'test_pipeline',
    'train_pipeline',
    'training_sets',
    'two_family_loader',
    'volumetric_model',
    'with_extras',
    'whole_pictures',
    'with_prior',
]
