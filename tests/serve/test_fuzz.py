"""Damaged requests without end over HTTP, MCP and Wyoming: none is answered by a fault, and good ones still are."""

from __future__ import annotations

import json
import os
import random
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers import fuzzed, plain_model
from helpers.commands import COMMAND, HANGS, until
from helpers.gateways import TOKEN
from helpers.platforms import needs_lock

from edge_assistant.resident import client, metrics

pytest.importorskip("mcp")
pytest.importorskip("wyoming")
pytestmark = needs_lock
CLIENTS = 4  # of each protocol
EVERY = 40  # requests of a protocol between two looks
MEMORY_MIB = 512
DESCRIPTORS = 64  # more than at the beginning; connections that are just being answered


@dataclass(frozen=True)
class Fuzzed:
    """A gateway of all protocols: its broker, its process, and its ports."""

    broker: subprocess.Popen[str]
    process: int
    ports: dict[str, int]

    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.process}/fd").iterdir()))

    def mib(self) -> int:
        return int(Path(f"/proc/{self.process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") >> 20

    def is_well(self, protocol: str) -> bool:
        """Whether a good request is answered."""
        number, told = {"http": (0, b'"edge"'), "mcp": (2, b"transcribe"), "wyoming": (1, b"pong")}[protocol]
        request = fuzzed.whole(*fuzzed.good(protocol, TOKEN)[number])
        return told in fuzzed.sent(self.ports[protocol], request, stays=protocol == "wyoming", wait=10.0)


@pytest.fixture(scope="module")
def every(homes: Iterator[Path], store: Path) -> Iterator[tuple[Fuzzed, Path]]:
    """A gateway of all protocols, and its home."""
    home = next(homes)
    home.mkdir(mode=0o700)
    (home / "config").mkdir()
    (home / "config" / "policy.toml").write_text('[serve]\naddresses = ["127.0.0.1"]\n')
    (home / "token").write_text(TOKEN)
    with pytest.MonkeyPatch.context() as patched:
        plain_model.use(patched)
        for name, value in {"HOME": home, "MODELS": store, "PROFILE": "test"}.items():
            patched.setenv(f"EDGE_ASSISTANT_{name}", str(value))
        words = [word for name in fuzzed.PROTOCOLS for word in (f"--{name}", "127.0.0.1:0")]
        line = [*COMMAND, "serve", *words, "--token-file", str(home / "token")]
        broker = subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
        try:
            assert broker.stdout is not None
            said = dict(broker.stdout.readline().split(": listening on 127.0.0.1:") for _ in fuzzed.PROTOCOLS)
            child = int(Path(f"/proc/{broker.pid}/task/{broker.pid}/children").read_text().split()[0])
            yield Fuzzed(broker, child, {name: int(port) for name, port in said.items()}), home
        finally:
            broker.terminate()
            broker.communicate()
            client.end("stop")


@pytest.mark.parametrize("seconds", [6, pytest.param(600, marks=pytest.mark.bench)], ids=["some", "all"])
def test_nothing_that_is_sent_is_answered_by_a_fault(
    every: tuple[Fuzzed, Path], seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, home = every
    monkeypatch.setenv("EDGE_ASSISTANT_HOME", str(home))
    for protocol in fuzzed.PROTOCOLS:
        until(lambda protocol=protocol: gateway.is_well(protocol))
    seed = 20 if seconds < 60 else int(time.time())
    before, end = gateway.descriptors(), time.monotonic() + seconds
    found: list[str] = []
    sent = dict.fromkeys(fuzzed.PROTOCOLS, 0)

    def send(protocol: str, number: int) -> None:
        chance, requests = random.Random(f"{seed} {protocol} {number}"), fuzzed.good(protocol, TOKEN)
        while time.monotonic() < end and not found:
            data = fuzzed.damaged(chance, requests)
            answer = fuzzed.sent(gateway.ports[protocol], data, stays=protocol == "wyoming")
            sent[protocol] += 1
            if wrong := fuzzed.fault(protocol, answer):
                found.append(
                    f"{protocol}, seed {seed}, number {sent[protocol]}: {wrong}: {data[:600]!r} {answer[:600]!r}"
                )
            if sent[protocol] % EVERY == 0 and not gateway.is_well(protocol):
                found.append(f"{protocol}, seed {seed}, number {sent[protocol]}: a good request is not answered")
            if gateway.mib() > MEMORY_MIB or gateway.descriptors() > before + DESCRIPTORS:
                found.append(f"{protocol}, seed {seed}: {gateway.mib()} MiB, {gateway.descriptors()} descriptors")

    clients = [(protocol, number) for protocol in fuzzed.PROTOCOLS for number in range(CLIENTS)]
    threads = [threading.Thread(target=send, args=each) for each in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + HANGS)
    print(f"sent {sent}")
    assert not found, "\n".join(found)
    assert all(number > 10 for number in sent.values()), sent
    assert gateway.broker.poll() is None
    until(lambda: gateway.descriptors() <= before + 4)
    for protocol in fuzzed.PROTOCOLS:
        until(lambda protocol=protocol: gateway.is_well(protocol))
    counted = json.loads((metrics.folder() / metrics.STATUS).read_text())
    assert (counted["starts"], counted["errors"].get("fault", 0)) == (1, 0), counted
