"""The app in a browser: a page's WebSocket, the app behind it, and who gets neither."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from helpers.commands import COMMAND, HANGS, holds, runs
from helpers.gateways import POLICY, TOKEN, Gateway, children
from helpers.platforms import needs_lock
from helpers.scripted_resident import until
from serve.test_attacks import sent, status
from serve.test_processes import network_sockets

pytest.importorskip("textual_serve")
wsproto = pytest.importorskip("wsproto")
from wsproto import events  # noqa: E402 - it may be missing

from edge_assistant.serve import browser  # noqa: E402

pytestmark = needs_lock
SIZE = "?width=100&height=30"
_ESCAPES = re.compile(r"\x1b\[[0-9;?<>=:$]*[a-zA-Z@`]|\x1b[()][A-Z0-9]|\x1b[=>78]")


class Page:
    """A page that is connected; what is drawn to it is collected without escape sequences."""

    def __init__(self, port: int, token: str = TOKEN, *, origin: str | None = None, host: str | None = None) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=HANGS)
        self.connection = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
        self.refused, self.closed, self.text, self._drawn = 0, False, "", b""
        from_where = [("origin", origin or f"http://127.0.0.1:{port}")]
        target = f"/session/{quote(token, safe='')}{SIZE}"
        self._send(events.Request(host=host or f"127.0.0.1:{port}", target=target, extra_headers=from_where))
        self.take()

    def say(self, *what: object) -> None:
        """Say what a page of textual-serve says."""
        self._send(events.TextMessage(json.dumps(what)))

    def press(self, keys: str) -> None:
        self.say("stdin", keys)

    def see(self, text: str) -> None:
        """Wait until that is drawn."""
        self.wait(lambda: text in _ESCAPES.sub("", self._drawn.decode("utf-8", "replace")))

    def wait(self, true: object) -> None:
        until(lambda: true() or self.closed or self.take())  # type: ignore[operator]
        assert not self.closed or true(), self._drawn[-2000:]  # type: ignore[operator]

    def end(self) -> None:
        """Wait for the gateway to close."""
        while not self.closed:
            self.take()

    def take(self) -> None:
        """Take what comes next; nothing is returned, so that waiting goes on."""
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionError:
            data = b""
        self.connection.receive_data(data or None)
        for event in self.connection.events():
            match event:
                case events.RejectConnection():
                    self.refused = event.status_code
                    self.closed = True
                case events.BytesMessage():
                    self._drawn += event.data
                case events.TextMessage():
                    self.text += event.data
                case events.CloseConnection():
                    self.closed = True
        self.closed |= not data

    def _send(self, event: events.Event) -> None:
        self.socket.sendall(self.connection.send(event))


@contextmanager
def page(gateway: Gateway, token: str = TOKEN, *, origin: str | None = None, host: str | None = None) -> Iterator[Page]:
    """A page that is closed as by a browser that is killed; the app ends with it, and so does the page's process."""
    until(lambda: children(gateway.process))
    before = children(gateway.process)
    opened = Page(gateway.port, token, origin=origin, host=host)
    try:
        yield opened
    finally:
        opened.socket.close()
        until(lambda: not apps(gateway))
        if not opened.refused:
            until(lambda: children(gateway.process) not in ([], before))


def apps(gateway: Gateway) -> list[int]:
    """The processes of the app: the launcher and all below it."""
    return [one for one in _below(gateway.broker.pid) if one not in {gateway.process, *_below(gateway.process)}]


def _below(process: int) -> list[int]:
    try:
        live = [one for one in children(process) if runs(one)]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [*live, *(deeper for one in live for deeper in _below(one))]


def test_a_page_shows_the_app_and_types_into_it(shown: Gateway) -> None:
    with page(shown) as opened:
        opened.see("Ask about the signals")
        processes = apps(shown)
        assert len(processes) == 2
        assert [network_sockets(one) for one in processes] == [[], []]
        assert all("Seccomp:\t2" in Path(f"/proc/{one}/status").read_text() for one in processes)
        opened.press("grüße")
        opened.see("grüße")
        opened.press("\x1b[200~ pasted words\x1b[201~")
        opened.see("pasted words")
        opened.say("resize", {"width": 61, "height": 20})
        opened.say("focus")
        opened.say("ping", "17")
        opened.wait(lambda: '["pong", "17"]' in opened.text)
        opened.press("\x1bOP")  # F1
        opened.see("Keys of every place")
        opened.press("\x1b")
        opened.press("\x11")  # Ctrl+Q
        opened.end()
        until(lambda: not apps(shown))


def test_the_size_of_the_page_is_that_of_the_app(shown: Gateway) -> None:
    def borders(opened: Page) -> set[int]:
        """The lengths of the lines that are the upper border of the prompt or the like."""
        text = _ESCAPES.sub("", opened._drawn.decode("utf-8", "replace"))
        return {len(line) for line in re.findall("╭─ Ask ─+╮", text)}

    with page(shown) as opened:
        opened.see("Ask about the signals")
        assert borders(opened) == {100}
        opened.say("resize", {"width": 61, "height": 20})
        opened.wait(lambda: 61 in borders(opened))


