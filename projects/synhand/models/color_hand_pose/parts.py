"""The weights of the parts as those of the whole."""

from __future__ import annotations

from pathlib import Path

from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor

_PREFIXES = dict(
    segmenter=('', 'segmenter.'),
    posenet=('backbone.', 'backbone.'),
    lifting=('head.', 'head.'),
)


def join_parts(
    segmenter: str | Path, posenet: str | Path, lifting: str | Path
) -> dict[str, Tensor]:
    """The state of a `ColorHandPose3D` from checkpoints of its parts.

    Args:
        segmenter: Checkpoint of a `HandSegmenter`.
        posenet: Of a 2D model whose backbone gives score maps.
        lifting: Of an estimator with a `CanonicalPoseHead`.

    Raises:
        FileNotFoundError: A checkpoint is missing.
        ValueError: One has no tensor of its part.
    """
    files = dict(segmenter=segmenter, posenet=posenet, lifting=lifting)
    joined = {}
    for part, (old, new) in _PREFIXES.items():
        content = CheckpointLoader.load_checkpoint(str(files[part]), 'cpu')
        state = content.get('state_dict', content)
        found = {
            new + name.removeprefix(old): value
            for name, value in state.items()
            if name.startswith(old)
        }
        if not found:
            raise ValueError(
                f'{files[part]}: no {old}* in it; expected the checkpoint '
                f'of the {part}'
            )
        joined.update(found)
    return joined
