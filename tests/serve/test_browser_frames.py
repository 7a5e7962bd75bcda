"""What reaches a page's WebSocket and no page sends, over the real server and a bare terminal in place of the app."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
import subprocess
import sys
import tty
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
from helpers.gateways import TOKEN
from helpers.scripted_resident import HANGS

wsproto = pytest.importorskip("wsproto")
pytest.importorskip("textual_serve")

import uvicorn  # noqa: E402 - it may be missing

from edge_assistant.serve import browser, gateway  # noqa: E402 - so may what these need

HEAD = (
    f"GET /session/{quote(TOKEN)}?width=80&height=24 HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
).encode()
CLOSE = 0x88  # the first byte of that frame
MOST_BYTES = 1 << 18  # that may wait for a page


class BareBroker:
    """Gives terminals on which nothing runs."""

    def __init__(self) -> None:
        self.terminals: list[int] = []
        self.ended = 0

    async def app(self, columns: int, rows: int) -> int:
        ours, theirs = os.openpty()
        tty.setraw(theirs)
        os.set_blocking(theirs, False)
        self.terminals.append(theirs)
        return ours

    def hung_up(self) -> None:
        self.ended += 1


class Served:
    """A server with pages.

    Attributes:
        broker: that gives it terminals.
    """

    def __init__(self) -> None:
        self.broker = BareBroker()
        self._gone = asyncio.Event()
        app = browser.app(self.broker, TOKEN, "127.0.0.1", self._gone)  # type: ignore[arg-type]
        self._server = uvicorn.Server(gateway._config(app, browser.PageProtocol))

    async def run(self, listener: socket.socket) -> None:
        self.address = listener.getsockname()
        await self._server.serve(sockets=[listener])

    def stop(self) -> None:
        self._server.should_exit = True

    def waiting(self) -> int:
        """The bytes that wait for pages."""
        return sum(each.transport.get_write_buffer_size() for each in self._server.server_state.connections)

    @contextlib.asynccontextmanager
    async def page(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A connection with the app; in the product each has a process of its own."""
        self._gone.clear()
        reader, writer = await asyncio.open_connection(*self.address)
        try:
            writer.write(HEAD)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
            yield reader, writer
        finally:
            writer.close()
            async with asyncio.timeout(HANGS):
                while self.broker.ended < len(self.broker.terminals):
                    await asyncio.sleep(0.001)


@contextlib.asynccontextmanager
async def served() -> AsyncIterator[Served]:
    made = Served()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)  # little waits in the kernel
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        running = asyncio.create_task(made.run(listener))
        await asyncio.sleep(0)
        try:
            yield made
        finally:
            made.stop()
            await running
            for terminal in made.broker.terminals:
                os.close(terminal)


def test_no_code_of_the_package_with_the_terminal_is_loaded() -> None:
    script = "import sys; from edge_assistant.serve import browser; browser._files(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "wsproto" in loaded
    assert not {"aiohttp", "jinja2", "textual", "textual_serve"} & set(loaded)


def frame(first: int, payload: bytes, *, mask: int = 0x80, length: bytes | None = None) -> bytes:
    """A frame with a mask of zeros; see RFC 6455, 5.2."""
    if length is None:
        length = bytes([mask | len(payload)]) if len(payload) < 126 else bytes([mask | 126]) + len(payload).to_bytes(2)
    return bytes([first]) + length + (bytes(4) if mask else b"") + payload


REFUSED = {
    "no mask": frame(0x81, b"[]", mask=0),
    "compressed": frame(0xC1, b"[]"),
    "other bits": frame(0xB1, b"[]"),
    "unknown kind": frame(0x83, b"[]"),
    "unknown control": frame(0x8B, b""),
    "long ping": frame(0x89, b"x" * 126),
    "ping in parts": frame(0x09, b"x"),
    "the middle only": frame(0x80, b"x"),
    "text in text": frame(0x01, b"[") + frame(0x01, b"["),
    "negative length": frame(0x81, b"", length=b"\xff" + b"\xff" * 8),
    "length too long": frame(0x81, b"[]", length=b"\xfe\x00\x02"),
    "bad UTF-8": frame(0x81, b'["stdin", "\xff\xfe"]'),
    "UTF-8 in halves": frame(0x01, b'["stdin", "\xc3') + frame(0x80, b'"]'),
    "bytes": frame(0x82, b'["stdin", "x"]'),
    "a close of one byte": frame(0x88, b"x"),
    "a close of no kind": frame(0x88, b"\x00\x01"),
    "2 MiB": frame(0x81, b"x" * (2 << 20), length=b"\xff" + (2 << 20).to_bytes(8)),
    "2 MiB in parts": frame(0x01, b"x") + frame(0x00, b"x" * 60_000) * 35,
}