@pytest.mark.parametrize(
    ("token", "origin", "host", "code"),
    [
        ("", None, None, 401),
        ("another token", None, None, 401),
        (f"{TOKEN}/", None, None, 401),
        (TOKEN, "http://example.org", None, 403),
        (TOKEN, "null", None, 403),
        (TOKEN, None, "example.org", 403),
    ],
)
def test_others_get_no_app(shown: Gateway, token: str, origin: str | None, host: str | None, code: int) -> None:
    with page(shown, token, origin=origin, host=host) as opened:
        assert (opened.closed, opened.refused, apps(shown)) == (True, code, [])


def test_a_page_whose_name_was_made_to_lead_here_gets_nothing(shown: Gateway) -> None:
    assert status(sent(shown.port, b"GET / HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n")) == 403


def test_one_page_at_a_time_has_the_app(shown: Gateway) -> None:
    with page(shown) as first:
        first.see("Ask about the signals")
        before = apps(shown)
        second = Page(shown.port)
        assert second.refused == 429
        second.socket.close()
        assert apps(shown) == before
        first.press("still here")
        first.see("still here")
    with page(shown) as third:
        third.see("Ask about the signals")


def test_a_process_whose_page_has_gone_takes_no_other() -> None:
    from starlette.testclient import TestClient, WebSocketDenialResponse

    gone = asyncio.Event()
    gone.set()
    client = TestClient(browser.app(None, TOKEN, "127.0.0.1", gone))  # type: ignore[arg-type] - no app is asked for
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        client.websocket_connect(f"/session/{TOKEN}", headers={"host": "127.0.0.1"}),
    ):
        pass
    assert refused.value.status_code == 429


def test_nothing_that_was_typed_or_drawn_stays_once_the_page_has_gone(shown: Gateway) -> None:
    with page(shown) as opened:
        opened.press("quicksilver")
        opened.see("quicksilver")
        [process] = children(shown.process)
        assert holds(process, "quicksilver")
    left = [shown.broker.pid, shown.process, *children(shown.process)]
    assert [holds(one, "quicksilver") for one in left] == [False] * 3


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "5", '["stdin"]', '["stdin", 5]', '["resize", 5]', '["else"]', "[" * 100_000, "x" * (1 << 21)],
    ids=lambda text: text[:20],
)
def test_what_no_page_says_ends_it(shown: Gateway, text: str) -> None:
    with page(shown) as opened:
        opened._send(events.TextMessage(text))
        opened.end()


def test_sizes_beyond_all_bounds_are_bounded(shown: Gateway) -> None:
    with page(shown) as opened:
        for width in (-1, 0, 1 << 40, "x", None, 1.5, True):
            opened.say("resize", {"width": width, "height": 10})
        opened.press("words")
        opened.see("words")


def test_the_page_loads_nothing_from_elsewhere(shown: Gateway) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{shown.port}/") as answer:
        html, policy = answer.read().decode(), answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    files = re.findall(r'(?:href|src)="([^"]*)"', html)
    assert files == ["data:,", "/xterm.css", "/page.css", "/page.js", "/textual.js"]
    assert "<style" not in html
    for file in files[1:]:
        with urllib.request.urlopen(f"http://127.0.0.1:{shown.port}{file}") as answer:
            text = answer.read().decode()
        assert not re.search(r"(?:@import|url\(|fetch\(\s*['\"])\s*['\"]?https?:", text), file


@pytest.mark.parametrize("killed", ["broker", "page"])
def test_the_app_ends_with_the_gateway(killed: str, homes: Iterator[Path]) -> None:
    home = next(homes)
    (home / "config").mkdir(mode=0o700, parents=True)
    (home / "config" / "policy.toml").write_text(POLICY)
    line = [*COMMAND, "serve", "--app", "127.0.0.1:0"]
    named = {**os.environ, "EDGE_ASSISTANT_HOME": str(home), "EDGE_ASSISTANT_PROFILE": "test"}
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=named) as broker:
        assert broker.stdout is not None
        _, link = (broker.stdout.readline().strip() for _ in range(2))
        port, _, made = link.rpartition(":")[2].partition("/#")
        opened = Page(int(port), made)
        opened.see("Ask about the signals")
        processes = _below(broker.pid)
        assert len(processes) == 4
        [of_page] = children(children(broker.pid)[0])
        os.kill({"broker": broker.pid, "page": of_page}[killed], signal.SIGKILL)
        opened.end()
        opened.socket.close()
        until(lambda: not any(runs(one) for one in processes))


@pytest.mark.parametrize(
    ("option", "package", "extra", "extras"),
    [
        ("--app", "wsproto", "browser", "tui,serve,browser"),
        ("--app", "uvicorn", "serve", "tui,serve,browser"),
        ("--http", "uvicorn", "serve", "serve"),
        ("--wyoming", "wyoming", "serve", "serve"),
    ],
)
def test_without_its_packages_it_says_which_extra_has_them(
    home: Path, option: str, package: str, extra: str, extras: str
) -> None:
    (home / "config").mkdir()
    (home / "config" / "policy.toml").write_text(POLICY)
    hides = f"import sys; sys.modules['{package}'] = None; from edge_assistant.cli.main import main; sys.exit(main())"
    ran = subprocess.run(
        [COMMAND[0], "-c", hides, "serve", option, "127.0.0.1:0"], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert f"needs {package}, which the extra '{extra}' brings" in ran.stderr
    assert f"'pip install edge-assistant-offline[{extras}]'" in ran.stderr
