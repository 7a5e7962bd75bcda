"""The sources and sinks of PulseAudio, or of PipeWire that speaks its protocol, by the names that people know.

PortAudio sees a sound server as one device, `pulse`; which source or sink that is, is told in the environment when it
is opened. A wireless headset is known to the server alone.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from edge_assistant.core.signals import printable
from edge_assistant.devices.device import numbered

Direction = Literal["input", "output"]
_LIST = {"input": "sources", "output": "sinks"}
_CHOOSES = {"input": "PULSE_SOURCE", "output": "PULSE_SINK"}  # read by libpulse when it connects
_TIMEOUT = 2.0  # seconds
_RATE = re.compile(r"(\d+) ?Hz")


@dataclass(frozen=True, slots=True)
class Node:
    """A source or sink.

    Attributes:
        id: the server's name for it, the same after replugging.
        name: what people read; those of the same name are numbered.
        rate: samples a second.
        monitor: it gives what a sink plays, and is no microphone.
        default: the server takes it where nothing is chosen.
    """

    id: str
    name: str
    rate: int
    monitor: bool
    default: bool


def nodes(direction: Direction) -> list[Node] | None:
    """What the server has now, the default first; None where there is no server, or no `pactl` to ask it with."""
    listed = _asked("list", _LIST[direction])
    if not isinstance(listed, list):
        return None
    info = _asked("info")
    default = info.get(f"default_{_LIST[direction][:-1]}_name") if isinstance(info, dict) else None
    found: list[Node] = []
    for item in listed:
        if isinstance(item, dict) and isinstance(item.get("name"), str):
            found.append(_node(item, str(default), found))
    return sorted(found, key=lambda node: not node.default)


@contextmanager
def chosen(node: str | None, direction: Direction) -> Iterator[None]:
    """While a stream is opened: the source or sink that it is to have."""
    if node is None:
        yield
        return
    before = os.environ.get(_CHOOSES[direction])
    os.environ[_CHOOSES[direction]] = node
    try:
        yield
    finally:
        if before is None:
            del os.environ[_CHOOSES[direction]]
        else:
            os.environ[_CHOOSES[direction]] = before


def _node(item: dict[str, Any], default: str, others: list[Node]) -> Node:
    name = printable(str(item.get("description") or item["name"]))
    rate = _RATE.search(str(item.get("sample_specification", "")))
    return Node(
        id=item["name"],
        name=numbered(name, (node.name for node in others)),
        rate=int(rate[1]) if rate else 48_000,
        monitor=bool(item.get("monitor_source")) and item["name"].endswith(".monitor"),
        default=item["name"] == default,
    )


def _asked(*words: str) -> Any:  # noqa: ANN401
    """What `pactl` answers; None where it cannot."""
    program = shutil.which("pactl")
    if program is None:
        return None
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}  # or decimal commas break its JSON
    try:
        done = subprocess.run(
            [program, "--format=json", *words],
            capture_output=True,
            timeout=_TIMEOUT,
            env=environment,
            stdin=subprocess.DEVNULL,
        )
        return json.loads(done.stdout) if done.returncode == 0 else None
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
