"""Named gestures as a few words per finger.

A gesture names a state for the thumb and for each finger, with how far the
fingers are spread; the tables below hold the angles. Random variation is
added by :mod:`synhand.synthesis.poses`.
"""

from __future__ import annotations

import numpy as np

from synhand.hands.anatomy import (
    DOF,
    FINGERS,
    clip_to_limits,
    pose_from_degrees,
)

# MCP, PIP and DIP flexion in degrees; a clenched fist has the 260 in all that
# hand surgeons count as a finger's full active motion.
FINGER_STATES = {
    'straight': (0, 2, 0),
    'back': (-18, 2, 0),
    'over': (26, 8, 5),
    'loose': (14, 20, 8),
    'half': (35, 45, 20),
    'bent': (78, 4, 2),
    'hook': (8, 95, 50),
    'claw': (-5, 65, 35),
    'round': (45, 55, 35),
    'pinch': (48, 54, 33),
    'wide': (28, 40, 25),
    'curl': (80, 106, 74),
    'tight': (88, 110, 80),
    'flatfist': (84, 104, 8),
    'lift': (55, 20, 8),
}
# Azimuth, elevation, twist, MCP flexion, IP flexion in degrees. Clasped, over
# and pressing thumbs lie on the second phalanges of bent fingers; a spread
# thumb still stands some 30 degrees out of the palm's plane.
THUMB_STATES = {
    'out': (64, 28, 0, 0, 0),
    'side': (29, 28, -1, 3, 7),
    'up': (60, 30, -5, -2, -8),
    'loose': (40, 34, 5, 15, 15),
    'across': (44, 54, 2, 34, 62),
    'clasp': (46, 54, 3, 28, 59),
    'over': (22, 54, 0, 21, 33),
    'palm': (15, 24, -4, 53, 71),
    'hold': (24, 24, -3, 52, 80),
    'press': (6, 50, 0, 33, 69),
    'oppose': (22, 53, 20, 13, 23),
    'key': (31, 29, 5, 8, 18),
    'wrap': (38, 56, 12, 25, 30),
    'back': (55, 16, -10, -5, -15),
}
_SPREADS = {
    'together': (-2, 0, 2, 4),
    'natural': (4, 0, -4, -9),
    'spread': (19, 3, -11, -24),
    'vee': (14, -9, -4, -6),
    'split': (4, 10, -14, -12),
    'cross': (-11, 14, 0, 0),
    'horns': (12, 0, 0, -20),
}

# name: thumb, index, middle, ring, little, spread
_TABLE = """
flat: side straight straight straight straight together
open: out straight straight straight straight spread
five: out back back back back spread
relaxed: loose loose loose half half natural
rest: loose half half half half natural
fist: clasp curl curl curl curl together
fist_thumb_side: side curl curl curl curl together
fist_loose: across round curl curl curl natural
thumb_up: up curl curl curl curl together
hitch: back curl curl curl curl natural
point: over straight curl curl curl natural
point_thumb_across: across straight curl curl curl natural
point_thumb_out: out straight curl curl curl natural
point_thumb_side: side straight curl curl curl natural
point_loose: loose straight round round round natural
point_down: loose lift curl curl curl natural
press: loose half curl curl curl natural
two: press straight straight curl curl vee
two_thumb_in: hold straight straight curl curl vee
two_closed: hold straight straight curl curl together
two_bent: hold hook hook curl curl vee
crossed: across straight over curl curl cross
three: out straight straight curl curl spread
three_fingers: palm straight straight straight curl spread
scout: palm straight straight straight curl together
four: palm straight straight straight straight natural
four_spread: palm straight straight straight straight spread
call: out curl curl curl straight horns
little_up: clasp curl curl curl straight natural
middle_up: clasp curl straight curl curl natural
ring_up: loose round round straight round natural
horns: across straight curl curl straight horns
love: out straight curl curl straight horns
gun: up straight straight curl curl together
vulcan: out straight straight straight straight split
bent_flat: side bent bent bent bent together
duck: oppose bent bent bent bent together
claw: loose claw claw claw claw spread
hook: side hook hook hook hook together
flat_fist: side flatfist flatfist flatfist flatfist together
cup: loose wide wide wide wide together
letter_c: wrap wide wide wide wide together
letter_o: oppose pinch pinch pinch pinch together
pinch_index: oppose pinch straight straight straight natural
pinch_closed: oppose pinch curl curl curl natural
pinch_open: wrap wide curl curl curl natural
pinch_apart: out loose curl curl curl natural
pinch_zoom: wrap wide half half half natural
pinch_middle: oppose straight pinch straight straight natural
pinch_ring: oppose straight straight pinch straight natural
pinch_two: oppose pinch pinch half half together
grip_cylinder: wrap half half half half natural
grip_thin: clasp curl curl curl curl natural
grip_sphere: wrap wide wide wide wide spread
grip_disk: oppose claw claw claw claw spread
grip_card: key half curl curl curl natural
grip_pinch: oppose pinch half half loose natural
grip_pen: oppose pinch pinch curl curl together
grip_pen_open: oppose pinch pinch half half together
grip_pen_side: key half round curl curl natural
grip_brush: wrap wide half half half together
grip_knife: over lift curl curl curl natural
grip_spoon: key curl curl curl curl natural
grip_hammer: side curl curl curl curl natural
grip_large: wrap loose loose loose loose spread
grip_phone: loose wide half half half natural
grip_mug: up hook hook hook half natural
grip_bag: loose hook hook hook hook together
scissors: palm straight straight hook hook vee
type: loose wide wide wide wide natural
mouse: loose loose loose half half natural
trigger: across hook curl curl curl natural
snap: oppose straight pinch curl curl natural
"""


def _build(states: str) -> np.ndarray:
    thumb, *fingers, spread = states.split()
    angles = dict(
        zip(
            (
                'thumb_azimuth',
                'thumb_elevation',
                'thumb_twist',
                'thumb_mcp_flexion',
                'thumb_ip_flexion',
            ),
            THUMB_STATES[thumb],
            strict=True,
        )
    )
    for finger, state, abduction in zip(
        FINGERS, fingers, _SPREADS[spread], strict=True
    ):
        flexion = FINGER_STATES[state]
        # A bent finger cannot be spread: its side ligaments are taut.
        free = np.cos(np.radians(np.clip(flexion[0], 0, 80)))
        angles[f'{finger}_mcp_abduction'] = abduction * free
        for joint, value in zip(('mcp', 'pip', 'dip'), flexion, strict=True):
            angles[f'{finger}_{joint}_flexion'] = value
    return clip_to_limits(pose_from_degrees(**angles))


GESTURES: dict[str, np.ndarray] = {
    name: _build(states)
    for name, states in (
        line.split(':') for line in _TABLE.strip().splitlines()
    )
}
# What people do most with a bare hand in front of a camera: they count, point,
# show a palm, a fist or a thumb.
COMMON = (
    'flat',
    'open',
    'five',
    'relaxed',
    'fist',
    'fist_thumb_side',
    'thumb_up',
    'point',
    'point_thumb_out',
    'point_thumb_side',
    'point_thumb_across',
    'point_loose',
    'gun',
    'two',
    'two_thumb_in',
    'three',
    'three_fingers',
    'four',
    'call',
    'pinch_index',
    'pinch_open',
)
HOLDS = tuple(name for name in GESTURES if name.startswith('grip_'))
ABDUCTION = np.array([DOF[f'{finger}_mcp_abduction'] for finger in FINGERS])
