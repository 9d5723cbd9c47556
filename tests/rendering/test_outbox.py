"""What leaves a session: in order, each form for those who listen for it, and nothing that was told stays untold."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from notebooks_app.live.catching_up import catch_up
from notebooks_app.live.frames import AT_MOST, BYTES_AT_MOST, EVENTS_AT_MOST, json_frames, present_frames
from notebooks_app.live.messages import Resync
from notebooks_app.live.operations import By
from notebooks_app.live.outbox import Outbox, Reply
from notebooks_app.live.requests import Origin
from tests.live.harness import Session

from .page import Page

BROWSER = Origin(process="p", socket="s1", session="s", notebook="n", form="html", by=By(user=1), role="owner")


class FakeHub:
    """Writes down what is sent; `fails` times it cannot."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []
        self.fails = 0

    async def broadcast(self, session: str, last: int, html: list[str], json: list[str]) -> None:
        if self.fails:
            self.fails -= 1
            raise ConnectionError("The channel layer is away.")
        self.sent.append(("frames", (last, html, json)))

    async def reply(self, origin: Origin, texts: list[str], epoch: int, sequence: int) -> None:
        self.sent.append(("reply", (origin.socket, texts, sequence)))


def outbox(hub: FakeHub, *forms: Any) -> Outbox:
    made = Outbox(hub, "s", 1)  # type: ignore[arg-type]
    made.forms = {f"socket {index}": form for index, form in enumerate(forms)}
    return made


def decoded(frames: list[str]) -> list[dict[str, Any]]:
    data = [json.loads(frame) for frame in frames]
    return [event for each in data for event in (each if isinstance(each, list) else [each])]


async def test_each_form_is_rendered_only_if_someone_listens_for_it() -> None:
    for forms in ((), ("html",), ("json",), ("html", "json")):
        hub, session = FakeHub(), Session()
        box = outbox(hub, *forms)
        session.create("a = 1")
        box.put(session.events, [], session.state)
        await box.drain()
        await box.close()
        ((_, (last, html, json_texts)),) = hub.sent
        assert last == session.state.sequence
        assert (bool(html), bool(json_texts)) == ("html" in forms, "json" in forms)


async def test_answers_come_after_what_was_put_before_them() -> None:
    hub, session = FakeHub(), Session()
    box = outbox(hub, "json")
    session.create("a = 1")
    box.put(session.events, [Reply((BROWSER,), ("ack",))], session.state)
    before = len(session.events)
    session.create("b = 1")
    box.put(session.events[before:], [], session.state)
    await box.drain()
    await box.close()
    assert [kind for kind, _ in hub.sent] == ["frames", "reply", "frames"]
    events = [event for kind, sent in hub.sent if kind == "frames" for event in decoded(sent[2])]
    assert [event["sequence"] for event in events] == list(range(1, session.state.sequence + 1))


async def test_one_who_is_told_an_earlier_state_is_told_the_rest_too() -> None:
    """A page that asks while a cell runs gets the answer in the midst of a batch."""
    hub, session = FakeHub(), Session()
    box = outbox(hub, "html")
    cell = session.create("x = 1")
    session.run(cell)
    told = len(session.events)
    session.ask(cell)
    session.begin()
    earlier = session.state
    answer = Reply((BROWSER,), tuple(present_frames(earlier, earlier.sequence)), earlier.sequence)
    box.put(session.events[told:], [answer], earlier)
    told = len(session.events)
    session.end()
    box.put(session.events[told:], [], session.state)
    await box.drain()
    await box.close()
    page = Page(earlier)
    position = next(index for index, (kind, _) in enumerate(hub.sent) if kind == "reply")
    page.take(hub.sent[position][1][1])
    for _, (_, html, _) in hub.sent[position + 1 :]:
        page.take(html)
    page.assert_like(session.state)


