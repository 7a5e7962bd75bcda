"""The places as they look, at both sizes and in each theme: pictures that were looked at, kept beside this file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from helpers.app import FORM, NOTE, TAKEN, Stage, app, conflict
from helpers.screens import Golden, Story

from edge_assistant.devices import chosen
from edge_assistant.history.store import History, Saved, SavedSignal, SavedState, SavedTurn, Summary
from edge_assistant.session import health
from edge_assistant.session.health import DoctorCheck
from edge_assistant_tui import messages, themes
from edge_assistant_tui.screens import attach, models

pytestmark = pytest.mark.usefixtures("still", "fixed")

CHECKS = [
    DoctorCheck("python", True, "3.11.7"),
    DoctorCheck("machine", True, "Linux x86_64, 15.6 GiB memory"),
    DoctorCheck("offline lock", True, "offline; doctor --prove-offline tries it"),
    DoctorCheck("package onnxruntime", True, "for perception"),
    DoctorCheck("model for language", True, "qwen2.5-coder-1.5b-instruct-q4_k_m, installed"),
    DoctorCheck("model for speech", False, "whisper-base, missing", "edge-assistant models pull --profile starter"),
    DoctorCheck("camera", None, "none is connected", "connect one, or use --camera file:VIDEO"),
    DoctorCheck("microphone", True, "Built-in Audio Analog Stereo"),
    DoctorCheck("spoken answers", True, "the program espeak-ng is installed"),
    DoctorCheck("terminal graphics", None, "", ""),
]
ROWS = [
    models.ModelRow("qwen2.5-coder-1.5b-instruct-q4_k_m", "language", "1,066 MiB", "in use", "Apache-2.0 · in starter"),
    models.ModelRow("qwen3-8b-q4_k_m", "language", "4,795 MiB", "partial", "Apache-2.0 · in large · not tested here"),
    models.ModelRow("whisper-base", "speech", "92.8 MiB", "missing", "MIT · in large, standard, starter"),
    models.ModelRow("silero-vad", "vad", "2.2 MiB", "corrupt", "MIT · in large, standard, starter, test, tiny"),
    models.ModelRow("yolox-nano", "detector", "3.5 MiB", "installed", "Apache-2.0 · in starter, tiny"),
]
FOUND = [
    Summary("a" * 16, "What is the patient allergic to?", *[datetime(2026, 3, 14, 9, 30, tzinfo=UTC)] * 2, 3),
    Summary("b" * 16, "Does the [claim] agree with the receipt?", *[datetime(2026, 3, 13, 16, 2, tzinfo=UTC)] * 2, 1),
]
SAVED = Saved(
    "a" * 16,
    "What is the patient allergic to?",
    datetime(2026, 3, 14, 9, 30, tzinfo=UTC),
    tuple(SavedSignal(given, SavedState.READY, False) for given in (FORM, NOTE)),
    (SavedTurn(TAKEN, conflict().to_json()),),
)


@pytest.fixture
def fixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same machine, models, devices, history and files."""
    monkeypatch.setattr(health, "checks", lambda profile: iter(CHECKS))
    monkeypatch.setattr(models, "rows", lambda profile, instead: ROWS)
    there = {"camera": ["Integrated Camera"], "microphone": ["Built-in Audio"], "speaker": []}
    monkeypatch.setattr(chosen, "names", there.__getitem__)
    monkeypatch.setattr(History, "conversations", lambda self, search="": [] if search else FOUND)
    monkeypatch.setattr(History, "open", lambda self, id: SAVED)
    monkeypatch.delenv("TERM", raising=False)
    monkeypatch.setattr("edge_assistant_tui.screens.export.suggested", lambda title, began: Path("allergies.md"))
    shelf = tmp_path / "shelf"
    (shelf / "ward 3").mkdir(parents=True)
    for name, size in (("form.jpg", 168_654), ("note.wav", 270_906), ("vitals.csv", 986), ("[red] 日本.pdf", 20)):
        (shelf / name).write_bytes(b"x" * size)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(attach.Path, "cwd", lambda: Path("shelf"))


async def browsing(stage: Stage) -> None:
    await stage.press("f2", "down", "down", "down", "space", "space")


async def filtered(stage: Stage) -> None:
    await stage.press("f2")
    await stage.type("vit")


async def completing(stage: Stage) -> None:
    await stage.press("f2", "shift+tab")
    await stage.type("shelf/fo")


async def listing(stage: Stage) -> None:
    stage.talk.post_message(messages.Ready(("whisper-base",)))
    await stage.press("f9", "down")


async def pulling(stage: Stage) -> None:
    stage.app.pulls.name = "starter"
    stage.app.pulls.line = "whisper-base: encoder.onnx 43 % of 74.2 MiB, about 9 s left"
    await stage.press("f9")


async def removing(stage: Stage) -> None:
    await stage.press("f9", *["down"] * 4, "x")


async def switching(stage: Stage) -> None:
    await stage.press("f9", "s")


async def doctor(stage: Stage) -> None:
    await stage.press("f11")


async def settings(stage: Stage) -> None:
    await stage.press("f10", "tab", "tab")


async def history(stage: Stage) -> None:
    await stage.press("f8", "down", "down")


async def nothing_found(stage: Stage) -> None:
    await stage.press("f8", "z")


async def exporting(stage: Stage) -> None:
    await stage.press("f8", "down", "ctrl+s")


async def help(stage: Stage) -> None:
    await stage.press("f1")


async def examples(stage: Stage) -> None:
    await stage.press("f6", "down")


BOTH: list[Story] = [browsing, listing, doctor, settings, history, exporting, help, examples]
SMALL: list[Story] = [filtered, completing, pulling, removing, switching, nothing_found]


def compared(golden: Golden, story: Story, size: tuple[int, int], theme: str = "dark") -> None:
    made, _ = app()
    made.theme = theme
    golden(made, size, story)


@pytest.mark.parametrize("size", [(80, 24), (160, 48)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("story", BOTH, ids=lambda story: story.__name__)
def test_a_place(golden: Golden, story: Story, size: tuple[int, int]) -> None:
    compared(golden, story, size)


@pytest.mark.parametrize("story", SMALL, ids=lambda story: story.__name__)
def test_what_a_place_does(golden: Golden, story: Story) -> None:
    compared(golden, story, (80, 24))


@pytest.mark.parametrize("theme", [themes.LIGHT.name, themes.HIGH_CONTRAST.name])
@pytest.mark.parametrize("story", [settings, listing], ids=lambda story: story.__name__)
def test_a_theme(golden: Golden, story: Story, theme: str) -> None:
    compared(golden, story, (80, 24), theme)
