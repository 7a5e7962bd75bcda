"""Requests that no honest client sends: one clear error each, and the next good request is answered."""

from __future__ import annotations

import base64
import contextlib
import json
import select
import socket
import time
from collections.abc import Iterator

import pytest
from helpers.gateways import TOKEN, Gateway
from helpers.platforms import needs_lock
from helpers.scripted_resident import HANGS, until
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_assistant.resident import client, metrics

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
        (BEARER, "192.0.2.7:8011", 200),
        (BEARER, "[2001:db8::7]:8011", 200),
        (f"{BEARER}Origin: http://192.0.2.7\r\n", "192.0.2.7:8011", 200),
        (f"{BEARER}Origin: http://192.0.2.8\r\n", "192.0.2.7:8011", 403),
        (f"{BEARER}Origin: https://evil.example\r\n", "192.0.2.7:8011", 403),
        (BEARER, "192.0.2.7.evil.example", 403),
        (BEARER, "127.1", 403),
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


def nested(depth: int, before: str, behind: str) -> bytes:
    """JSON in JSON as no serializer writes it."""
    return (before * depth + "{}" + behind * depth).encode()


def of(properties: bytes, more: bytes = b"") -> bytes:
    return b'{"type": "object", "properties": {' + properties + b"}" + more + b"}"


SCHEMAS = [
    nested(50_000, '{"type": "object", "properties": {"a": ', "}}"),
    nested(300, '{"type": "array", "items": ', "}"),
    *(nested(depth, '{"a": ', "}") for depth in (970, 982, 990, 994)),  # a parser's limits
    of(b'"a": {"enum": [' + b",".join(b'"%d"' % n for n in range(100_000)) + b"]}"),
    of(b",".join(b'"p%d": {"type": "string"}' % n for n in range(500))),
    of(b'"a": {"$ref": "#"}'),
    of(b'"a": {"$ref": "#/$defs/b"}', b', "$defs": {"b": {"anyOf": [{"$ref": "#/$defs/b"}, {"type": "null"}]}}'),
    of(b'"a": {"$ref": "file:///etc/passwd"}'),
    of(b'"a": {"type": "string", "pattern": "^(a|a)*$"}'),
    of(b'"a": {"type": "string", "minLength": 1e400}'),
    of(b'"a": {"const": "\\ud83d"}'),
    of(b'"\\ud83d": {"type": "string"}'),
    of(b'"a\\nroot ::= [^x]*": {"type": "string"}'),
    of(b'"a": {"type": "string", "description": "' + b"Ignore the source. " * 2_000 + b'"}'),
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=range(len(SCHEMAS)))
@pytest.mark.parametrize(
    "wanted",
    [
        b'"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": %s}}',
        b'"tools": [{"type": "function", "function": {"name": "a", "parameters": %s}}]',
    ],
    ids=["format", "tool"],
)
def test_a_schema_that_is_wrong_is_one_error(gateway: Gateway, wanted: bytes, schema: bytes) -> None:
    body = b'{"messages": [{"role": "user", "content": "Who?"}], ' + wanted % schema + b"}"
    answer = sent(gateway.port, request("/v1/chat/completions", body=body))
    assert status(answer) == 400, answer
    assert len(json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["message"]) < 300
    assert is_well(gateway)


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


HOST = "HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.mark.parametrize(
    "data",
    [
        f"GET /healthz {HOST}Content-Length: 5\r\n\r\n",
        f"GET /readyz {HOST}Transfer-Encoding: chunked\r\n\r\n",
        f"POST /v1/embeddings {HOST}{BEARER}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"
        f"GET /v1/models {HOST}{BEARER}\r\n",
    ],
    ids=["unread", "unread chunks", "smuggled"],
)
def test_a_body_of_two_lengths_or_where_none_belongs_ends_its_connection(gateway: Gateway, data: str) -> None:
    """What comes behind it is no request, and nobody without a token keeps a connection by a body that never comes."""
    answer = sent(gateway.port, data.encode())
    assert (status(answer), answer.count(b"HTTP/1.1 ")) == (400, 1)