async def test_an_outbox_outlives_a_channel_layer_that_fails() -> None:
    hub, session = FakeHub(), Session()
    box = outbox(hub, "json")
    hub.fails = 1
    session.create("a = 1")
    box.put(session.events, [], session.state)
    await box.drain()
    box.put([], [Reply((BROWSER,), ("still here",))], session.state)
    await asyncio.wait_for(box.drain(), 5)
    await box.close()
    assert hub.sent == [("reply", ("s1", ["still here"], -1))]


async def test_many_changes_leave_as_few_frames() -> None:
    hub, session = FakeHub(), Session()
    box = outbox(hub, "json")
    cell = session.create("x = 1")
    told = 0
    for index in range(200):
        session.edit(cell, f"x = {index}")
        box.put(session.events[told:], [], session.state)
        told = len(session.events)
        if index % 10 == 0:
            await asyncio.sleep(0)
    await box.drain()
    await box.close()
    assert len(hub.sent) <= 20


def test_json_frames_are_bounded_and_complete() -> None:
    session = Session()
    for index in range(EVENTS_AT_MOST):
        session.create(f"x{index} = 1")
    big = session.create("#" * 100_000)
    for index in range(30):
        session.edit(big, "#" * 100_000 + str(index))
    frames = json_frames(session.events)
    assert [event["sequence"] for event in decoded(frames)] == [event.sequence for event in session.events]
    assert all(len(frame) <= BYTES_AT_MOST + 200_000 for frame in frames)
    assert all(len(decoded([frame])) <= EVENTS_AT_MOST for frame in frames)
    assert not any(frame.startswith("<") for frame in frames)


def test_a_stored_page_gets_what_is_not_stored() -> None:
    """Queued and running cells, and those that no longer wait for one that failed and runs again."""
    session = Session("lazy")
    a = session.create("a = 1 / 0")
    b = session.create("b = a")
    many = [session.create(f"x{index} = 1") for index in range(30)]
    session.run()
    assert session.status(b) == "blocked"
    page = Page(session.state)
    session.ask(a)
    session.begin()
    session.ask(many[0], "below")
    page.covered = session.state.sequence
    frames = present_frames(session.state, session.state.sequence)
    assert all(frame.count('hx-swap-oob="true"') <= AT_MOST + 1 for frame in frames)
    page.take(frames)
    page.assert_like(session.state)


class FakeCoordinator:
    def __init__(self, session: Session, epoch: int = 5) -> None:
        self.session = session
        self.lease = type("Lease", (), {"epoch": epoch})

    def missed(self, since: int) -> Any:
        return [event for event in self.session.events if event.sequence > since]


def test_catching_up_brings_a_page_to_where_the_others_are() -> None:
    session = Session()
    cell = session.create("x = 1")
    text = session.create("# One", cell_type="markdown")
    session.run()
    page = Page(session.state)
    since = session.state.sequence
    session.edit(cell, "x = 2")
    session.edit(text, "# Two")
    session.create("y = x")
    session.run()
    session.ask(cell)
    session.begin()
    answer = catch_up(FakeCoordinator(session), BROWSER, Resync(epoch=5, since=since, request_id="r"))  # type: ignore[arg-type]
    reply = answer(session.state)
    assert reply.informs == session.state.sequence
    assert json.loads(reply.texts[-1]) == {"type": "ack", "requestId": "r"}
    page.take(reply.texts[:-1])
    page.assert_like(session.state)


def test_another_epoch_is_told_everything() -> None:
    session = Session()
    session.create("x = 1")
    answer = catch_up(FakeCoordinator(session), BROWSER, Resync(epoch=4, since=0, request_id="r", client_id="me"))  # type: ignore[arg-type]
    hello = json.loads(answer(session.state).texts[0])
    assert hello["type"] == "hello" and hello["epoch"] == 5 and hello["clientId"] == "me"
    assert hello["sequence"] == session.state.sequence and len(hello["cells"]) == 1
