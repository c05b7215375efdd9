"""The parametric model on FreiHAND's evaluation set.

Vertices are scored where `evaluation_verts.json` is there; PA-MPVPE only of
models with MANO's mesh (`model.head.mano`), F-scores of all.
"""

_base_ = ['../hand_3d_keypoint/boukhayma/boukhayma_res18half_synhand-96x96.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

globals().update(recipes.benchmark('freihand', input_size=(96, 96), mesh=True))
