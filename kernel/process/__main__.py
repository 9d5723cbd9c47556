"""`python -m kernel.process CHANNEL LIFELINE PLACE [MODULE ...]`: a kernel that was not forked.

CHANNEL and LIFELINE are the numbers of inherited socket descriptors, PLACE is a `Place` in JSON.
"""

from __future__ import annotations

import sys

import msgspec

from kernel.launch.child import become_kernel
from kernel.launch.packets import Place

if __name__ == "__main__":
    channel, lifeline, place, *modules = sys.argv[1:]
    become_kernel(int(channel), int(lifeline), msgspec.json.decode(place, type=Place), tuple(modules))
