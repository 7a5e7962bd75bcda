"""A resident of the real command: started, asked how it does, looked into, and never left behind."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from real_command import HANGS, Command

from edge_assistant.resident import client

TIMES = re.compile(r"\d+\.\d+ s\b|\"(total_s|first_token_s|tokens_per_s|reused_tokens|[a-z]+:\d+)\": [0-9.e-]+")


def until(true: Callable[[], object]) -> None:
    """Wait for something that is going to be true."""
    end = time.monotonic() + HANGS
    while not true():
        assert time.monotonic() < end, "that never became true"
        time.sleep(0.02)


def told() -> dict[str, object]:
    """What the resident tells of itself; it runs."""
    found = client.status()
    assert found is not None
    return found


def now() -> dict[str, object]:
    """What it tells; nothing while it restarts."""
    with suppress(client.Unavailable):
        return client.status() or {}
    return {}


@contextmanager
def ended(command: Command) -> Iterator[None]:
    """Whatever happens, no resident is left behind."""
    try:
        yield
    finally:
        command("resident", "stop")


def holds(pid: int, text: str) -> bool:
    """Whether a process's memory has a text in it, in any of the ways in which Python keeps one."""
    wanted = [text.encode(), text.encode("utf-16-le"), text.encode("utf-32-le")]
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for line in maps:
            span, rights, *_, inode = line.split()[:5]
            begin, end = (int(part, 16) for part in span.split("-"))
            if "r" not in rights or inode != "0" or begin >= 1 << 63:
                continue
            try:
                memory.seek(begin)
                data = memory.read(end - begin)
            except OSError:
                continue
            if any(part in data for part in wanted):
                return True
    return False
