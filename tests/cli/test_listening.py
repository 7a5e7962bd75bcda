"""What the resident hears while a client of the gateway speaks."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.cli import _listening
from edge_assistant.compute.runtime import Runtime
from edge_assistant.governance.policy import pin
from edge_assistant.resident import protocol
from edge_assistant.resident.protocol import Channel, MalformedMessage
from edge_assistant.storage.settings import Settings

SOUND = {"rate": 16_000, "width": 2, "channels": 1, "pause_s": 0.8}


@given(st.integers(1, 4), st.integers(1, 2), st.lists(st.integers(0, 255), max_size=6))
def test_samples_are_as_a_wav_has_them(width: int, channels: int, highest: list[int]) -> None:
    highest = highest[: len(highest) // channels * channels]
    samples = b"".join(bytes(width - 1) + bytes([byte]) for byte in highest)
    signed = [((byte ^ (0x80 if width == 1 else 0)) ^ 0x80) - 0x80 for byte in highest]
    expected = np.array(signed, np.float32).reshape(-1, channels).mean(axis=1) / 128
    assert np.allclose(_listening.mono(samples, width, channels), expected)


def told(sound: Mapping[str, Any]) -> dict[str, Any]:
    """The only message to a client that sends nothing but what sound it has."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        _listening.listened(Channel(ours, protocol.REQUEST_BYTES), sound, Settings(), Runtime(1))
        ours.shutdown(socket.SHUT_WR)
        with theirs.makefile() as lines:
            [line] = lines
    found: dict[str, Any] = json.loads(line)
    return found


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        ('[signals]\nkinds = ["text"]\n', "no signal of the kind audio"),
        ('[signals]\norigins = ["user"]\n', "no signal that comes from: microphone"),
        (f'[roles]\npin = "{pin.hashed("147258", cost=1024)}"\nvisitor = ["ask"]\n', "a visitor may not: microphone"),
    ],
)
def test_a_policy_holds(hold: Callable[[str], Path], policy: str, code: str) -> None:
    hold(policy)
    [kind, message, _] = told(SOUND)["error"]
    assert kind == "PolicyRefused"
    assert code in message


def test_more_than_there_is_room_for_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_listening, "_room", threading.BoundedSemaphore(1))
    with _listening._place():
        assert told(SOUND)["error"][0] == "UsageError"
    with _listening._place():
        pass


@pytest.mark.parametrize("wrong", [{"rate": "x"}, {"width": 5}, {"channels": 0}, {"pause_s": "x"}, {"rate": 0}])
def test_what_is_no_sound_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(MalformedMessage):
        told(SOUND | wrong)


def test_what_is_no_base64_is_refused() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for heard in (base64.b64encode(bytes(7)).decode(), "a"):
            theirs.sendall(protocol.packed({"heard": heard}))
        with pytest.raises(MalformedMessage):
            list(_listening._pcm(Channel(ours, protocol.REQUEST_BYTES), 2, 1))
