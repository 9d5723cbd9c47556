"""Answers by request id: a repeated request gets the same answer, and happens once."""

from __future__ import annotations

from collections import OrderedDict

from .events import Answer
from .messages import RequestId
from .requests import Origin

REMEMBERED = 5000
GLOBAL = 16
"""Request ids of at least so many characters are taken to be unique beyond one socket, so that a client that
reconnects can send again what was not acknowledged."""

Key = tuple[str, RequestId]


class Answers:
    """The latest answers of one session, and who waits for those under way."""

    def __init__(self) -> None:
        self._given: OrderedDict[Key, Answer | None] = OrderedDict()
        self._waiting: dict[Key, list[Origin]] = {}

    def repeated(self, origin: Origin, request_id: RequestId | None) -> Answer | bool:
        """The answer given before; True if it is still to come (and then reaches `origin` too); False if new."""
        if request_id is None:
            return False
        key = _key(origin, request_id)
        if key not in self._given:
            self._given[key] = None
            self._waiting[key] = []
            self._limit()
            return False
        answer = self._given[key]
        if answer is not None:
            return answer
        self._waiting[key].append(origin)
        return True

    def give(self, origin: Origin, request_id: RequestId | None, answer: Answer) -> list[Origin]:
        """Remember an answer; everyone whom it is for."""
        if request_id is None:
            return [origin]
        key = _key(origin, request_id)
        if key in self._given:
            self._given[key] = answer
        return [origin, *self._waiting.pop(key, [])]

    def _limit(self) -> None:
        while len(self._given) > REMEMBERED:
            key, _ = self._given.popitem(last=False)
            self._waiting.pop(key, None)


def _key(origin: Origin, request_id: RequestId) -> Key:
    unique = isinstance(request_id, str) and len(request_id) >= GLOBAL
    return (f"user {origin.by.user}" if unique else f"socket {origin.socket}"), request_id
