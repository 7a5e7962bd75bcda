"""The app with devices that stand for others while a test plays it, and waiting until something is so."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from placed import Stage

from edge_assistant.compute.runtime import Runtime
from edge_assistant.perception.live import Endpointer
from edge_assistant_models.installed import InstalledModel
from edge_assistant_tui.widgets.capture import Capture
from edge_assistant_tui.widgets.status import StatusBar

ROOT = Path(__file__).parent.parent
BOTTLES = ROOT / "examples/line/camera.jpg"
COUNTED = ROOT / "tests/fixtures/speech/bottles.wav"
PATIENCE = 20.0  # seconds a test waits for what comes within two on a machine that has nothing else to do


class Senses:
    """What a scripted worker's assistant opens: a real endpointer, a voice that hums."""

    def __init__(self, models: Callable[[str], InstalledModel], seconds: float = 0.3) -> None:
        self._installed = models
        self.said: list[str] = []
        self._seconds = seconds

    @property
    def models(self) -> Senses:
        return self

    def endpointer(self) -> Endpointer:
        return Endpointer(self._installed("vad"), Runtime(1))

    def voice(self) -> Senses:
        return self

    rate = 16_000

    def speak(self, text: str) -> Iterator[NDArray[np.float32]]:
        """A hum for each text."""
        self.said.append(text)
        times = np.arange(round(self._seconds * self.rate)) / self.rate
        yield (0.2 * np.sin(440 * np.pi * times)).astype(np.float32)

    def stop(self) -> None:
        """Nothing takes long here."""


async def until(stage: Stage, so: Callable[[], Any], what: str) -> None:
    """Let the app go on until something is so."""
    end = time.monotonic() + PATIENCE
    while not so():
        assert time.monotonic() < end, f"waited in vain: {what}; {status(stage)}"
        await stage.pilot.pause(0.02)


def status(stage: Stage) -> dict[str, str]:
    """What the line at the top says of the devices."""
    bar = stage.app.conversation.query_one(StatusBar)
    return {"microphone": bar.microphone, "camera": bar.camera, "voice": bar.voice}


def capture(stage: Stage) -> Capture:
    """Camera, microphone and voice."""
    return stage.app.conversation.query_one(Capture)
