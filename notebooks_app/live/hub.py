"""The sockets of this process: one subscription per session at the channel layer, frames handed to them directly."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec

from .operations import By
from .requests import Departure, Form, Origin, Request, decode, encode

logger = logging.getLogger(__name__)


class Layer(Protocol):
    """What is used of a channel layer."""

    async def new_channel(self, prefix: str = ...) -> str: ...
    async def send(self, channel: str, message: dict[str, Any]) -> None: ...
    async def receive(self, channel: str) -> dict[str, Any]: ...
    async def group_add(self, group: str, channel: str) -> None: ...
    async def group_discard(self, group: str, channel: str) -> None: ...
    async def group_send(self, group: str, message: dict[str, Any]) -> None: ...


class Owner(Protocol):
    """Whoever finds the owner of a session and hands it a request (the directory)."""

    async def deliver(self, forwarded: Request | Departure) -> None: ...
    async def receive(self, forwarded: Request | Departure) -> None: ...


class Frames:
    """Texts for sockets, in order. `encoded` keeps what the server made of them: for many sockets, it is made once."""

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts
        self.encoded: dict[int, bytes] = {}


class Socket:
    """One open WebSocket. `send` hands frames to the server, `close` ends it with a code and a reason."""

    def __init__(
        self,
        *,
        socket_id: str,
        session: str,
        notebook: str,
        form: Form,
        user: int,
        name: str,
        send: Callable[[Frames], Awaitable[None]],
        close: Callable[[int, str], Awaitable[None]],
        congested: Callable[[], bool] = lambda: False,
    ) -> None:
        self.id = socket_id
        self.session = session
        self.notebook = notebook
        self.form = form
        self.user = user
        self.name = name
        self.send = send
        self.close = close
        self.congested = congested
        self.client = socket_id
        self.epoch: int | None = None  # of the last `hello` or resync
        self.sequence = 0  # of the last frame that was handed over
        self.behind = False  # frames were left out: a resync is due

    def origin(self, process: str, role: str) -> Origin:
        by = By(user=self.user, name=self.name, client=self.client)
        return Origin(
            process=process,
            socket=self.id,
            session=self.session,
            notebook=self.notebook,
            form=self.form,
            by=by,
            role=role,
        )


def group(session: str) -> str:
    return f"session.{session}"


EVERYONE = "cascade.everyone"


class Hub:
    """Registers sockets, forwards their requests to the owner, hands them the frames of their session."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self.channel = ""
        self.owner: Owner | None = None
        self.sockets: dict[str, dict[str, Socket]] = {}
        self._listener: asyncio.Task[None] | None = None
        self.handlers: dict[str, Callable[[dict[str, Any]], Awaitable[None]]] = {}  # further messages, by type

    async def start(self, owner: Owner) -> None:
        self.owner = owner
        self.channel = await self.layer.new_channel("cascade")
        await self.layer.group_add(EVERYONE, self.channel)
        self._listener = asyncio.create_task(self._listen())

    async def stop(self, code: int, reason: str) -> None:
        """Close all sockets, inviting them to come back, and listen no longer."""
        sockets = [socket for members in self.sockets.values() for socket in members.values()]
        await asyncio.gather(*(_close(socket, code, reason) for socket in sockets))
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)

    # Sockets ----------------------------------------------------------------------------------------------------

    async def join(self, socket: Socket) -> None:
        members = self.sockets.setdefault(socket.session, {})
        members[socket.id] = socket
        if len(members) == 1:
            await self.layer.group_add(group(socket.session), self.channel)

    async def leave(self, socket: Socket) -> None:
        members = self.sockets.get(socket.session, {})
        members.pop(socket.id, None)
        if not members and socket.session in self.sockets:
            del self.sockets[socket.session]
            await self.layer.group_discard(group(socket.session), self.channel)
        assert self.owner is not None
        await self.owner.deliver(Departure(origin=socket.origin(self.channel, "viewer")))

    async def submit(self, socket: Socket, role: str, text: str) -> None:
        assert self.owner is not None
        await self.owner.deliver(Request(origin=socket.origin(self.channel, role), text=text))

    async def resync(self, socket: Socket, epoch: int, since: int) -> None:
        """Ask on a socket's behalf for what it lacks."""
        text = msgspec.json.encode({"type": "resync", "epoch": epoch, "since": since}).decode()
        await self.submit(socket, "viewer", text)

    async def relieve(self, socket: Socket) -> None:
        """A socket that had stopped reading reads again: what it lacks comes first, then the frames after that."""
        if not socket.behind:
            return
        try:
            await self.resync(socket, socket.epoch or 0, socket.sequence)
        except Exception:
            logger.exception("Nobody could be asked what socket %s lacks.", socket.id)
            socket.behind = False  # its client sees the gap

    # Between processes ------------------------------------------------------------------------------------------

    async def forward(self, channel: str, forwarded: Request | Departure) -> None:
        await self.layer.send(channel, {"type": "forward", "data": encode(forwarded)})

    async def reply(self, origin: Origin, texts: list[str], epoch: int, sequence: int) -> None:
        """Frames for one socket. `sequence` is that up to which they inform it (-1: they do not)."""
        message = {
            "type": "reply",
            "session": origin.session,
            "socket": origin.socket,
            "texts": texts,
            "epoch": epoch,
            "sequence": sequence,
        }
        if origin.process == self.channel:
            await self._answer(message)
        else:
            await self.layer.send(origin.process, message)

    async def broadcast(self, session: str, last: int, html: list[str], json: list[str]) -> None:
        """To the sockets of this process at once, to those of the others by the layer."""
        message = {
            "type": "frames",
            "process": self.channel,
            "session": session,
            "last": last,
            "html": html,
            "json": json,
        }
        await self._deliver(message)
        await self.layer.group_send(group(session), message)

    async def opened(self, session: str, epoch: int) -> None:
        """A session has a new owner: who knew an earlier epoch needs a `hello`."""
        await self.layer.group_send(group(session), {"type": "opened", "session": session, "epoch": epoch})

    async def tell_everyone(self, message: dict[str, Any]) -> None:
        """Send a message to every process."""
        await self.layer.group_send(EVERYONE, message)

    # Listening --------------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        while True:
            try:
                message = await self.layer.receive(self.channel)
            except asyncio.CancelledError:
                raise
            except Exception:
                logger.exception("The channel layer failed; trying again in a second.")
                await asyncio.sleep(1)
                continue
            try:
                await self._dispatch(message)
            except Exception:
                logger.exception("A message of type %s could not be handled.", message.get("type"))

    async def _dispatch(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "frames" if message["process"] == self.channel:
                pass  # delivered already
            case "frames":
                await self._deliver(message)
            case "reply":
                await self._answer(message)
            case "forward":
                assert self.owner is not None
                await self.owner.receive(decode(message["data"]))
            case "opened":
                await self._opened(message["session"], message["epoch"])
            case "close":
                for socket in list(self.sockets.get(message["session"], {}).values()):
                    await _close(socket, message["code"], message["reason"])
            case kind if kind in self.handlers:
                await self.handlers[kind](message)

    async def _deliver(self, message: dict[str, Any]) -> None:
        frames = {"html": Frames(message["html"]), "json": Frames(message["json"])}
        for socket in list(self.sockets.get(message["session"], {}).values()):
            if socket.behind or socket.congested():
                socket.behind = True
                continue
            socket.sequence = message["last"]
            await _send(socket, frames[socket.form])

    async def _answer(self, message: dict[str, Any]) -> None:
        socket = self.sockets.get(message["session"], {}).get(message["socket"])
        if socket is None:
            return
        if message["sequence"] >= 0:
            socket.epoch, socket.sequence = message["epoch"], message["sequence"]
            socket.behind = False
        await _send(socket, Frames(message["texts"]))

    async def _opened(self, session: str, epoch: int) -> None:
        for socket in list(self.sockets.get(session, {}).values()):
            if socket.epoch is not None and socket.epoch != epoch:
                await self.resync(socket, 0, 0)


async def _send(socket: Socket, frames: Frames) -> None:
    try:
        await socket.send(frames)
    except Exception:
        logger.debug("Frames could not be sent to socket %s.", socket.id, exc_info=True)


async def _close(socket: Socket, code: int, reason: str) -> None:
    try:
        await socket.close(code, reason)
    except Exception:
        logger.debug("Socket %s could not be closed.", socket.id, exc_info=True)
