"""Editing together: change sets, and peers that type, send and receive until they agree."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notebooks_app.live import operations as op
from notebooks_app.live.effects import Applied, Rejected
from notebooks_app.live.events import CellUpdated
from notebooks_app.live.operations import By
from notebooks_app.live.text import BadChanges, Update, difference, parse, rebase, utf16_length

from .harness import Session

APPLIED = [
    ("abc", [3], "abc"),
    ("abc", [[0, "x"], 3], "xabc"),
    ("abc", [1, [1], 1], "ac"),
    ("abc", [[3, "new", "lines"]], "new\nlines"),
    ("abc", [1, [0, "", ""], 2], "a\nbc"),
    ("", [[0, "text"]], "text"),
    ("a😀b", [3, [0, "x"], 1], "a😀xb"),
    ("a😀b", [1, [2], 1], "ab"),
]


@pytest.mark.parametrize(("text", "changes", "expected"), APPLIED)
def test_a_change_set_is_applied(text: str, changes: list[Any], expected: str) -> None:
    parsed = parse(changes, utf16_length(text))
    assert parsed.apply(text) == expected
    assert parsed.new_length == utf16_length(expected)
    assert parse(parsed.to_json(), utf16_length(text)) == parsed


@pytest.mark.parametrize(
    "changes",
    [[2], [4], [[-1, "x"], 3], ["abc"], [[]], [[1, 5], 2], [1.5, 1.5], None, {"a": 1}, [[0, "a\nb"], 3], [True, 2]],
)
def test_what_is_no_change_set_of_the_document_is_refused(changes: Any) -> None:
    with pytest.raises(BadChanges):
        parse(changes, 3).apply("abc")


def test_half_a_character_cannot_be_cut() -> None:
    with pytest.raises(BadChanges):
        parse([1, [1], 1], 3).apply("a😀")


def test_both_sides_of_a_tie_agree() -> None:
    one, two = parse([[0, "1"], 3], 3), parse([[0, "2"], 3], 3)
    assert two.map(one).apply(one.apply("abc")) == one.map(two, before=True).apply(two.apply("abc"))


_TEXTS = st.text(alphabet="ab\n😀é", max_size=12)


@given(_TEXTS, _TEXTS)
def test_the_difference_leads_from_one_text_to_the_other(old: str, new: str) -> None:
    assert difference(old, new).apply(old) == new


@given(_TEXTS, _TEXTS, _TEXTS)
def test_composing_is_applying_both(first: str, second: str, third: str) -> None:
    one, two = difference(first, second), difference(second, third)
    assert one.compose(two).apply(first) == third


class Peer:
    """An editor: its text, the version that it knows, and what it has typed and nobody confirmed."""

    def __init__(self, name: str, text: str) -> None:
        self.by = By(user=1, name=name, client=name)
        self.text = text
        self.version = 0
        self.own: list[Update] = []

    def type(self, new: str) -> None:
        self.own.append(Update(changes=difference(self.text, new), client_id=self.by.client))
        self.text = new

    def send(self, session: Session, cell: str) -> Applied | Rejected | None:
        if not self.own:
            return None
        changes = [update.changes.to_json() for update in self.own]
        return session.do(op.UpdateText(by=self.by, cell=cell, version=self.version, changes=changes))

    def receive(self, event: CellUpdated) -> None:
        """As `@codemirror/collab`: own updates are confirmed, what is unconfirmed moves over the others'."""
        if event.version <= self.version:
            return
        assert isinstance(event.changes, list)
        for change in event.changes:
            self.version += 1
            if change.client_id == self.by.client:
                self.own.pop(0)
                continue
            base = utf16_length(self.text) if not self.own else self.own[0].changes.length
            theirs = Update(changes=parse(change.changes, base), client_id=change.client_id)
            mine = self.own
            self.own = rebase(mine, [theirs])
            over = theirs.changes
            for update in mine:
                over = over.map(update.changes, before=True)
            self.text = over.apply(self.text)


_STEPS = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["type", "send", "receive"]), _TEXTS), max_size=30)


@settings(max_examples=300, deadline=None)
@given(_TEXTS, _STEPS)
def test_peers_that_type_send_and_receive_converge(start: str, steps: list[tuple[str, str, str]]) -> None:
    session = Session()
    cell = session.create(start)
    peers = {name: Peer(name, start) for name in "ab"}
    heard = dict.fromkeys(peers, len(session.events))

    def receive(name: str) -> None:
        for event in session.events[heard[name] :]:
            if isinstance(event, CellUpdated):
                peers[name].receive(event)
        heard[name] = len(session.events)

    for name, step, text in steps:
        if step == "type":
            peers[name].type(text)
        elif step == "send":
            receive(name)
            assert not isinstance(peers[name].send(session, cell), Rejected)
        else:
            receive(name)
    for name in (*peers, *peers):
        receive(name)
        peers[name].send(session, cell)
        receive(name)
    for name in peers:
        receive(name)
    texts = {peer.text for peer in peers.values()} | {session.state.cells[cell].code}
    assert len(texts) == 1


def test_a_late_change_moves_over_what_came_before() -> None:
    session = Session()
    cell = session.create("abc")
    one, two = Peer("one", "abc"), Peer("two", "abc")
    one.type("1abc")
    two.type("abc2")
    one.send(session, cell)
    two.send(session, cell)
    assert session.state.cells[cell].code == "1abc2"
    assert session.state.cells[cell].version == 2
