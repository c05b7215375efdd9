"""Which stage of the generator a process spends its processor time in.

A timer of processor time interrupts the process and looks at the stack. A
look counts for all the time since the one before: Python handles no signal
while a library computes, so that time belongs to the call that just ended.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from types import FrameType

_TICK_SECONDS = 0.001
_SYNTHESIS = 'synhand.synthesis'
_SCENE = 'pose, shape, scene'
_THINGS = 'things, light'
_COMPOSE = 'compose, sensor'
_ENCODE = 'JPEG, PNG'
_FILE = 'shard file'
OTHER = 'other'
# A shard is written around the drawing of its rows, by the generator.
_AROUND = (_FILE, OTHER)
# Modules, or functions of them, in the order of the report.
_NAMES = {
    _SCENE: ('scenes', 'poses'),
    _THINGS: (
        'things',
        'held',
        'bodies',
        'appearance',
        'lighting',
        'environment',
    ),
    'background': ('backgrounds',),
    'OpenGL': ('renderer',),
    'labels, checks': (
        'occlusion',
        'checks',
        'generator.hand_labels',
        'generator.find_faults',
    ),
    _COMPOSE: ('generator.compose', 'sensor'),
    _ENCODE: ('sensor.encode_jpeg', 'sensor.encode_png'),
    _FILE: ('shards',),
    OTHER: ('generator',),
}
STAGES = tuple(_NAMES)
_STAGE_OF = {
    f'{_SYNTHESIS}.{name}': stage
    for stage, names in _NAMES.items()
    for name in names
}


class StageClock:
    """Seconds of processor time by stage, while it is entered.

    Attributes:
        seconds: By stage.
    """

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._last = 0.0

    def __enter__(self) -> StageClock:
        self._handler = signal.signal(signal.SIGPROF, self._look)
        self._last = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, _TICK_SECONDS, _TICK_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, self._handler)

    def _look(self, _: int, frame: FrameType | None) -> None:
        now = time.process_time()
        self.seconds[stage_of(frame)] += now - self._last
        self._last = now


def stage_of(frame: FrameType | None) -> str:
    """The stage that the outermost known call belongs to."""
    found: list[str] = []
    while frame is not None:
        module = frame.f_globals.get('__name__', '')
        stage = _STAGE_OF.get(f'{module}.{frame.f_code.co_name}')
        if stage := stage or _STAGE_OF.get(module):
            found.append(stage)
        frame = frame.f_back
    inner = [stage for stage in found if stage not in _AROUND]
    return inner[-1] if inner else [*found, OTHER][0]
