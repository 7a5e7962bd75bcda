"""Questions in a row through a real gateway and resident: memory, descriptors, threads and files do not grow."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from helpers.fuzzed import sent
from helpers.gateways import TOKEN, Gateway, used
from helpers.platforms import needs_lock
from helpers.scripted_resident import until

from edge_assistant.resident import client

pytestmark = needs_lock
WARM = 10  # questions before anything is looked at
GROWTH_MIB = 32  # of either process


def files(home: Path) -> set[str]:
    """The files of a home but for those that keep a bounded number of answers of their own: caches and databases."""
    kept = {path for path in home.rglob("*") if path.is_file() and "cache" not in path.parts}
    return {str(path.relative_to(home)) for path in kept}


@pytest.mark.parametrize("questions", [10, pytest.param(100, marks=pytest.mark.bench)])
def test_nothing_grows_with_the_questions(gateway: Gateway, questions: int) -> None:
    def ask(number: int) -> None:
        data = base64.b64encode(f"The pump {number} is at {number} degrees.".encode()).decode()
        parts = [
            {"type": "file", "file": {"filename": "a.txt", "file_data": data}},
            {"type": "text", "text": "How hot is it?"},
        ]
        body = json.dumps({"messages": [{"role": "user", "content": parts}]})
        head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\nContent-Length: {len(body)}"
        request = f"POST /v1/chat/completions HTTP/1.1\r\n{head}\r\n\r\n{body}".encode()
        answer = sent(gateway.port, request, stays=False, wait=60.0)
        assert answer.startswith(b"HTTP/1.1 200 "), answer
        assert f"{number} degrees".encode() in answer

    for number in range(WARM):
        ask(1_000 + number)
    status = client.status()
    assert status is not None
    resident = int(status["pid"])
    processes: Mapping[str, int] = {"gateway": gateway.process, "broker": gateway.broker.pid, "resident": resident}
    before, there = {name: used(process) for name, process in processes.items()}, files(gateway.home)
    for number in range(questions):
        ask(2_000 + number)
    for name, process in processes.items():
        after = used(process)
        assert after["mib"] <= before[name]["mib"] + GROWTH_MIB, (name, before[name], after)
        until(lambda name=name, process=process: used(process)["fd"] <= before[name]["fd"])
        until(lambda name=name, process=process: used(process)["task"] <= before[name]["task"])
    assert files(gateway.home) == there
