"""Choosing devices: a list of those that are there, used at once and from now on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.app import BOTTLES, COUNTED, Senses, Stage, play
from textual.widgets import OptionList

from edge_assistant.devices import chosen
from edge_assistant.storage import settings
from edge_assistant_models.installed import InstalledModel
from edge_assistant_tui.commands import commands
from edge_assistant_tui.screens.choose import Choose

THERE = {"camera": ["Front", "Rear"], "microphone": ["Headset"], "speaker": ["Monitor"]}


@pytest.fixture(autouse=True)
def there(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is plugged in."""
    monkeypatch.setattr(chosen, "names", THERE.__getitem__)


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


async def test_escape_chooses_nothing_and_a_virtual_device_stands_in_the_list() -> None:
    async with play(camera=f"file:{BOTTLES}") as stage:
        assert await listed(stage, "camera") == ["the first", "Front", "Rear", f"file:{BOTTLES}"]
        await stage.pilot.press("escape")
        await stage.until(lambda: not isinstance(stage.screen, Choose), "the list is gone")
        assert stage.app.options.camera == f"file:{BOTTLES}"


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