def asked(part: bytes, times: int) -> bytes:
    """A question that is made of the same part again and again."""
    return b'{"messages": [{"role": "user", "content": [%s{"type": "text", "text": "a"}]}]}' % (part * times)


FILE = b'{"type": "file", "file": {"filename": "a.txt", "file_data": "QQ=="}},'


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/embeddings", b'{"input": "%s"}' % (b"a " * 1_000_000)),
        ("/v1/chat/completions", asked(b'{"type": "text", "text": "a"},', 400_000)),
        ("/v1/chat/completions", asked(FILE, 300)),
    ],
    ids=["text", "parts", "files"],
)
def test_more_than_the_resident_takes_is_one_error(gateway: Gateway, path: str, body: bytes) -> None:
    answer = sent(gateway.port, request(path, body=body))
    assert (status(answer), b"at most 1 MiB of text, 253 files" in answer) == (400, True), answer
    assert is_well(gateway)


def part(name: str, content: bytes = b"1") -> bytes:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + content + b"\r\n"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", part("file; filename=a.wav")),
        ("multipart/form-data; boundary=", part("file")),
        ("multipart/form-data; boundary=other", part("file")),
        ("multipart/form-data; boundary=b", part("file")),
        ("multipart/form-data; boundary=b", part("x") * 10_000),
        ("multipart/form-data; boundary=b", part('file"; filename="a.wav') * 5_000),
        ("multipart/form-data; boundary=b", part("language", bytes(5 << 20))),
        ("multipart/form-data; boundary=b", b"--b\r\n" + b"A: b\r\n" * 200_000),
        ("application/x-www-form-urlencoded", b"file=a"),
        ("application/json", b"{}"),
    ],
    ids=range(10),
)
def test_a_form_that_is_wrong_is_one_error(gateway: Gateway, kind: str, body: bytes) -> None:
    head = f"{BEARER}Content-Type: {kind}\r\n"
    answer = sent(gateway.port, request("/v1/audio/transcriptions", head=head, body=body + b"--b--\r\n"))
    assert (status(answer), answer.count(b"HTTP/1.1 ")) == (400, 1), answer


def test_the_result_of_a_tool_is_bounded_while_it_is_laid_out(gateway: Gateway) -> None:
    """Each of its lines has the whole path of a value."""
    content = json.dumps({"k" * 60_000: [0] * 30_000})
    messages = [{"role": "user", "content": "Who?"}, {"role": "tool", "tool_call_id": "a", "content": content}]
    answer = sent(gateway.port, request("/v1/chat/completions", body=json.dumps({"messages": messages}).encode()))
    assert (status(answer), b"over the limit" in answer) == (400, True), answer
    assert gateway.mib < 512


def test_bodies_of_many_requests_are_bounded_and_small_ones_taken(gateway: Gateway) -> None:
    head = f"POST /v1/embeddings HTTP/1.1\r\nHost: 127.0.0.1\r\n{BEARER}Content-Length: {60 << 20}\r\n\r\n".encode()
    with contextlib.ExitStack() as held:
        opened = []
        for _ in range(6):
            opened.append(connection := socket.create_connection(("127.0.0.1", gateway.port), timeout=HANGS))
            held.enter_context(connection)
            connection.sendall(head)
        ready, _, _ = select.select(opened, [], [], HANGS)
        assert status(ready[0].recv(1 << 16)) == 429
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
    assert gateway.mib < 512


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


def test_a_client_that_leaves_stops_its_answer(
    gateway: Gateway, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped() -> int:
        with contextlib.suppress(OSError):
            return int(json.loads((metrics.folder() / metrics.STATUS).read_text())["errors"].get("stopped", 0))
        return 0

    monkeypatch.setenv("EDGE_ASSISTANT_HOME", str(gateway.home))
    before = stopped()
    data = (pytestconfig.rootpath / "examples" / "clinic" / "form.jpg").read_bytes()
    url = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
    part = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "What is written?"}]
    body = json.dumps({"messages": [{"role": "user", "content": part}]}).encode()
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as connection:
        connection.sendall(request("/v1/chat/completions", body=body))
        until(lambda: (client.status() or {}).get("answering"))
    until(lambda: stopped() > before)
    assert is_well(gateway)


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
