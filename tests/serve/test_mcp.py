"""The MCP server with its package's own client, by both transports and in both eras, over a real resident."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import httpx2
import mcp
import pytest
import uvicorn
from helpers import sounds
from helpers.badfiles import long_recording
from helpers.commands import HANGS, now, runs, told
from helpers.gateways import TOKEN, children, housed, serving, used
from helpers.mcp_clients import BY_STDIO, ERAS, McpServer, connected
from helpers.scripted_resident import until
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_MODERN_VERSION

from edge_assistant.resident import client as resident
from edge_assistant.serve import mcp as edge_mcp

QUESTION = "Which allergies are known?"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, store: Path) -> Iterator[McpServer]:
    """One for all tests, as its resident takes seconds to start."""
    home, shared = tmp_path_factory.mktemp("mcp") / "home", tmp_path_factory.mktemp("shared")
    for name, text in (
        ("a.txt", "Allergies: latex."),
        ("b.txt", "The total was 42.00."),
        ("c.txt", "The total was 24.00."),
    ):
        (shared / name).write_text(text)
    shutil.copy(sounds.FIXTURES / "allergies.wav", shared / "note.wav")
    long_recording(shared / "long.wav", 7_200)
    (shared / "out.txt").symlink_to(home / "token")
    policy = f'[serve]\naddresses = ["127.0.0.1", "stdio"]\nfolders = ["{shared}"]\n'
    with serving(home, store, "mcp", policy=policy) as running:
        yield McpServer(f"http://127.0.0.1:{running.port}/mcp", home, shared)


@pytest.fixture(autouse=True)
def in_its_home(gateway: McpServer, home: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has the home of the gateway, in place of an empty one."""
    housed(monkeypatch, gateway.home, store)


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_a_client_of_each_era_asks_compares_perceives_and_transcribes(
    gateway: McpServer, transport: str, mode: str
) -> None:
    a, b, c, note = (str(gateway.shared / name) for name in ("a.txt", "b.txt", "c.txt", "note.wav"))
    steps: list[tuple[float, str]] = []

    async def progress(step: float, total: float | None, message: str | None) -> None:
        steps.append((step, message or ""))

    async def converse() -> None:
        async with connected(gateway, transport, mode) as client:
            assert client.session.protocol_version == ERAS[mode]
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert set(tools) == {"ask", "check", "perceive", "transcribe"}
            for tool in tools.values():
                assert tool.annotations.read_only_hint is True
                assert tool.annotations.open_world_hint is False
            answer = await client.call_tool("ask", {"question": QUESTION, "paths": [a]}, progress_callback=progress)
            found = answer.structured_content  # the client has compared it with the tool's schema
            assert (found["status"], found["signals"][0]["name"]) == ("supported", "a.txt")
            cited = [one for one in found["evidence"] if one["id"] in found["citations"]]
            assert cited[0]["locator"]["chars"]
            assert "latex" in answer.content[0].text
            assert "[E1] text:1 a.txt" in answer.content[0].text
            compared = await client.call_tool("check", {"paths": [b, c]})
            assert compared.structured_content["verdicts"][0]["status"] == "conflict"
            assert "conflict: total" in compared.content[0].text
            seen = (await client.call_tool("perceive", {"paths": [a, b]})).structured_content
            assert [one["signal"] for one in seen["evidence"]] == ["text:1", "text:2"]
            said = (await client.call_tool("transcribe", {"path": note})).structured_content
            assert "penicillin" in said["text"].lower()
            assert said["language"] == "en"
            assert said["segments"][0]["words"][0]["end"] > said["segments"][0]["words"][0]["start"]

    asyncio.run(converse())
    assert len(steps) > 2
    assert steps == sorted(set(steps)), "progress only grows"
    assert any("text:1" in message for _, message in steps)


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_a_call_that_is_cancelled_ends_in_the_resident(gateway: McpServer, transport: str, mode: str) -> None:
    begun = asyncio.Event()

    async def progress(step: float, total: float | None, message: str | None) -> None:
        begun.set()

    async def converse() -> None:
        async with connected(gateway, transport, mode) as client:
            paths = {"paths": [str(gateway.shared / "long.wav")]}
            call = asyncio.create_task(client.call_tool("perceive", paths, progress_callback=progress))
            await asyncio.wait_for(begun.wait(), HANGS)
            assert told()["answering"]
            call.cancel()
            with suppress(asyncio.CancelledError):
                await call
            await asyncio.to_thread(until, lambda: now().get("answering") is False)
            seen = await client.call_tool("perceive", {"paths": [str(gateway.shared / "a.txt")]})
            assert seen.structured_content["evidence"]

    before = now().get("renewals", 0)
    asyncio.run(converse())
    assert told()["renewals"] == before, "the models stay loaded"


