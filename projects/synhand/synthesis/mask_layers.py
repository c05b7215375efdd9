"""What the values of a synthetic picture's mask mean.

A pixel holds `LAYERS * hand + layer`: hand 0 is the target. A held thing is
its hand's; all other things and bodies, and hands that are not labelled, are
hand 0's. 0 is the background.
"""

HAND, FOREARM, GARMENT, OBJECT, BODY = 1, 2, 3, 4, 5
LAYERS = 8
