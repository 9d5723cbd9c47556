"""What is kept for clients that missed something: bounded in number and in size, and never with a gap."""

from __future__ import annotations

from notebooks_app.live.events import CellOutput, CellStream, ErrorInfo, RunFinished
from notebooks_app.live.log import EVENTS, SIZE, Log, weight


def stream(sequence: int, text: str = "x") -> CellStream:
    return CellStream(sequence=sequence, cell_id="c", stream="stdout", text=text)


def test_what_came_after_a_sequence() -> None:
    log = Log()
    assert log.since(0, 0) == [] and log.since(0, 3) is None
    log.extend(stream(sequence) for sequence in range(1, 11))
    missed = log.since(7, 10)
    assert missed is not None and [event.sequence for event in missed] == [8, 9, 10]
    assert log.since(10, 10) == [] and log.since(11, 10) is None
    assert len(log.since(0, 10) or []) == 10


def test_the_oldest_go_and_then_everything_is_needed() -> None:
    log = Log()
    log.extend(stream(sequence) for sequence in range(1, EVENTS + 101))
    present = EVENTS + 100
    assert log.since(99, present) is None
    assert len(log.since(100, present) or []) == EVENTS


def test_large_events_are_few() -> None:
    log = Log()
    log.extend(stream(sequence, "x" * (SIZE // 10)) for sequence in range(1, 101))
    assert log.since(90, 100) is None
    assert len(log.since(91, 100) or []) == 9
    log.extend([stream(101, "x" * (2 * SIZE))])
    assert log.since(100, 101) is None and log.since(101, 101) == []


def test_weights_are_about_right() -> None:
    rows = [["x" * 10] * 10] * 100
    output = {"text/html": "y" * 5000, "image/png": b"z" * 7000, "table": {"rows": rows}}
    error = ErrorInfo(name="E", message="m", traceback="t" * 3000)
    event = CellOutput(sequence=1, cell_id="c", run_id=None, output=output, displays=(output,), error=error)
    assert 2 * 22_000 < weight(event) < 2 * 40_000
    assert weight(RunFinished(sequence=1, run_id="r", succeeded=0, failed=0, blocked=0)) < 1000