def test_what_cannot_be_done_is_one_line_for_the_model(gateway: McpServer) -> None:
    here = gateway.shared
    wrong = [
        ("perceive", {"paths": ["/etc/passwd"]}, "(serve.folders)"),
        ("ask", {"question": QUESTION, "paths": [f"{here}/../token"]}, "(serve.folders)"),
        ("transcribe", {"path": f"{here}/out.txt"}, "(serve.folders)"),
        ("perceive", {"paths": ["/proc/self/fd/0"]}, "(serve.folders)"),
        ("perceive", {"paths": ["a.txt"]}, "(serve.folders)"),
        ("perceive", {"paths": [f"{here}/none.txt"]}, "none.txt does not exist"),
        ("perceive", {"paths": [str(here)]}, "is not a regular file"),
        ("perceive", {"paths": []}, "the arguments are wrong"),
        ("check", {"paths": [f"{here}/a.txt"]}, "the arguments are wrong"),
        ("ask", {"question": 5}, "the arguments are wrong"),
        ("ask", {"question": QUESTION, "path": f"{here}/a.txt"}, "unknown field `path`"),
        ("ask", {"question": " "}, "empty"),
    ]

    async def converse() -> None:
        async with connected(gateway, "http", LATEST_MODERN_VERSION) as client:
            for tool, arguments, line in wrong:
                result = await client.call_tool(tool, arguments)
                assert result.is_error, arguments
                assert line in result.content[0].text
                assert "\n" not in result.content[0].text
            with pytest.raises(mcp.MCPError, match="there is no tool 'shell'"):
                await client.call_tool("shell", {})

    asyncio.run(converse())


def test_without_token_or_from_elsewhere_nothing_is_answered(gateway: McpServer) -> None:
    version = HANDSHAKE_PROTOCOL_VERSIONS[-1]
    assert gateway.post(_initialize(version), authorization="").status_code == 401
    assert gateway.post(_initialize(version), authorization="Bearer wrong").status_code == 401
    assert gateway.post(_initialize(version), host="evil.example").status_code == 403
    assert gateway.post(_initialize(version), origin="https://evil.example").status_code == 403
    assert gateway.post(_initialize(version), origin="http://localhost:3000").status_code == 200
    assert gateway.post(_initialize(version) | {"padding": "x" * (2 << 20)}).status_code == 413


@pytest.mark.parametrize("version", HANDSHAKE_PROTOCOL_VERSIONS)
def test_each_version_with_a_handshake_is_spoken(gateway: McpServer, version: str) -> None:
    reply = gateway.post(_initialize(version))
    found = json.loads(next(line[5:] for line in reply.text.splitlines() if line.startswith("data: {")))
    assert found["result"]["protocolVersion"] == version
    assert found["result"]["serverInfo"]["name"] == "edge-assistant"


