"""Latent 2.5D with a learnt refinement of the root depth."""

_base_ = ['latent25d_res18half-fpn_synhand-96x96.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

input_size = (96, 96)
batch_size = 128

model = dict(
    head=dict(
        root_depth=dict(mean_bone_lengths_mm=recipes.mean_bone_lengths())
    )
)
globals().update(
    recipes.with_extras(
        recipes.synthetic_data(input_size, batch_size), extras=['camera']
    )
)
