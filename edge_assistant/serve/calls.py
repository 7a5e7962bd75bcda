"""From the gateway to the resident: one connection for each call, which ends with the client that waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import IO, Any

from edge_assistant.core import errors
from edge_assistant.core.errors import EdgeAssistantError, ResidentLost
from edge_assistant.core.signals import Signal
from edge_assistant.resident import protocol
from edge_assistant.resident.protocol import Channel, MalformedMessage, ServiceMessage

WAITING = 16  # calls at once, the one that is answered included
LIFE_S = 30.0  # between two messages of the resident, which sends one a second
_TRIES, _AGAIN_S = 5, 0.3  # while a resident restarts with fresh memory


class Busy(Exception):
    """So many wait already that this call is not taken."""


class Broker:
    """The gateway's end of the socket to its broker, by which it gets connections to the resident.

    Attributes:
        left: set once the broker is gone, with which the gateway ends.
    """

    def __init__(self, control: socket.socket) -> None:
        control.setblocking(False)
        self._control = control
        self._wanted: deque[asyncio.Future[socket.socket]] = deque()
        self.left = asyncio.Event()
        asyncio.get_running_loop().add_reader(control, self._take)

    async def connection(self) -> socket.socket:
        """A connection to the resident.

        Raises:
            EdgeAssistantError: there is none to be had.
        """
        wanted: asyncio.Future[socket.socket] = asyncio.get_running_loop().create_future()
        self._wanted.append(wanted)
        self._control.send(b"connect")
        return await wanted

    def _take(self) -> None:
        data, descriptors, *_ = socket.recv_fds(self._control, 1 << 16, 1)
        if not data:
            asyncio.get_running_loop().remove_reader(self._control)
            self.left.set()
            return
        wanted = self._wanted.popleft()
        if descriptors:
            connection = socket.socket(fileno=descriptors[0])
            if wanted.cancelled():
                connection.close()
            else:
                wanted.set_result(connection)
        elif not wanted.cancelled():
            wanted.set_exception(_error(json.loads(data)))


class Desk:
    """Where clients' calls wait for the resident, in the order in which they came."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._open = 0

    async def status(self) -> dict[str, Any]:
        """What the resident says of itself.

        Raises:
            EdgeAssistantError: it says nothing.
        """
        connection = await self._broker.connection()
        return await asyncio.to_thread(_status, connection)

    async def call(self, message: ServiceMessage) -> AsyncIterator[dict[str, Any]]:
        """Have something done; a client that goes away closes this, which stops the work.

        Yields:
            The resident's messages: `event`, `part`, and at last the reply.

        Raises:
            Busy: too many calls wait.
            EdgeAssistantError: it cannot be done.
        """
        if self._open >= WAITING:
            raise Busy
        self._open += 1
        try:
            for left in reversed(range(_TRIES)):
                async for found in self._tried(message):
                    if "again" not in found:
                        yield found
                    elif not left:
                        raise ResidentLost(f"the resident does not answer: {found['again']}", "try again later")
                    else:
                        await asyncio.sleep(_AGAIN_S)
                        break
                else:
                    return
        finally:
            self._open -= 1

    async def _tried(self, message: ServiceMessage) -> AsyncIterator[dict[str, Any]]:
        """One try; a resident that ends before it began gives `again`."""
        connection = await self._broker.connection()
        queue: asyncio.Queue[dict[str, Any] | Exception | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def give(found: dict[str, Any] | Exception | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(queue.put_nowait, found)

        threading.Thread(target=_converse, args=(connection, message, give), daemon=True).start()
        try:
            while (found := await queue.get()) is not None:
                if isinstance(found, Exception):
                    raise found
                yield found
        finally:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)  # the thread ends, and the resident stops


def _converse(connection: socket.socket, message: ServiceMessage, give: Callable[[Any], None]) -> None:
    """Send a message with its signals, and give what comes until the end; in a thread of its own."""
    begun = False
    try:
        with connection, contextlib.ExitStack() as files:
            connection.settimeout(LIFE_S)
            channel = Channel(connection, protocol.REPLY_BYTES)
            given = [files.enter_context(_file(signal)).fileno() for signal in message.signals]
            channel.send({"service": message}, given)
            while True:
                found = channel.receive()
                match found:
                    case {"turn": _}:
                        continue
                    case {"refused": str() as why}:
                        give({"again": why})
                        return
                    case {"error": list()}:
                        raise _error(found)
                    case {"event": _} | {"part": _}:
                        begun = True
                        give(found)
                    case _:
                        give(found)
                        give(None)
                        return
    except EdgeAssistantError as error:
        give(error)
    except (OSError, EOFError, MalformedMessage) as error:
        lost = ResidentLost("the resident ended before its answer did", "ask again")
        give(lost if begun else {"again": str(error)})


def _status(connection: socket.socket) -> dict[str, Any]:
    with connection:
        connection.settimeout(LIFE_S)
        channel = Channel(connection, protocol.REPLY_BYTES)
        try:
            channel.send({"order": "status"})
            return channel.receive()
        except (OSError, EOFError, MalformedMessage):
            raise ResidentLost("the resident does not say how it is", "try again later") from None


def _file(signal: Signal) -> IO[bytes]:
    file = os.fdopen(os.memfd_create("signal"), "wb")
    file.write(signal.data or b"")
    file.flush()
    return file


def _error(found: dict[str, Any]) -> EdgeAssistantError:
    """The error that a message tells."""
    kind, message, hint = found["error"]
    made: EdgeAssistantError = getattr(errors, kind if kind in errors.__all__ else "EdgeAssistantError")(message, hint)
    return made
