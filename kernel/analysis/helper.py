"""`python -m kernel.analysis.helper`: analyses what comes on its standard input, one frame after the other."""

from __future__ import annotations

import sys
from typing import BinaryIO

import msgspec

from . import CellType, analyse


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
        names = analyse(task.cell_type, task.source, output_name=task.output_name, dataframes=task.dataframes)
        data = msgspec.msgpack.encode(names)
        answers.write(len(data).to_bytes(4, "big") + data)
        answers.flush()


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
