"""The whole gateway under strace, from its first instruction to its last, with a real request of each protocol."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import urllib.request
import wave
from collections.abc import Iterator, Mapping
from pathlib import Path

import offline_trace
import pytest
from helpers import sounds
from helpers.gateways import TOKEN, serving
from helpers.platforms import needs_lock
from helpers.wyoming_clients import talk
from wyoming.asr import Transcribe
from wyoming.audio import wav_to_chunks

from edge_assistant.resident import client

mcp_clients = pytest.importorskip("helpers.mcp_clients")
CAN_TRACE = shutil.which("strace") and subprocess.run(["strace", "-o", os.devnull, "true"], check=False).returncode == 0
pytestmark = [needs_lock, pytest.mark.skipif(not CAN_TRACE, reason="strace is not installed, or may not trace here")]
STRACE = ("strace", "-D", "-ff", "-yy", "-qq", "-e", "trace=%network,%process,close,seccomp,io_uring_setup,pidfd_getfd")
BEGINS = re.compile(r"(?:clone3?|v?fork)\(.*\) += (\d+)")
ASKS = re.compile(rf"(?:{offline_trace.CALLS.replace(',', '|')})\(")
NETWORK = re.compile(r"<(?:TCP|UDP|RAW|PING|NETLINK|PACKET)")  # a descriptor as -yy tells it


def tasks_of(process: int, traced: Mapping[int, list[str]]) -> set[int]:
    """A process with its threads and all that it started."""
    begun = [tasks_of(int(found[1]), traced) for line in traced[process] if (found := BEGINS.match(line))]
    return {process}.union(*begun)


def permitted(lines: list[str]) -> list[str]:
    """The lines by which something of the network was had."""
    return offline_trace.permitted([f"0 {line}" for line in lines if ASKS.match(line)])


def at_lock(lines: list[str]) -> int:
    """Where a process locks itself."""
    return next(place for place, line in enumerate(lines) if line.startswith("seccomp(SECCOMP_SET_MODE_FILTER"))


def test_models_hold_no_network_socket_and_the_gateway_connects_to_nothing(
    homes: Iterator[Path], store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (note := tmp_path / "note.txt").write_text("The pump is at 85 degrees.")
    (traces := tmp_path / "traces").mkdir()
    policy = f'[serve]\naddresses = ["127.0.0.1"]\nfolders = ["{tmp_path}"]\n'
    before = [*STRACE, "-o", str(traces / "trace")]
    with serving(next(homes), store, "http", "mcp", "wyoming", policy=policy, plain=False, before=before) as running:
        monkeypatch.setenv("EDGE_ASSISTANT_HOME", str(running.home))
        asked = urllib.request.Request(
            f"http://127.0.0.1:{running.ports['http']}/v1/embeddings",
            b'{"input": "a pump"}',
            {"Authorization": f"Bearer {TOKEN}"},
        )
        with urllib.request.urlopen(asked) as answer:
            assert json.load(answer)["data"]
        status = client.status()
        server = mcp_clients.McpServer(f"http://127.0.0.1:{running.ports['mcp']}/mcp", running.home, tmp_path)

        async def perceived() -> str:
            async with mcp_clients.connected(server, "http", "legacy") as asks:
                return str((await asks.call_tool("perceive", {"paths": [str(note)]})).content[0].text)

        assert "85 degrees" in asyncio.run(perceived())
        with wave.open(str(sounds.FIXTURES / "allergies.wav")) as file:
            spoken = [*wav_to_chunks(file, 1024, start_event=True, stop_event=True)]
        assert "penicillin" in talk(running.ports["wyoming"], Transcribe(), *spoken, end="transcript")[-1].data["text"]
        broker, gateway = running.broker.pid, running.process
    traced = {int(file.suffix[1:]): file.read_text().splitlines() for file in traces.iterdir()}
    assert status is not None

    models = [line for task in tasks_of(int(status["pid"]), traced) for line in traced[task]]
    assert at_lock(models)
    assert any(line.startswith("accept4(") for line in models)
    assert permitted(models) == []
    assert [line for line in models if NETWORK.search(line)] == []

    lock = at_lock(traced[broker])  # it starts the resident later, which inherits none of what is closed
    first = "\n".join(traced[broker][:lock])
    assert [len(re.findall(word, first)) for word in (r"(?m)^socket\(AF_INET", r"(?m)^close\(\d+<TCP")] == [3, 3]
    assert [line for line in traced[broker][lock:] if NETWORK.search(line)] == []

    lock = at_lock(traced[gateway])
    later = [line for task in tasks_of(gateway, traced) for line in traced[task][lock if task == gateway else 0 :]]
    assert sum(line.startswith("accept4(") and "= -1" not in line for line in later) >= 3
    assert permitted(later) == []
