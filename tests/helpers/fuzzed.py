"""Requests of three protocols, damaged at random: what a fuzzer sends, and whether what comes back is an answer.

They begin as good ones, so that much of what is sent gets past the first look at it.
"""

from __future__ import annotations

import base64
import contextlib
import json
import random
import re
import socket

from helpers import sounds
from helpers.wyoming_clients import CHUNK, event

PROTOCOLS = ("http", "mcp", "wyoming")
_WAITS_S = 2.0  # for an answer to what may be half a request, or a question that others are before
_EXTREMES = (b"-1", b"0", b"4294967296", b"99999999999999999999", b"1e400", b"0x10", b"NaN", b"")
_WORDS = (
    b"\x00", b"\xff\xfe", b"\r\n", b"\r\n\r\n", b"\n", b"{", b"}", b"[" * 3_000, b'{"a":' * 3_000, b'"', b"\\ud800",
    b"../../", b"%2e%2e%2f", b"%00", b"null", b"true", b"=" * 300, b"A" * 70_000, b"Transfer-Encoding: chunked\r\n",
    b"Host: evil.example\r\n", b"Content-Length: 7\r\n", b"Expect: 100-continue\r\n", b"Upgrade: websocket\r\n",
    b"file:///etc/passwd", b"http://evil.example/",
)  # fmt: skip
_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
_VERSION = "2026-07-28"


def good(protocol: str, token: str) -> list[tuple[bytes, bytes]]:
    """Requests of a protocol as head and body; an event of Wyoming has no head."""
    if protocol == "wyoming":
        sound = event("audio-chunk", CHUNK, bytes(3_200))
        heard = [event("transcribe", {"language": "en"}), event("audio-start", CHUNK), sound, event("audio-stop")]
        spoken = event("transcript", {"text": "How hot is the pump?", "context": {"conversation_id": "1"}})
        alone = [event("describe"), event("ping"), event("synthesize", {"text": "Hot."}), spoken]
        return [(b"", content) for content in (*alone, b"".join(heard))]
    if protocol == "mcp":
        handshake = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "f", "version": "1"}}
        meta: dict[str, object] = {"io.modelcontextprotocol/protocolVersion": _VERSION}
        meta["io.modelcontextprotocol/clientCapabilities"] = {}
        called = {"name": "perceive", "arguments": {"paths": ["/etc/passwd"]}, "_meta": meta}
        asked = [("initialize", handshake), ("tools/call", called), ("tools/list", {"_meta": meta})]
        found = []
        for method, params in asked:
            version = "2025-11-25" if params is handshake else _VERSION
            more = f"Mcp-Protocol-Version: {version}\r\nMcp-Method: {method}\r\n"
            more += "Mcp-Name: perceive\r\n" if params is called else ""
            body = _json({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
            found.append((_head("/mcp", token, more), body))
        return found
    sound = sounds.wav(sounds.silence(0.1))
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n' + sound + b"\r\n--b--\r\n"
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{base64.b64encode(_PIXEL).decode()}"}}
    recording = {"type": "input_audio", "input_audio": {"data": base64.b64encode(sound).decode(), "format": "wav"}}
    file = {"type": "file", "file": {"filename": "a.txt", "file_data": base64.b64encode(b"It is 85 degrees.").decode()}}
    texts = [{"type": "text", "text": "How hot is the pump?"}]
    chats = [_chat([part, *texts]) for part in (picture, recording, file)]
    return [
        (_head("/v1/models", token, method="GET"), b""),
        *(
            (_head("/v1/chat/completions", token), body)
            for body in (*chats, _chat("The pump is at 85. How hot is it?"))
        ),
        (_head("/v1/embeddings", token), _json({"input": ["a pump", "a fan"], "encoding_format": "base64"})),
        (_head("/v1/audio/speech", token), _json({"input": "Hot.", "response_format": "pcm"})),
        (_head("/v1/audio/transcriptions", token, "Content-Type: multipart/form-data; boundary=b\r\n"), form),
    ]


def _head(path: str, token: str, more: str = "", method: str = "POST") -> bytes:
    """A head whose length is filled in with the body's."""
    kind = "" if "Content-Type" in more else "Content-Type: application/json\r\n"
    lines = f"Host: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nAccept: application/json, text/event-stream\r\n"
    return f"{method} {path} HTTP/1.1\r\n{lines}{kind}{more}Connection: close\r\nContent-Length: %d\r\n\r\n".encode()


def _chat(content: object) -> bytes:
    return _json({"messages": [{"role": "user", "content": content}], "stream": True})


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def whole(head: bytes, body: bytes) -> bytes:
    """A request as it is sent."""
    return head.replace(b"%d", b"%d" % len(body)) + body


def damaged(chance: random.Random, requests: list[tuple[bytes, bytes]]) -> bytes:
    """One of the requests with some damage; of two in three only the body has it, and its length is right."""
    head, body = chance.choice(requests)
    if body and chance.random() < 2 / 3:
        return whole(head, _worse(chance, body, requests))
    return _worse(chance, whole(head, body), requests)


def _worse(chance: random.Random, data: bytes, requests: list[tuple[bytes, bytes]]) -> bytes:
    for _ in range(chance.choice((1, 1, 2, 4))):
        at = chance.randint(0, len(data))
        to = min(len(data), at + chance.choice((1, 4, 64, 2_000)))
        match chance.randint(0, 6):
            case 0:
                data = data[:at]
            case 1:
                data = data[:at] + data[to:]
            case 2:
                data = data[:to] + data[at:to] * chance.choice((1, 50)) + data[to:]
            case 3:
                data = data[:at] + chance.choice(_WORDS) + data[at:]
            case 4:
                data = data[:at] + chance.randbytes(to - at) + data[to:]
            case 5 if numbers := list(re.finditer(rb"\d+", data[:20_000])):
                found = chance.choice(numbers)
                data = data[: found.start()] + chance.choice(_EXTREMES) + data[found.end() :]
            case _:
                data = data[:at] + whole(*chance.choice(requests))
    return data


def sent(port: int, data: bytes, *, stays: bool, wait: float = _WAITS_S) -> bytes:
    """What comes back until the gateway ends the connection, or nothing comes for so long.

    Args:
        port: of the gateway.
        data: that is sent.
        stays: whether the gateway waits for more behind an answer, as with Wyoming; then it is told that none comes.
        wait: seconds.
    """
    found = b""
    with socket.create_connection(("127.0.0.1", port), timeout=wait) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, TimeoutError):
            connection.sendall(data)
        with contextlib.suppress(OSError):
            while part := connection.recv(1 << 16):
                if stays and not found:
                    connection.shutdown(socket.SHUT_WR)
                found += part
    return found


def fault(protocol: str, answer: bytes) -> str:
    """What is wrong with an answer; nothing if it is one, or there is none."""
    if b"Traceback" in answer:
        return "it tells of the inside"
    if protocol != "wyoming":
        status = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
        full = protocol == "mcp" and b"Too many open sessions" in answer  # of the older era; the newer has none
        if answer and not full and (status is None or not 100 <= int(status[1]) < 500):
            return "its status is that of a fault, or it has none"
        return ""
    rest = answer
    while b"\n" in rest:
        line, _, rest = rest.partition(b"\n")
        try:
            head = json.loads(line)
            rest = rest[(head.get("data_length") or 0) + (head.get("payload_length") or 0) :]
        except (ValueError, AttributeError):
            return "it is no event"
        if head.get("type") == "error" and rest:
            return "something comes behind its error"
    return ""
