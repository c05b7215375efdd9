"""The text of third-party modules."""

import importlib.util
from pathlib import Path


def source_of(module: str) -> str:
    """Source of an installed module, without running it."""
    package, *_ = module.split('.')
    folder = Path(importlib.util.find_spec(package).origin).parent
    return (
        folder.joinpath(*module.split('.')[1:]).with_suffix('.py').read_text()
    )