def _initialize(version: str) -> dict[str, Any]:
    client = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    return {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": client}


def test_1000_sessions_that_nobody_ends_stay_few_and_keep_nothing_of_what_was_sent(
    gateway: McpServer, homes: Iterator[Path], store: Path
) -> None:
    """A gateway of its own is full then, until a session is ended."""
    version = HANDSHAKE_PROTOCOL_VERSIONS[-1]
    wrong = {"name": "ask", "arguments": {"question": "x" * 200_000, "paths": ["/etc/passwd"]}}
    call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": wrong}
    accepted = {"accept": "application/json, text/event-stream", "authorization": f"Bearer {TOKEN}"}
    with (
        serving(next(homes), store, "mcp") as running,
        httpx2.Client(headers=accepted, base_url=f"http://127.0.0.1:{running.port}", timeout=HANGS) as http,
    ):
        before = used(running.process)
        opened = [http.post("/mcp", json=_initialize(version)) for _ in range(1_000)]
        sessions = [one.headers["mcp-session-id"] for one in opened if one.status_code == 200]
        assert len(sessions) == edge_mcp.SESSIONS
        assert {one.status_code for one in opened} == {200, 503}
        for session in sessions:
            assert "(serve.folders)" in http.post("/mcp", json=call, headers={"mcp-session-id": session}).text
        after = used(running.process)
        assert after["mib"] - before["mib"] < 28, (before, after)  # 51 if each kept its last request
        assert after["fd"] - before["fd"] < 8
        assert http.delete("/mcp", headers={"mcp-session-id": sessions[0]}).status_code == 200
        assert http.post("/mcp", json=call, headers={"mcp-session-id": sessions[0]}).status_code == 404
        assert http.post("/mcp", json=_initialize(version)).status_code == 200


def test_a_session_without_requests_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge_mcp, "IDLE_S", 1.0)
    desk: Any = None  # nothing gets so far

    async def converse() -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(edge_mcp.app(desk, []), log_config=None))
        running = asyncio.create_task(server.serve(sockets=[listener]))
        accepted = {"accept": "application/json, text/event-stream"}
        async with httpx2.AsyncClient(
            headers=accepted, base_url=f"http://127.0.0.1:{listener.getsockname()[1]}"
        ) as http:
            session = (await http.post("/mcp", json=_initialize("2025-11-25"))).headers["mcp-session-id"]
            listing = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
            statuses = []
            for pause in (0.0, 0.0, 2.5):
                await asyncio.sleep(pause)
                reply = await http.post("/mcp", json=listing, headers={"mcp-session-id": session})
                statuses.append(reply.status_code)
            assert statuses == [200, 200, 404]
        server.should_exit = True
        await running

    asyncio.run(converse())


@contextmanager
def by_stdio(*nonsense: bytes) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes], IO[bytes]]]:
    """A server on standard input and output, and both; lines are answered by errors before its handshake is done."""
    started = subprocess.Popen(BY_STDIO, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ))
    with started as process:
        assert process.stdin is not None
        assert process.stdout is not None
        sense = json.dumps(_initialize(HANDSHAKE_PROTOCOL_VERSIONS[0])).encode()
        process.stdin.write(b"\n".join([*nonsense, sense, b""]))
        process.stdin.flush()
        while b"serverInfo" not in (line := process.stdout.readline()):
            assert nonsense
            assert json.loads(line)["error"]["message"]
        yield process, process.stdin, process.stdout


def test_a_client_on_standard_input_that_sends_nonsense_is_answered_when_it_sends_sense(gateway: McpServer) -> None:
    nonsense = [b"nonsense", b"\xff\xfe", b"[" * 100_000, b'{"jsonrpc": "2.0"}', b"x" * (3 << 20), b""]
    with by_stdio(*nonsense) as (process, asks, answers):
        asks.close()
        assert answers.read() == b"", "nothing but messages is on standard output"
        assert process.wait(HANGS) == 0


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_is_left_of_a_server_that_is_ended(gateway: McpServer, end: signal.Signals) -> None:
    with by_stdio() as (process, _, _):
        [child] = children(process.pid)
        process.send_signal(end)
        process.wait(HANGS)
        until(lambda: not runs(child))


def test_neither_process_has_a_network_socket_where_a_client_is_on_standard_input(gateway: McpServer) -> None:
    with by_stdio() as (process, asks, _):
        [child] = children(process.pid)
        inodes = Path(f"/proc/{child}/net/tcp").read_text() + Path(f"/proc/{child}/net/tcp6").read_text()
        for number in (process.pid, child):
            for link in Path(f"/proc/{number}/fd").iterdir():
                with suppress(FileNotFoundError):
                    target = str(link.readlink())
                    assert not target.startswith("socket:[") or target[8:-1] not in inodes.split()
        asks.close()
        assert process.wait(HANGS) == 0


