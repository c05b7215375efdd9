"""The small model on the hands of COCO-WholeBody's validation set."""

_base_ = [
    '../hand_3d_keypoint/latent25d/latent25d_res18half-rfpn-fit_synhand-128x128.py'
]

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

globals().update(
    recipes.benchmark('coco_wholebody_hand', input_size=(128, 128))
)
