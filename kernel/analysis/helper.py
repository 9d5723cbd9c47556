"""`python -m kernel.analysis.helper`: analyses what comes on its standard input, one frame after the other."""

from __future__ import annotations

import resource
import signal
import sys
from typing import BinaryIO

import msgspec

from . import CellType, analyse

SECONDS = 20
"""After so long an analysis ends the process, should its owner be gone and not have done so."""
MEMORY = 2 * 1024**3


class Task(msgspec.Struct, frozen=True, kw_only=True):
    cell_type: CellType
    source: str
    output_name: str = ""
    dataframes: bool = False


def main(requests: BinaryIO, answers: BinaryIO) -> None:
    """Frames are msgpack behind their length (4 bytes, big-endian); ends with the input."""
    decoder = msgspec.msgpack.Decoder(Task)
    while len(head := requests.read(4)) == 4:
        task = decoder.decode(requests.read(int.from_bytes(head, "big")))
        signal.alarm(SECONDS)
        names = analyse(task.cell_type, task.source, output_name=task.output_name, dataframes=task.dataframes)
        signal.alarm(0)
        data = msgspec.msgpack.encode(names)
        answers.write(len(data).to_bytes(4, "big") + data)
        answers.flush()


def limit_itself() -> None:
    """Bounded memory and no core dumps; SIGALRM ends the process even while CPython's parser is at work."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


if __name__ == "__main__":
    limit_itself()
    main(sys.stdin.buffer, sys.stdout.buffer)
