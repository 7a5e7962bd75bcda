"""Damaged requests without end over HTTP, MCP and Wyoming: none is answered by a fault, and good ones still are."""

from __future__ import annotations

import json
import random
import threading
import time

import pytest
from helpers import fuzzed
from helpers.commands import HANGS
from helpers.gateways import TOKEN, Gateway, used
from helpers.platforms import needs_lock
from helpers.scripted_resident import until

from edge_assistant.resident import metrics

pytest.importorskip("mcp")
pytest.importorskip("wyoming")
pytestmark = needs_lock
PROTOCOLS = fuzzed.PROTOCOLS
CLIENTS = 4  # of each protocol
EVERY = 40  # requests of a protocol between two looks
MEMORY_MIB = 512
DESCRIPTORS = 64  # more than at the beginning; connections that are just being answered


def is_well(gateway: Gateway, protocol: str) -> bool:
    """Whether a good request is answered."""
    number, told = {"http": (0, b'"edge"'), "mcp": (2, b"transcribe"), "wyoming": (1, b"pong")}[protocol]
    request = fuzzed.whole(*fuzzed.good(protocol, TOKEN)[number])
    return told in fuzzed.sent(gateway.ports[protocol], request, stays=protocol == "wyoming", wait=10.0)


@pytest.mark.parametrize("seconds", [6, pytest.param(600, marks=pytest.mark.bench)], ids=["some", "all"])
def test_nothing_that_is_sent_is_answered_by_a_fault(gateway: Gateway, seconds: int) -> None:
    for protocol in PROTOCOLS:
        until(lambda protocol=protocol: is_well(gateway, protocol))
    seed = 20 if seconds < 60 else int(time.time())
    before, end = used(gateway.process)["fd"], time.monotonic() + seconds
    found: list[str] = []
    sent = dict.fromkeys(PROTOCOLS, 0)

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
            if sent[protocol] % EVERY == 0 and not is_well(gateway, protocol):
                found.append(f"{protocol}, seed {seed}, number {sent[protocol]}: a good request is not answered")
            now = used(gateway.process)
            if now["mib"] > MEMORY_MIB or now["fd"] > before + DESCRIPTORS:
                found.append(f"{protocol}, seed {seed}: {now}")

    clients = [(protocol, number) for protocol in PROTOCOLS for number in range(CLIENTS)]
    threads = [threading.Thread(target=send, args=each) for each in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + HANGS)
    print(f"sent {sent}")
    assert not found, "\n".join(found)
    assert all(sent.values()), sent
    assert gateway.broker.poll() is None
    until(lambda: used(gateway.process)["fd"] <= before + 4)
    for protocol in PROTOCOLS:
        until(lambda protocol=protocol: is_well(gateway, protocol))
    counted = json.loads((metrics.folder() / metrics.STATUS).read_text())
    assert (counted["starts"], counted["errors"].get("fault", 0)) == (1, 0), counted
