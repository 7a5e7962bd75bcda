"""From the gateway to the resident: one connection for each call, which ends with the client that waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import socket
import threading
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from edge_assistant.core import errors
from edge_assistant.core.errors import EdgeAssistantError, ResidentLost, UsageError
from edge_assistant.core.signals import HEAD_BYTES, Kind, Signal, guess_content, take_stream
from edge_assistant.resident import client, protocol
from edge_assistant.resident.protocol import Channel, MalformedMessage, ServiceMessage
from edge_assistant.serve import messages

WAITING = 16  # calls at once, the one that is answered included
LIFE_S = 30.0  # between two messages of the resident, which sends one a second
TRIES, AGAIN_S = 5, 0.3  # while a resident restarts with fresh memory
STARTS_S, _POLL_S = 20.0, 0.1  # while one starts


class Busy(Exception):
    """So many wait already that this call is not taken."""

    code = "busy"

    def __init__(self) -> None:
        super().__init__("too many questions wait: ask again in a moment")


class Broker:
    """The gateway's end of the socket to its broker, by which it gets connections to the resident, and files.

    Attributes:
        left: set once the broker is gone, with which the gateway ends.
    """

    def __init__(self, control: socket.socket) -> None:
        control.setblocking(False)
        self._control = control
        self._wanted: deque[asyncio.Future[tuple[dict[str, Any], list[int]]]] = deque()
        self._opening = asyncio.Lock()  # so that long paths of many clients do not fill the socket
        self.left = asyncio.Event()
        asyncio.get_running_loop().add_reader(control, self._take)

    async def connection(self, *, starts: bool = True) -> socket.socket:
        """A connection to the resident, which starts if none runs; with `starts` False that is an error.

        It is waited for here, as the broker grants one wish after the other.

        Raises:
            Busy: too many wishes wait.
            EdgeAssistantError: there is none to be had.
        """
        now = asyncio.get_running_loop().time
        end = now() + STARTS_S
        while True:
            try:
                _, [descriptor] = await self._given(messages.CONNECT if starts else messages.FIND)
                return socket.socket(fileno=descriptor)
            except ResidentLost:
                if not starts or now() > end:
                    raise
            await asyncio.sleep(_POLL_S)

    async def file(self, path: str) -> io.BufferedReader:
        """A file that a client names, opened.

        Raises:
            Busy: too many wishes wait.
            PolicyRefused: it is in none of the folders that the policy names.
            InputError: it cannot be opened.
        """
        async with self._opening:
            _, [descriptor] = await self._given(messages.OPEN + json.dumps(path).encode())
            return os.fdopen(descriptor, "rb")

    async def app(self, columns: int, rows: int) -> int:
        """The descriptor of a pseudoterminal on which the app has been started.

        Raises:
            EdgeAssistantError: it cannot be started.
        """
        _, [descriptor] = await self._given(messages.APP + json.dumps([columns, rows]).encode())
        return descriptor

    def hung_up(self) -> None:
        """Tell the broker that the app's terminal is closed."""
        with contextlib.suppress(OSError):  # it is busy, and ends the app before the next one, or is gone
            self._control.send(messages.HUNG_UP)

    async def files(self) -> dict[str, io.BufferedReader]:
        """The files that Wyoming's questions are about, opened, by name.

        Raises:
            Busy: too many wishes wait.
            InputUnreadable: one cannot be opened.
        """
        async with self._opening:
            found, descriptors = await self._given(messages.FOLDER)
            return {name: os.fdopen(one, "rb") for name, one in zip(found["files"], descriptors, strict=True)}

    async def _given(self, wish: bytes) -> tuple[dict[str, Any], list[int]]:
        """What the broker says, and the descriptors that it gives.

        Raises:
            Busy: the broker is busy for long, and no more wishes fit the socket to it.
            EdgeAssistantError: it gives none.
        """
        wanted: asyncio.Future[tuple[dict[str, Any], list[int]]] = asyncio.get_running_loop().create_future()
        try:
            self._control.send(wish)
        except BlockingIOError:
            raise Busy from None
        self._wanted.append(wanted)  # only now: what was not sent gets no answer
        try:
            return await wanted
        except asyncio.CancelledError:
            if not wanted.cancelled() and wanted.exception() is None:  # it came at the same moment
                _close(wanted.result()[1])
            raise

    def _take(self) -> None:
        data, descriptors, *_ = socket.recv_fds(self._control, messages.MOST_BYTES, messages.FILES)
        if not data:
            asyncio.get_running_loop().remove_reader(self._control)
            self.left.set()
            return
        wanted, found = self._wanted.popleft(), json.loads(data)
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)  # Python 3.11 forgets MSG_CMSG_CLOEXEC
        if wanted.cancelled():
            _close(descriptors)
        elif "error" in found:
            wanted.set_exception(errors.unpacked(*found["error"]))
        else:
            wanted.set_result((found, descriptors))


