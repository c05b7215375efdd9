"""Step 18 of the reader: residual blocks in its FPN.

Starts from a `load_from` of step 17.
"""

_base_ = ['latent25d_res32half-fpn_upright-cut_synhand-160x160.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

model = dict(
    backbone=dict(frozen_stages=1),
    neck=dict(_delete_=True, **recipes.residual_fpn()),
)
find_unused_parameters = False

globals().update(
    recipes.reader_step(
        (160, 160),
        samples=500_000,
        lr=1e-3,
        photometry=recipes.GRAY_PHOTOMETRY,
        windows=recipes.CUT_WINDOWS,
        validate_every=100_000,
    )
)
