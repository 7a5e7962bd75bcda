"""The models' place: what stands there, pulls by the launcher, verifying, removing, switching."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers.app import Stage, play
from textual.widgets import OptionList, Static

from edge_assistant_models import paths
from edge_assistant_tui import messages
from edge_assistant_tui.screens import models as place

VAD = "silero-vad"


def launched(stage: Stage, *lines: str) -> list[str | None]:
    """A launcher that says lines; what it is asked for."""
    asked: list[str | None] = []

    def send(name: str | None) -> bool:
        asked.append(name)
        for line in lines if name is not None else ():
            stage.talk.post_message(messages.PullSaid(name, line))
        return True

    pulls = stage.app.pulls
    pulls.available, pulls._send, pulls.close = True, send, lambda: None
    return asked


async def end(stage: Stage, done: bool = True, message: str = "", hint: str = "") -> None:
    """The pull ends."""
    await stage.tell(messages.PullEnded(str(stage.app.pulls.name), done, message, hint))


async def go_to(stage: Stage, name: str) -> None:
    """Highlight a model."""
    options = stage.screen.query_one(OptionList)
    options.highlighted = options.get_option_index(name)
    await stage.settle()


def line(stage: Stage, name: str) -> str:
    return str(stage.screen.query_one(OptionList).get_option(name).prompt)


def damaged(name: str) -> Path:
    """A model whose files are not those of the catalog."""
    folder = paths.models_dir() / name
    folder.mkdir(parents=True)
    (folder / "silero_vad.onnx").write_bytes(b"no model")
    return folder


async def test_every_model_stands_there_with_its_state_and_without_a_launcher_the_command(stage: Stage) -> None:
    stage.talk.post_message(messages.Ready((VAD,)))
    damaged("yolox-nano")
    await stage.press("f9")
    assert line(stage, "yolox-nano").startswith("corrupt")
    assert line(stage, VAD).startswith("missing")
    assert all(said in line(stage, VAD) for said in ("vad", "MIT", "starter"))
    assert "Missing for the profile starter: silero-vad" in stage.said("#about")
    assert "run 'edge-assistant models pull --profile starter'" in stage.said("#about")
    await stage.press("p")
    assert "models cannot be pulled from here" in " ".join(stage.toasts)


async def test_at_a_first_run_one_key_pulls_what_is_missing_and_once_only(stage: Stage) -> None:
    asked = launched(stage, "whisper-base: encoder.onnx 43 % of 74.2 MiB, about 9 s left")
    stage.talk.post_message(messages.Ready((VAD,)))
    await stage.press("f9")
    await stage.settle()
    assert asked == ["starter"]
    assert "Pulling starter ████████░" in stage.said("#pull")
    assert "43 %" in stage.said("#pull")
    await stage.press("escape")
    await end(stage, False)
    await stage.press("f9")
    assert asked == ["starter"]
    await stage.press("escape")
    await stage.talk.ask("Is it red?")
    stage.app.pulls.tried = False
    await stage.press("f9")  # in a conversation nothing is pulled unasked
    assert asked == ["starter"]


async def test_a_model_is_pulled_while_one_looks_elsewhere(stage: Stage) -> None:
    launched(stage, "silero-vad: model.onnx from here", "silero-vad is ready")
    await stage.press("f9")
    await go_to(stage, VAD)
    await stage.press("enter")
    assert stage.app.pulls.name is None
    question = str(stage.screen.query(Static).first().render())
    assert re.fullmatch(rf"Download {VAD} \([\d.]+ MiB\)\?", question)
    await stage.press("y", "escape")
    assert stage.app.pulls.name == VAD
    await stage.press("f9", "p")
    assert "a pull is running" in " ".join(stage.toasts)
    await end(stage)
    assert "silero-vad is installed." in " ".join(stage.toasts)
    assert stage.work.calls("look")


async def test_a_pull_is_stopped_and_says_so(stage: Stage) -> None:
    asked = launched(stage)
    await stage.press("f9", "a")
    question = str(stage.screen.query(Static).first().render())
    assert re.fullmatch(r"Download \d+ models of the profile starter \([\d,.]+ MiB\)\?", question)
    await stage.press("n")
    assert asked == []
    await stage.press("a", "y", "c")
    assert asked == ["starter", None]
    await end(stage, False, "interrupted", "run the command again; the pull goes on where it was")
    assert "The download of starter is stopped; the next one resumes it." in " ".join(stage.toasts)
    assert stage.said("#pull") == ""

    await stage.press("a", "y")
    await end(stage, False, "the launcher is gone", "start the app again")
    assert "the launcher is gone start the app again" in " ".join(stage.toasts)


async def test_verifying_says_what_is_wrong(stage: Stage) -> None:
    damaged(VAD)
    await stage.press("f9")
    await go_to(stage, VAD)
    await stage.press("v")
    await stage.settle()
    assert "Pull it again." in " ".join(stage.toasts)
    await go_to(stage, "yolox-nano")
    await stage.press("v")
    await stage.settle()
    assert "the model yolox-nano is not in the store" in " ".join(stage.toasts)


async def test_removing_asks_first_and_what_is_safe_has_the_focus(stage: Stage) -> None:
    folder = damaged(VAD)
    await stage.press("f9")
    await go_to(stage, VAD)
    await stage.press("x", "enter")
    assert folder.exists()
    await stage.press("x", "y")
    await stage.settle()
    assert not folder.exists()
    assert line(stage, VAD).startswith("missing")
    assert stage.work.calls("look")
    await stage.press("x")
    assert "silero-vad is not here." in " ".join(stage.toasts)


async def test_what_is_sound_is_said_and_another_model_is_used_until_the_app_ends(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))
    async with play(profile="test") as stage:
        await stage.press("f9")
        assert line(stage, VAD).startswith("in use")
        await go_to(stage, VAD)
        await stage.press("v")
        assert "silero-vad is sound" in " ".join(stage.toasts)
    chosen = "qwen2.5-coder-1.5b-instruct-q4_k_m"
    found = [
        place.ModelRow(chosen, "language", "1 GiB", "installed", ""),
        place.ModelRow("x", "language", "1 B", "missing", ""),
    ]
    monkeypatch.setattr(place, "rows", lambda profile, instead: found)
    async with play(profile="test") as stage:
        await stage.press("f9", "u")
        assert stage.work.calls("switch") == [(stage.app.options, {"language": chosen})]
        await stage.press("down", "u")
        assert "x is not here; P pulls it." in " ".join(stage.toasts)


async def test_the_profile_is_switched_for_this_app(stage: Stage, home: Path) -> None:
    await stage.press("f9", "s", "down", "enter")
    await stage.settle()
    assert stage.app.options.profile == "tiny"
    assert stage.work.calls("switch") == [(stage.app.options, {})]
    assert not (home / "config").exists()
    assert stage.screen.query_one(OptionList).border_title == "Profile tiny"
