"""Who is where. Never stored."""

from __future__ import annotations

from .. import operations as op
from ..events import Person, PresenceChanged
from .draft import Draft


def move_to(draft: Draft, operation: op.MoveTo) -> None:
    by = operation.by
    person = Person(
        client_id=by.client, user=by.name, cell_id=operation.cell, anchor=operation.anchor, head=operation.head
    )
    if draft.state.people.get(by.client) == person:
        return
    draft.set(people=draft.state.people.set(by.client, person))
    _tell(draft)


def leave(draft: Draft, operation: op.Leave) -> None:
    gone = {client for client in operation.clients if client in draft.state.people}
    for client in gone:
        draft.set(people=draft.state.people.delete(client))
    if gone:
        _tell(draft)


def _tell(draft: Draft) -> None:
    people = draft.state.people
    draft.tell(PresenceChanged, clients=tuple(people[client] for client in sorted(people)))
