"""Two looks: a small network finds the window, one of its kind reads it.

Training starts from a reader of true windows: set `load_from` to a checkpoint
of latent25d_res18half-fpn_upright_synhand-160x160.
"""

_base_ = ['../../_base_/default_runtime.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

first_size = (128, 128)
window_size = (160, 160)
crop_size = (192, 192)
batch_size = 128

model = recipes.two_look_model(
    recipes.resnet18_half(),
    in_channels=64,
    in_index=0,
    median=True,
    window_size=window_size,
    crop_size=crop_size,
    first=recipes.latent25d_model(
        recipes.resnet18_half_residual(),
        in_channels=64,
        input_size=first_size,
        in_index=0,
    ),
    first_weights='synhand://upright-25d',
    turns=(15.0, -15.0, 30.0, -30.0, 45.0, -45.0),
    around=(90.0, 180.0, -90.0),
    bone_stiffness=1.0,
    keypoint_prior=True,
)
find_unused_parameters = True  # the FPN's coarser maps are not read

globals().update(recipes.synthetic_data(crop_size, batch_size))
globals().update(
    recipes.schedule(
        samples=200_000, batch_size=batch_size, lr=5e-4, warmup_samples=0
    )
)
