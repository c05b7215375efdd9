"""Stock InterNet, 42 joints, on InterHand2.6M's official release.

True wrist depth and boxes are given, as in MMPose's own config.
"""

_base_ = (
    'mmpose::hand_3d_keypoint/internet/interhand3d/'
    'internet_res50_4xb16-20e_interhand3d-256x256.py'
)

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

custom_imports = dict(imports=['synhand.registry'])
globals().update(recipes.interhand_stock())
