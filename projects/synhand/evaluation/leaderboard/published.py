"""Numbers that others published, each with its source."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources

_FILE = 'published.json'


@dataclass(frozen=True)
class Published:
    """One row of somebody else's table.

    Attributes:
        benchmark: Name of a `Benchmark`.
        method: The model.
        trained_on: The sets it saw in training.
        synthetic_only: No real hand image was among them.
        measures: Values by the names of this project's metrics; mm, px or
            shares.
        source: `repository:file`, issue or paper.
        second_hand: Read in somebody else's account of it.
        note: What to know before comparing.
    """

    benchmark: str
    method: str
    trained_on: str
    synthetic_only: bool
    measures: dict[str, float]
    source: str
    second_hand: bool = False
    note: str = ''


def published() -> list[Published]:
    """All rows of `published.json`, in its order."""
    text = resources.files(__package__).joinpath(_FILE).read_text('utf-8')
    return [Published(**row) for row in json.loads(text)]
