"""The settings' place and the lists of devices: what is changed holds at once and is kept, what is wrong is said."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.app import BOTTLES, COUNTED, Senses, Stage, play, shown
from textual.widgets import Input, OptionList, Select

from edge_assistant.devices import chosen
from edge_assistant.storage import settings
from edge_assistant_models.model import InstalledModel
from edge_assistant_tui import themes
from edge_assistant_tui.commands import commands
from edge_assistant_tui.screens.choose import Choose

THERE = {"camera": ["Front", "Back"], "microphone": ["[red]Array"], "speaker": ["Monitor"]}


@pytest.fixture(autouse=True)
def devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is plugged in."""
    monkeypatch.setattr(chosen, "names", THERE.__getitem__)


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


async def test_what_the_environment_sets_is_fixed_and_a_device_that_is_gone_stays_chosen(monkeypatch) -> None:
    monkeypatch.setenv("EDGE_ASSISTANT_PAUSE_S", "2")
    settings.save({"camera": "file:film.mp4"})
    async with play() as stage:
        stage.app.settings = settings.load({})
        await stage.press("f10")
        assert stage.screen.query_one("#pause_s").disabled
        assert any("set by EDGE_ASSISTANT_PAUSE_S" in shown(about) for about in stage.screen.query(".about"))
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


async def listed(stage: Stage, device: str) -> list[str]:
    """Open the list from the palette; the names in it."""
    (command,) = (c for c in commands(stage.talk) if c.title == f"Choose the {device}")
    command.callback()
    await stage.until(lambda: isinstance(stage.screen, Choose), "the list")
    await stage.pilot.pause()
    return [str(option.id) for option in stage.screen.query_one(OptionList).options]


async def test_what_is_chosen_is_used_and_kept(stage: Stage) -> None:
    for device, default in {"camera": "the first", "microphone": "the default", "speaker": "the default"}.items():
        assert await listed(stage, device) == [default, *THERE[device]]
        await stage.pilot.press("down", "enter")
        await stage.until(lambda device=device: getattr(stage.app.options, device) == THERE[device][0], "chosen")
        assert getattr(settings.load(), device) == THERE[device][0]
        assert await listed(stage, device) == [default, *THERE[device]]
        await stage.pilot.press("up", "enter")
        await stage.until(lambda device=device: getattr(stage.app.options, device) is None, "the default again")
        assert getattr(settings.load(), device) is None


async def test_escape_chooses_nothing_and_a_file_that_is_wrong_is_said(home) -> None:
    (home / "config").mkdir()
    (home / "config" / "config.toml").write_text("colour = 'red'")
    async with play(camera=f"file:{BOTTLES}") as stage:
        assert await listed(stage, "camera") == ["the first", "Front", "Back", f"file:{BOTTLES}"]
        await stage.press("escape")
        assert stage.app.options.camera == f"file:{BOTTLES}"
        await stage.press("f10")
        await choose(stage, "profile", "tiny")
        assert "unknown key 'colour'" in stage.said("#about")
        assert stage.app.options.profile == "starter"


@pytest.mark.usefixtures("lasting")
async def test_devices_that_are_on_are_changed_at_once(tmp_path: Path, models: Callable[[str], InstalledModel]) -> None:
    other = shutil.copy(BOTTLES, tmp_path / "other.jpg")
    said = shutil.copy(COUNTED, tmp_path / "said.wav")
    async with play(
        camera=f"file:{BOTTLES}", microphone=f"file:{COUNTED}", speaker=f"file:{tmp_path / 'a.wav'}"
    ) as stage:
        stage.work.assistant = lambda: Senses(models)
        taken = stage.capture
        await stage.pilot.press("f5", "f4", "f12")
        on = {"camera": "on", "microphone": "hands-free", "voice": "on"}
        await stage.until(lambda: stage.devices == on, "all on")
        stage.app.configure(camera=f"file:{other}", microphone=f"file:{said}", speaker=f"file:{tmp_path / 'b.wav'}")
        stage.app.configure(pause_s=2.0)
        await stage.until(lambda: stage.devices == on, "all on again")
        assert taken._looking._keeper is not None
        assert taken._looking._keeper.device.name == "other.jpg"
        assert taken._listening._keeper is not None
        assert taken._listening._keeper.device.name == "said.wav"
        assert taken._listening.pause_s == 2.0
        stage.app.configure(spoken_answers=True)
        assert stage.devices["voice"] == "on"
        stage.app.configure(spoken_answers=False)
        assert stage.devices["voice"] == "off"
        assert not [toast for toast in stage.toasts if "cannot" in toast]
