"""A kiosk that is booted with real senses, and its visitors: clients of its gateway with words of their own."""

from __future__ import annotations

import base64
import http.client
import json
import random
import socket
import string
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
from helpers import plain_model, systemd
from helpers.commands import at_terminal
from helpers.scripted_resident import until

from edge_assistant.cli import _units

TOKEN = "0123456789abcdef0123"
PORT = 8011
POLICY = '[serve]\naddresses = ["127.0.0.1"]\n'
VISITORS = f"""{POLICY}
[retention]
history = false
[roles]
pin = "scrypt:32768:{"0" * 32}:{"0" * 64}"
visitor = ["ask", "check", "attach", "microphone", "voice"]
"""
DATA = Path(_units.DATA_OF_USER)
READY = "is ready"
SCREEN_WAITS = "touch the screen to begin"
SERVICES = (_units.MODELS_UNIT, _units.GATEWAY_UNIT, _units.RETENTION_UNIT)
_FORGETS = "forget --all --yes"  # what is done as a visitor leaves
_PROOF_BYTES = 48  # of a picture, from its middle


@dataclass(frozen=True)
class Visitor:
    """Somebody who asks about a note, a picture and maybe a recording.

    Attributes:
        words: that are in the note and in the picture, and nowhere else in the world.
        picture: a PNG file.
        recording: a WAV file, empty for none.
    """

    words: tuple[str, str]
    picture: bytes
    recording: bytes = b""

    @classmethod
    def arrived(cls, chance: random.Random, recording: bytes = b"") -> Visitor:
        """One with new words."""
        note, shown = ("".join(chance.choices(string.ascii_lowercase, k=12)) for _ in range(2))
        page = np.full((120, 480, 3), 255, np.uint8)
        cv2.putText(page, shown, (10, 70), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (0, 0, 0), 2)
        return cls((note, shown), bytes(cv2.imencode(".png", page)[1]), recording)

    @property
    def request(self) -> bytes:
        """The body of a question."""
        note, _ = self.words
        parts: list[dict[str, object]] = [
            {
                "type": "file",
                "file": {"filename": f"{note}.txt", "file_data": _text(f"Pump {note} is at 85 degrees.".encode())},
            },
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_text(self.picture)}"}},
            {"type": "text", "text": f"How hot is pump {note}?"},
        ]
        if self.recording:
            parts.append({"type": "input_audio", "input_audio": {"data": _text(self.recording), "format": "wav"}})
        return json.dumps({"messages": [{"role": "user", "content": parts}]}).encode()

    def left(self, folder: Path) -> list[Path]:
        """The files below a folder that hold something of what this one said or showed."""
        middle = len(self.picture) // 2
        held = [*(word.encode() for word in self.words), self.picture[middle : middle + _PROOF_BYTES]]
        held.append(_text(self.picture)[middle : middle + _PROOF_BYTES].encode())

        def holds(data: bytes) -> bool:
            lower = data.lower()
            return any(proof in data or proof in lower for proof in held)

        return [path for path in folder.rglob("*") if path.is_file() and holds(path.read_bytes())]


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


class Kiosk:
    """One that is booted."""

    def __init__(self, manager: systemd.Booted) -> None:
        self.manager = manager

    def ready(self) -> None:
        """Wait until the models are loaded."""
        self.manager.until(_units.MODELS_UNIT, ActiveState="active", StatusText=READY)

    def renewed(self) -> None:
        """Wait until it has restarted with fresh memory."""
        until(lambda: self.manager.show(_units.MODELS_UNIT).get("StatusText") != READY)
        self.ready()

    def ask(self, request: bytes) -> tuple[int, dict[str, Any]]:
        """What the gateway says to a question."""
        return self.requested("POST", "/v1/chat/completions", request)

    def requested(self, method: str, path: str, body: bytes = b"") -> tuple[int, dict[str, Any]]:
        """What it says to a request."""
        client = http.client.HTTPConnection("127.0.0.1", PORT)
        client.sock = self._connected()
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json", "Connection": "close"}
        client.request(method, path, body, headers)
        with client.getresponse() as answer:
            return answer.status, json.loads(answer.read())

    def _connected(self) -> socket.socket:
        end = time.monotonic() + systemd.WAITS_S
        while True:
            try:
                return self.manager.connected(PORT)
            except ConnectionRefusedError:
                assert time.monotonic() < end, "nothing listens"
                time.sleep(0.05)

    def checked(self, pin: str = "") -> dict[str, dict[str, Any]]:
        """What `kiosk check` says, by name; with roles the operator's PIN is asked."""
        answers = [("PIN of the operator: ", pin)] if pin else []
        _, told = at_terminal(["kiosk", "check", "--json"], answers, self.manager.enter)
        return {check["name"]: check for check in json.loads(told[told.index('{"ready"') :])["checks"]}

    def leave(self) -> None:
        """Forget everything, as a visitor leaves."""
        self.manager.run("systemctl", "start", _units.RETENTION_UNIT)


@contextmanager
def booted(
    work: Path,
    disk: Path,
    store: Path,
    *lines: str,
    policy: str = POLICY,
    plain: bool = False,
    last: str = "",
    screen: str | None = None,
    more: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Kiosk]:
    """Boot one.

    Args:
        work: a folder that is empty or is not there yet.
        disk: has its data, which stay.
        store: of the models.
        lines: of a drop-in of every service.
        policy: that holds.
        plain: whether a plain language model reads.
        last: lines of the shell before it begins.
        screen: the terminal of the app, which is alone then; None for a gateway.
        more: units.
    """
    units = _units.units({"http": f"127.0.0.1:{PORT}"} if screen is None else {}, [], screen)
    del units[_units.TIMER_UNIT]  # what it starts forgets everything here
    variables = f"Environment=EDGE_ASSISTANT_PROFILE=test EDGE_ASSISTANT_MODELS={store}"
    for name in units.keys() & _units.SERVICES:
        begins = units[name].partition("ExecStart=")[2].partition("\n")[0]
        forgets = begins.replace("forget --expired", _FORGETS)
        forgetting = ["ExecStart=", f"ExecStart={forgets}"] if forgets != begins else []
        first = (plain_model.PLACE,) if plain else ()
        told = [] if name == _units.SCREEN_UNIT else [f"StandardError=append:/var/tmp/{name}"]
        lines_of = (variables, *told, *lines, *forgetting)
        units[f"{name}.d/test.conf"] = systemd.dropin(*lines_of, needed=(store,), first=first)
    etc = {"edge-assistant/policy.toml": policy}
    with systemd.booted(work, units | dict(more), etc, TOKEN, store, disk=disk, last=last) as manager:
        yield Kiosk(manager)