def _close(descriptors: Iterable[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


class Desk:
    """Where clients' calls wait for the resident, in the order in which they came."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._open = 0

    async def status(self) -> dict[str, Any]:
        """What the resident says of itself; none is started for that.

        Raises:
            Busy: too many wishes wait.
            EdgeAssistantError: none runs, or it says nothing.
        """
        connection = await self._broker.connection(starts=False)
        return await asyncio.to_thread(_status, connection)

    async def connection(self) -> socket.socket:
        """A connection to the resident, for what is no call.

        Raises:
            Busy: too many wishes wait.
            EdgeAssistantError: there is none to be had.
        """
        return await self._broker.connection()

    async def reply(self, message: ServiceMessage, *, folder: bool = False) -> dict[str, Any]:
        """The reply to a message, without what comes before it; raises what `call` does."""
        async with contextlib.aclosing(self.call(message, folder=folder)) as replies:
            return [found async for found in replies if not {"event", "part"} & set(found)][-1]

    async def call(
        self, message: ServiceMessage, paths: Sequence[str] = (), *, folder: bool = False
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Have something done; a client that goes away closes this, which stops the work.

        Args:
            message: what is to be done.
            paths: of files that are its signals, in place of those in the message.
            folder: whether the files of the folder for that are its signals.

        Yields:
            The resident's messages: `event`, `part`, and at last the reply.

        Raises:
            Busy: too many calls wait.
            UsageError: the message is too long for the resident, or has too many signals.
            EdgeAssistantError: it cannot be done.
        """
        size = len(protocol.packed({"service": message}))
        if size > protocol.REQUEST_BYTES or len(message.signals) > protocol.MAX_DESCRIPTORS:
            what = f"a request has at most {protocol.REQUEST_BYTES >> 20} MiB of text, {protocol.MAX_DESCRIPTORS} files"
            raise UsageError(what, "send less at once")
        if self._open >= WAITING:
            raise Busy
        self._open += 1
        try:
            with contextlib.ExitStack() as held:
                files = [held.enter_context(await self._broker.file(path)) for path in paths]
                if folder:
                    paths = [*(found := await self._broker.files())]
                    files = [held.enter_context(file) for file in found.values()]
                if paths:
                    message = replace(message, signals=await asyncio.to_thread(_taken, paths, files))
                for left in reversed(range(TRIES)):
                    async with contextlib.aclosing(self._tried(message, files)) as tried:
                        async for found in tried:
                            if "again" in found:
                                break
                            yield found
                        else:
                            return
                    if not left:
                        raise ResidentLost(f"the resident does not answer: {found['again']}", "try again later")
                    await asyncio.sleep(AGAIN_S)
        finally:
            self._open -= 1

    async def _tried(
        self, message: ServiceMessage, files: Sequence[io.BufferedReader]
    ) -> AsyncGenerator[dict[str, Any], None]:
        """One try; a resident that ends before it began gives `again`."""
        connection = await self._broker.connection()
        queue: asyncio.Queue[dict[str, Any] | Exception | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def give(found: dict[str, Any] | Exception | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(queue.put_nowait, found)

        given = [os.dup(file.fileno()) for file in files]  # the thread may be at work when a client is gone
        threading.Thread(target=_converse, args=(connection, message, given, give), daemon=True).start()
        try:
            while (found := await queue.get()) is not None:
                if isinstance(found, Exception):
                    raise found
                yield found
        finally:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)  # the thread ends, and the resident stops


def _taken(paths: Sequence[str], files: Sequence[io.BufferedReader]) -> tuple[Signal, ...]:
    """Open files as signals, numbered within each kind."""
    numbers: Counter[Kind] = Counter()
    found = []
    for path, file in zip(paths, files, strict=True):
        name = PurePosixPath(path).name
        kind = guess_content(name, os.pread(file.fileno(), HEAD_BYTES, 0))
        numbers[kind] += 1
        found.append(take_stream(file, name, kind, numbers[kind]))
    return tuple(found)


def _converse(
    connection: socket.socket, message: ServiceMessage, given: Sequence[int], give: Callable[[Any], None]
) -> None:
    """Send a message with its signals, and give what comes until the end; in a thread of its own.

    Args:
        connection: to the resident.
        message: what is to be done.
        given: descriptors of its signals, which are closed here; empty where their bytes are in it.
        give: is called with each message.
    """
    begun = False
    try:
        with connection, contextlib.ExitStack() as files:
            for descriptor in given:
                files.callback(os.close, descriptor)
            connection.settimeout(LIFE_S)
            channel = Channel(connection, protocol.REPLY_BYTES)
            given = given or [files.enter_context(client.file_of(signal)).fileno() for signal in message.signals]
            channel.send({"service": message}, given)
            while True:
                found = channel.receive()
                match found:
                    case {"turn": turn}:
                        begun = begun or turn is True  # what kills one resident is not tried with the next
                    case {"refused": str() as why}:
                        give({"again": why})
                        return
                    case {"error": [str() as kind, str() as told, str() as hint]}:
                        raise errors.unpacked(kind, told, hint)
                    case {"event": _} | {"part": _}:
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
