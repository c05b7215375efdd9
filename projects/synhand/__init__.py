"""3D hand pose from one photo, learned from synthetic hands: for MMPose.

Importing the package is cheap and only mends third-party traps (see
`synhand.compat`). ``import synhand.registry`` registers all datasets,
models, codecs and metrics with MMPose.
"""

from synhand import compat

__version__ = '0.1.0'

compat.install()
