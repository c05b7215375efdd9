"""The small model's next step: more pixels, residual blocks, cut hands.

Starts from a `load_from` of latent25d_res18half-fpn_synhand-96x96.
"""

_base_ = ['latent25d_res18half-fpn_synhand-96x96.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

input_size = (128, 128)
model = dict(
    neck=dict(_delete_=True, **recipes.resnet18_half_residual()['neck']),
    head=dict(decoder=recipes.codec(input_size)),
)
find_unused_parameters = False

globals().update(
    recipes.crop_step(
        input_size, samples=250_000, lr=1.5e-3, validate_every=125_000
    )
)