def test_a_policy_that_names_no_stdio_lets_nothing_speak(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_ASSISTANT_HOME", str(home))
    ran = subprocess.run(BY_STDIO, input=b"", capture_output=True, env=dict(os.environ), timeout=HANGS)
    assert (ran.returncode, ran.stdout) == (5, b"")
    assert b'[serve] addresses = ["stdio"]' in ran.stderr


@contextmanager
def apart(home: Path, gateway: McpServer, patch: pytest.MonkeyPatch, policy: str) -> Iterator[None]:
    """A home of its own with more in its policy, whose resident ends with it."""
    patch.setenv("EDGE_ASSISTANT_HOME", str(home))
    (home / "config").mkdir()
    served = f'[serve]\naddresses = ["stdio"]\nfolders = ["{gateway.shared}"]\n'
    (home / "config" / "policy.toml").write_text(served + policy)
    try:
        yield
    finally:
        resident.end("stop")


def test_a_recording_is_transcribed_without_words_where_answers_are_redacted(
    home: Path, gateway: McpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def converse() -> None:
        async with connected(gateway, "stdio", LATEST_MODERN_VERSION) as client:
            said = (await client.call_tool("transcribe", {"path": str(gateway.shared / "note.wav")})).structured_content
            assert "penicillin" in said["text"].lower()
            assert (said["language"], said["segments"][0]["words"]) == ("en", [])

    with apart(home, gateway, monkeypatch, "[redaction]\nanswers = true\n"):
        asyncio.run(converse())


def _garbled(chance: random.Random) -> tuple[bytes, dict[str, str]]:
    """A message that is wrong in one of many ways, or just not what the server expects, and its headers."""
    meta = {"io.modelcontextprotocol/protocolVersion": LATEST_MODERN_VERSION}
    meta |= {"io.modelcontextprotocol/clientCapabilities": {}}
    called = {"name": "perceive", "arguments": {"paths": ["/etc/passwd"]}, "_meta": meta}
    message = chance.choice([_initialize("2025-11-25"), {"jsonrpc": "2.0", "id": 2, "method": "tools/call"}])
    if message["method"] == "tools/call":
        message = message | {"params": called}
    headers = {"mcp-protocol-version": chance.choice([LATEST_MODERN_VERSION, "2025-11-25", "9999-01-01", "\xff"])}
    headers |= {"mcp-method": str(message["method"]), "mcp-name": chance.choice(["perceive", "ask", ""])}
    headers |= chance.choice([{}, {"mcp-session-id": "../../x"}, {"accept": "text/html"}, {"content-type": "text/xml"}])
    for _ in range(chance.randint(0, 2)):
        nested: object = chance.choice([None, -1, 10**400, 1e308, "\ud800", [], {}, "x" * 100_000, [[[]]] * 1_000])
        message[chance.choice(["jsonrpc", "id", "method", "params", "more"])] = nested
    data = bytearray(json.dumps(message).encode())
    match chance.randint(0, 6):
        case 0:
            data = data[: chance.randrange(len(data))]
        case 1:
            data[chance.randrange(len(data))] = chance.randrange(256)
        case 2:
            data = bytearray(b"[" * 50_000)
        case 3:
            data = bytearray(b"[" + b",".join([bytes(data)] * 20) + b"]")
        case 4:
            data = bytearray(b'{"a":' * 20_000)
    return bytes(data), headers


def test_200_garbled_requests_are_refused_one_by_one_and_the_next_one_is_answered(gateway: McpServer) -> None:
    chance = random.Random(20)
    token = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    statuses = set()
    with httpx2.Client(headers=token | {"accept": "application/json, text/event-stream"}, timeout=HANGS) as http:
        for number in range(200):
            data, headers = _garbled(chance)
            raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
            reply = http.post(gateway.url, content=data, headers=raw)
            assert reply.status_code < 500, (number, data[:200], headers, reply.text[:200])
            assert "Traceback" not in reply.text
            statuses.add(reply.status_code)
    assert {400, 404, 406} <= statuses
    assert gateway.post(_initialize("2025-11-25")).status_code == 200
