"""Requests that no honest client sends: one clear error each, and the next good request is answered."""

from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.gateways import TOKEN, Gateway
from helpers.platforms import needs_lock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = needs_lock
BEARER = f"Authorization: Bearer {TOKEN}\r\n"


def sent(port: int, data: bytes, wait: float = 10.0, *, ends: bool = False) -> bytes:
    """What comes back for bytes, until the gateway ends the connection; `ends` says at once that no more come."""
    with socket.create_connection(("127.0.0.1", port), timeout=wait) as connection:
        connection.sendall(data)
        if ends:
            connection.shutdown(socket.SHUT_WR)
        found = b""
        while part := connection.recv(1 << 16):
            found += part
    return found


def request(
    path: str, *, head: str = BEARER, host: str = "127.0.0.1", body: bytes = b"", method: str = "POST"
) -> bytes:
    lines = (
        f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return lines.encode("latin-1") + body


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def is_well(gateway: Gateway) -> bool:
    return status(sent(gateway.port, request("/v1/models", method="GET"))) == 200


@pytest.mark.parametrize(
    ("head", "host", "told"),
    [
        ("", "127.0.0.1", 401),
        ("Authorization: Bearer wrong\r\n", "127.0.0.1", 401),
        (f"Authorization: Basic {TOKEN}\r\n", "127.0.0.1", 401),
        (f"Authorization: Bearer {TOKEN}x\r\n", "127.0.0.1", 401),
        (BEARER, "evil.example", 403),
        (BEARER, "127.0.0.1.evil.example", 403),
        (BEARER, "", 403),
        (BEARER, "[::1", 403),
        (f"{BEARER}Origin: https://evil.example\r\n", "127.0.0.1", 403),
        (f"{BEARER}Origin: null\r\n", "127.0.0.1", 403),
        (f"{BEARER}Origin: http://127.0.0.1.evil.example\r\n", "127.0.0.1", 403),
        (f"{BEARER}Origin: http://localhost:3000\r\n", "localhost:8011", 200),
    ],
)
def test_who_may_not_ask_is_refused_before_anything_is_read(gateway: Gateway, head: str, host: str, told: int) -> None:
    assert status(sent(gateway.port, request("/v1/models", head=head, host=host, method="GET"))) == told


BODIES = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"\xff\xfe",
    b'{"messages": 1}',
    b'{"messages": [1]}',
    b'{"messages": [{"role": "god", "content": "x"}]}',
    b'{"messages": [{"role": "user", "content": [{"type": "what"}]}]}',
    b'{"messages": [{"role": "user", "content": [{"type": "text"}]}]}',
    b'{"messages": [{"role": "user", "content": ""}]}',
    b'{"messages": [{"role": "user", "content": "' + b"a" * 5000 + b'?"}]}',
    b'{"messages": [{"role": "user", "content": "\\ud800"}]}',
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"messages": [{"role": "user", "content": "x"}], "stream": "maybe"}',
    b"1" * 10_000,
]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/embeddings", "/v1/audio/speech"])
@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_a_body_that_is_wrong_is_one_error(gateway: Gateway, path: str, body: bytes) -> None:
    answer = sent(gateway.port, request(path, body=body))
    assert status(answer) == 400, answer
    assert set(json.loads(answer.partition(b"\r\n\r\n")[2])["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (request("/v1/chat/completions").replace(b"Content-Length: 0", b"Content-Length: 99999999999"), 413),
        (request("/v1/chat/completions").replace(b"Content-Length: 0", b"Content-Length: -1"), 400),
        (request("/v1/chat/completions").replace(b"Content-Length: 0", b"Content-Length: x"), 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20_000 + b"\r\n", 400),
        (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n", 400),
        (
            b"GET /../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n" + BEARER.encode() + b"Connection: close\r\n\r\n",
            404,
        ),
        (request("/v1/%2e%2e/%2e%2e/etc/passwd", method="GET"), 404),
        (request("/v1/models", method="DELETE"), 405),
        (request("http://evil.example/", method="GET"), 404),
    ],
)
def test_a_head_that_is_wrong_is_one_error(gateway: Gateway, data: bytes, told: int) -> None:
    assert status(sent(gateway.port, data)) == told
    assert is_well(gateway)


def test_a_body_of_chunks_is_bounded_while_it_comes(gateway: Gateway) -> None:
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\n{BEARER}Transfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as connection:
        connection.sendall(head.encode())
        chunk = b"100000\r\n" + b"a" * (1 << 20) + b"\r\n"
        answer = b""
        try:
            for _ in range(80):
                connection.sendall(chunk)
        except (BrokenPipeError, ConnectionResetError):
            pass
        try:
            answer = connection.recv(1 << 16)
        except ConnectionResetError:
            answer = b"HTTP/1.1 413 gone"
    assert status(answer) == 413
    assert is_well(gateway)
    assert memory_mib(gateway.process) < 512


def memory_mib(process: int) -> int:
    rows = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(row.split()[1]) >> 10 for row in rows if row.startswith("VmRSS:"))


def test_a_thousand_silent_connections_keep_nobody_out_for_long(gateway: Gateway) -> None:
    silent = []
    for _ in range(1000):
        try:
            silent.append(socket.create_connection(("127.0.0.1", gateway.port), timeout=5))
        except OSError:
            break
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                if is_well(gateway):
                    break
            except (OSError, IndexError, ValueError):
                pass
            time.sleep(0.5)
        else:
            pytest.fail("nobody is answered any more")
    finally:
        for connection in silent:
            connection.close()


def test_a_client_that_leaves_stops_its_answer(gateway: Gateway, pytestconfig: pytest.Config) -> None:
    data = (pytestconfig.rootpath / "examples" / "clinic" / "form.jpg").read_bytes()
    url = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
    part = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "What is written?"}]
    body = json.dumps({"messages": [{"role": "user", "content": part}]}).encode()
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as connection:
        connection.sendall(request("/v1/chat/completions", body=body))
    began = time.monotonic()
    assert is_well(gateway)
    assert time.monotonic() - began < 5


def _junk() -> Iterator[st.SearchStrategy[bytes]]:
    yield st.binary(max_size=400)
    good = request("/v1/chat/completions", body=b'{"messages": [{"role": "user", "content": "Hello."}]}')
    yield st.tuples(st.integers(0, len(good) - 1), st.binary(max_size=8)).map(
        lambda cut: good[: cut[0]] + cut[1] + good[cut[0] + len(cut[1]) :]
    )


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(*_junk()))
def test_whatever_comes_ends_in_an_answer_or_in_silence(gateway: Gateway, data: bytes) -> None:
    answer = sent(gateway.port, data, wait=30.0, ends=True)
    assert answer == b"" or 200 <= status(answer) < 500
