"""`python -m kernel.process CHANNEL LIFELINE WORK TEMPORARY [MODULE ...]`: a kernel that was not forked.

CHANNEL and LIFELINE are the numbers of inherited socket descriptors, the others directories.
"""

from __future__ import annotations

import sys

from kernel.launch.child import become_kernel
from kernel.launch.packets import Place
from kernel.launch.preload import preload

if __name__ == "__main__":
    channel, lifeline, work, temporary, *modules = sys.argv[1:]
    preload(modules)
    become_kernel(int(channel), int(lifeline), Place(work=work, temporary=temporary))
