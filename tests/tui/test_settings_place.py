"""The settings' place: what is changed holds at once, is written into the file, and what is wrong is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.app import Stage, play
from textual.widgets import Input, Select

from edge_assistant.devices import chosen
from edge_assistant.storage import settings
from edge_assistant_tui import themes


@pytest.fixture(autouse=True)
def devices(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"camera": ["Front", "Back"], "microphone": ["[red]Array"], "speaker": []}
    monkeypatch.setattr(chosen, "names", there.__getitem__)


async def write(stage: Stage, key: str, text: str, enter: str = "enter") -> None:
    field = stage.screen.query_one(f"#{key}", Input)
    field.focus()
    field.value = text
    await stage.press(enter)


async def choose(stage: Stage, key: str, value: str) -> None:
    stage.screen.query_one(f"#{key}", Select).value = value
    await stage.settle()


async def test_by_keys_alone(home: Path) -> None:
    async with play() as stage:
        await stage.press("f10", *["tab"] * 12, "escape")
        assert not (home / "config").exists(), "looking writes nothing"
        await stage.press("f10", "enter", "down", "enter", *["tab"] * 8, "space")
        await stage.settle()
    found = settings.load({})
    assert found.profile != "starter"
    assert found.spoken_answers


async def test_what_is_chosen_is_kept_and_holds() -> None:
    async with play() as stage:
        await stage.press("f10")
        await choose(stage, "camera", "Back")
        await choose(stage, "microphone", "[red]Array")
        await write(stage, "pause_s", "1.5")
        await write(stage, "keep_days", "30", "tab")
        await write(stage, "language", "DE")
        assert (stage.app.options.camera, stage.app.options.microphone) == ("Back", "[red]Array")
        assert stage.app.options.language == "de"
        assert len(stage.work.calls("switch")) == 1
        await choose(stage, "camera", "")
        await write(stage, "keep_days", "")
        assert stage.app.options.camera is None
    expected = settings.Settings(language="de", microphone="[red]Array", pause_s=1.5)
    assert settings.load({}) == expected


async def test_what_is_wrong_is_said_and_not_kept(stage: Stage) -> None:
    await stage.press("f10")
    for key, text, said in (
        ("pause_s", "99", "pause_s may not be 99.0 - give 0.3 to 5.0"),
        ("pause_s", "soon", "Pause may not be 'soon'"),
        ("keep_days", "-1", "keep_days may not be -1"),
        ("keep_days", "1.5", "Keep for may not be '1.5'"),
        ("language", "[b]german", "Language may not be '[b]german'"),
    ):
        await write(stage, key, text)
        assert said in stage.said("#about")
    assert settings.load({}) == settings.Settings()


async def test_a_file_that_is_wrong_is_said(home: Path) -> None:
    (home / "config").mkdir()
    (home / "config" / "config.toml").write_text("colour = 'red'")
    async with play() as stage:
        await stage.press("f10")
        await choose(stage, "profile", "tiny")
        assert "unknown key 'colour'" in stage.said("#about")
        assert stage.app.options.profile == "starter"


async def test_what_the_environment_sets_cannot_be_changed_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_ASSISTANT_PAUSE_S", "2")
    async with play() as stage:
        await stage.press("f10")
        assert stage.screen.query_one("#pause_s").disabled
        assert "set by EDGE_ASSISTANT_PAUSE_S" in str(
            [str(shown.render()) for shown in stage.screen.query(".about").results()]
        )


async def test_a_device_that_is_not_there_now_stays_chosen() -> None:
    settings.save({"camera": "file:film.mp4"})
    async with play() as stage:
        stage.app.settings = settings.load({})
        await stage.press("f10")
        assert stage.screen.query_one("#camera", Select).value == "file:film.mp4"
    assert settings.load({}).camera == "file:film.mp4"


async def test_a_theme_holds_at_once_and_is_remembered() -> None:
    async with play() as stage:
        await stage.press("f10")
        await choose(stage, "theme", themes.HIGH_CONTRAST.name)
        assert stage.app.theme == "high-contrast"
    assert settings.load({}).theme == "high-contrast"
    async with play() as stage:
        stage.app.theme = "light"  # as the palette does
        await stage.settle()
    assert settings.load({}).theme == "light"
