"""A file that cells import changed on disk: the kernel says so as the next execution starts."""

from __future__ import annotations

from kernel import protocol

from .harness import Session


def start(session: Session, **fields: tuple[str, ...]) -> None:
    """As `Session.begin`, with what changed."""
    kernel = session.kernel
    assert kernel is not None and session.begun is None
    command = kernel.take()
    assert command is not None
    kernel.begin(command)
    session.begun = command
    session.said(protocol.Started(number=kernel.next_number(), execution=command.execution, **fields))


def prepared() -> tuple[Session, str, str, str]:
    session = Session(mode="lazy")
    importing = session.create("import json")
    reader = session.create("a = json.dumps(1)")
    other = session.create("b = 1")
    session.run()
    return session, importing, reader, other


def test_readers_of_changed_names_are_stale_and_the_importing_cell_is_not() -> None:
    session, importing, reader, other = prepared()
    session.ask(other)
    start(session, changed=("json",))
    assert session.freshness(reader) == "stale"
    session.end()
    assert [session.freshness(cell) for cell in (importing, reader, other)] == ["fresh", "stale", "fresh"]
    session.check()
    session.run(reader)
    assert session.ran()[-1] == "a = json.dumps(1)"
    assert session.freshness(reader) == "fresh"
    session.check()


def test_the_execution_that_starts_reads_what_is_in_the_files_now() -> None:
    session, importing, reader, _ = prepared()
    session.ask(reader)
    start(session, changed=("json",))
    session.end()
    assert [session.freshness(cell) for cell in (importing, reader)] == ["fresh", "fresh"]
    session.check()


def test_an_import_that_is_kept_keeps_the_new_version() -> None:
    session, importing, reader, _ = prepared()
    session.ask(importing)
    start(session, changed=("json",))
    kernel, command = session.kernel, session.begun
    assert kernel is not None and command is not None
    session.begun = None
    session.said(kernel.finished(command, "success", defined=("json",), kept=("json",)))
    assert [session.freshness(cell) for cell in (importing, reader)] == ["fresh", "stale"]
    session.check()


def test_a_cell_that_did_more_than_import_must_run_again() -> None:
    session, importing, reader, other = prepared()
    session.ask(other)
    start(session, changed=("json",), outdated=(importing, "unknown"))
    session.end()
    assert [session.freshness(cell) for cell in (importing, reader, other)] == ["stale", "stale", "fresh"]
    session.check()
    session.run(reader)
    assert [session.freshness(cell) for cell in (importing, reader)] == ["fresh", "fresh"]
    session.check()


def test_names_that_nobody_holds_are_nothing() -> None:
    session, importing, reader, other = prepared()
    session.ask(other)
    start(session, changed=("never",))
    session.end()
    assert [session.freshness(cell) for cell in (importing, reader, other)] == ["fresh", "fresh", "fresh"]
    session.check()
