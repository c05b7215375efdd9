"""The small model for 24,000 samples: to see that it learns, in minutes.

The backbone starts as that of the released small-25d (synthetic hands only).
"""

_base_ = ['graphormer_res18half-joints_synhand-96x96.py']

from synhand import recipes  # noqa: E402 - MMEngine wants _base_ first

globals().update(recipes.quick_training('small-25d'))
