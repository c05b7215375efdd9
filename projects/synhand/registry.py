"""One import that registers everything of this project with MMPose.

Configs name it: ``custom_imports = dict(imports=['synhand.registry'])``.
"""

import synhand.zoo  # noqa: F401  checkpoints named synhand://NAME
from synhand import codecs, datasets, engine, evaluation, models

__all__ = ['codecs', 'datasets', 'engine', 'evaluation', 'models']
