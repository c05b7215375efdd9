"""ColorHandPose3D whole: from a picture to 3D, nothing given but the side.

Its checkpoint is that of tools/join_color_hand_pose.py.
"""

_base_ = ['../../_base_/default_runtime.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

model = recipes.color_hand_pose_model(
    recipes.hand_segmenter(),
    recipes.posenet_model(3, (256, 256)),
    recipes.canonical_model('proposed'),
)

globals().update(recipes.whole_pictures((256, 256), batch_size=16))