@pytest.mark.parametrize("sent", REFUSED.values(), ids=REFUSED)
def test_what_is_no_message_ends_the_page(sent: bytes) -> None:
    async def tried() -> None:
        async with served() as made, made.page() as (reader, writer), asyncio.timeout(HANGS):
            writer.write(sent)
            await ended(reader)

    asyncio.run(tried())


@pytest.mark.parametrize(
    ("text", "instead", "status"),
    [
        ("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n", "", 400),
        ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 7", 426),
        ("GET", "POST", 400),
        ("Upgrade: websocket", "Upgrade: other", 404),
        ("/session/", "/other/", 403),
        (quote(TOKEN), "%ff%fe", 401),
        (quote(TOKEN), "", 401),
        (quote(TOKEN), TOKEN[:8] + "\xff", 400),
        ("Host: 127.0.0.1\r\n", "", 400),
        ("Host: 127.0.0.1\r\n", "Host: 127.0.0.1\r\nOrigin: http://127.0.0.1.example.org\r\n", 403),
    ],
)
def test_what_is_no_page_gets_no_app(text: str, instead: str, status: int) -> None:
    async def tried() -> None:
        async with served() as made, asyncio.timeout(HANGS):
            reader, writer = await asyncio.open_connection(*made.address)
            assert text in HEAD.decode()
            writer.write(HEAD.decode().replace(text, instead).encode("latin-1"))
            assert int((await reader.readline()).split()[1]) == status
            writer.close()
            assert not made.broker.terminals

    asyncio.run(tried())


def test_after_200_pages_of_noise_the_next_one_is_served() -> None:
    chance = random.Random(7)

    async def tried() -> None:
        async with served() as made, asyncio.timeout(HANGS):
            for _ in range(200):
                async with made.page() as (reader, writer):
                    kind = chance.choice([0x01, 0x81, 0x82, 0x00, 0x80, 0x88, 0x89, chance.randrange(256)])
                    writer.write(bytes([kind]) + chance.randbytes(chance.randrange(300)))
                    writer.write_eof()
                    await ended(reader)
            async with made.page() as (reader, writer):
                writer.write(frame(0x81, b'["ping", "17"]'))
                assert await reader.readexactly(16) == b'\x81\x0e["pong", "17"]'

    asyncio.run(tried())


async def ended(reader: asyncio.StreamReader) -> None:
    """Wait until the server closes."""
    with contextlib.suppress(ConnectionError):
        while (data := await reader.read(1 << 16)) and data[0] != CLOSE:
            pass


@pytest.mark.parametrize("sent", [frame(0x89, b"x" * 125), frame(0x81, b'["ping", "17"]'), b""])
def test_what_a_page_does_not_take_does_not_pile_up(sent: bytes) -> None:
    async def tried() -> None:
        async with served() as made, made.page() as (reader, writer):
            reader._transport.pause_reading()  # type: ignore[attr-defined]
            for _ in range(40):
                with contextlib.suppress(BlockingIOError):
                    os.write(made.broker.terminals[0], b"x" * 4000)
                if writer.transport.get_write_buffer_size() < MOST_BYTES:
                    writer.write(sent * 1000)
                await asyncio.sleep(0.01)
            assert made.waiting() < MOST_BYTES
            writer.transport.abort()

    asyncio.run(tried())


def test_an_app_that_takes_no_keys_ends_with_its_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is typed then is not read, nor that the page ends."""
    monkeypatch.setattr(browser, "_HANGS_S", 0.3)

    async def tried() -> None:
        typed = frame(0x81, b'["stdin", "' + b"x" * 60_000 + b'"]')
        async with served() as made, made.page() as (_, writer), asyncio.timeout(HANGS):
            while not made.broker.ended:
                writer.write(typed)
                await writer.drain()

    asyncio.run(tried())


def test_a_page_that_sleeps_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "SLEEPS_S", 0.2)

    async def tried() -> None:
        async with served() as made, made.page() as (reader, _), asyncio.timeout(HANGS):
            await ended(reader)  # it answers no ping

    asyncio.run(tried())


def test_a_page_that_says_nothing_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that asks nothing is closed; this one has asked for the app."""
    monkeypatch.setattr(gateway, "FIRST_S", 1.0)

    async def tried() -> None:
        async with served() as made, made.page() as (reader, _):
            await asyncio.sleep(1.5)
            os.write(made.broker.terminals[0], b"drawn")
            async with asyncio.timeout(HANGS):
                assert await reader.readexactly(7) == b"\x82\x05drawn"

    asyncio.run(tried())
