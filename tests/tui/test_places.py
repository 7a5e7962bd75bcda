"""Places: each opens by its key and leads back; help, doctor, examples, and what is offered to restore."""

from __future__ import annotations

import pytest
from helpers.app import FORM, NOTE, Stage, computed, conflict, shown
from textual.geometry import Region
from textual.screen import Screen
from textual.widgets import OptionList
from textual.widgets._toast import Toast

from edge_assistant.history.store import History, Saved
from edge_assistant.session import health
from edge_assistant.session.health import DoctorCheck
from edge_assistant_tui import messages
from edge_assistant_tui.screens.examples import EXAMPLES, paths
from edge_assistant_tui.screens.place import places
from edge_assistant_tui.widgets.restore import Restore


@pytest.fixture(autouse=True)
def no_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same everywhere, and quick."""
    monkeypatch.setattr(health, "checks", lambda profile: iter(CHECKS))


CHECKS = [
    DoctorCheck("python", True, "3.11.7"),
    DoctorCheck("model for language", False, "qwen, missing", "edge-assistant models pull --profile starter"),
    DoctorCheck("camera", None, "none is connected", "connect one"),
    DoctorCheck("terminal graphics", None, "half blocks", "another terminal"),
]


async def test_a_key_opens_a_place_and_escape_leads_back(stage: Stage) -> None:
    for place in places():
        if place.NAME == "export":
            continue  # it opens where there is something to export
        await stage.press(place.KEY.split(",")[0])
        assert isinstance(stage.screen, place)
        await stage.press("escape")
        assert stage.screen is stage.talk
        assert stage.prompt.has_focus
    await stage.press("f11", "f8", "f1", "f1")  # from place to place there is one way back
    assert stage.screen.NAME == "help"
    await stage.press("escape")
    assert stage.screen is stage.talk


async def test_the_doctor_says_what_is_missing_first_and_a_model_leads_to_the_models(stage, monkeypatch) -> None:
    await stage.press("f11")
    assert stage.said("#about") == "Not ready: 1 missing; F9 brings models. 2 can be done without."
    options = stage.screen.query_one(OptionList)
    assert options.highlighted == 1
    assert "missing" in str(options.get_option_at_index(1).prompt)
    assert "→ edge-assistant models pull --profile starter" in str(options.get_option_at_index(1).prompt)
    await stage.press("enter")
    assert stage.screen.NAME == "models"
    await stage.press("f11")
    monkeypatch.setattr(health, "checks", lambda profile: iter(CHECKS[:1]))
    await stage.press("r")
    assert stage.said("#about") == "Ready. 0 can be done without."


async def test_an_example_is_attached_and_its_question_stands_in_the_prompt(stage: Stage) -> None:
    for at, example in enumerate(EXAMPLES):
        stage.work.asked.clear()
        await stage.press("f6", *["down"] * at, "enter")
        assert stage.screen is stage.talk
        assert stage.prompt.has_focus
        assert stage.prompt.text == example.question
        assert [call[0] for call in stage.work.calls("attach")] == list(paths(example))
        assert not stage.work.calls("begin")
    await stage.tell(messages.Taken(FORM))
    await stage.press("f6", "enter")  # where a conversation goes on, another begins
    assert stage.work.calls("begin") == [()]
    assert not stage.entries


def test_the_examples_are_there_and_are_those_of_the_demo(pytestconfig: pytest.Config) -> None:
    makefile = (pytestconfig.rootpath / "Makefile").read_text()
    for example in EXAMPLES:
        assert f'"{example.question}"' in makefile
        for path, name in zip(paths(example), example.files, strict=True):
            assert path.is_file()
            assert f"examples/{name}" in makefile


@pytest.fixture
def killed() -> Saved:
    """A conversation whose app was killed."""
    history = History()
    id = history.begin()
    history.add_signal(id, FORM, b"bytes")
    history.add_signal(id, NOTE, b"bytes")
    history.add_turn(id, conflict())
    history.add_turn(id, computed())
    saved = history.open(id)
    history.quit()
    return saved


async def test_what_was_not_ended_is_restored_by_a_key(stage: Stage, killed: Saved) -> None:
    await stage.tell(messages.Unfinished(killed), messages.Unfinished(killed))
    (banner,) = stage.screen.query(Restore)
    assert banner.has_focus
    await stage.type("read")  # who types asks, and the offer stays
    assert stage.prompt.text == "read"
    assert "Shift+Tab, then Enter restores it" in shown(banner)
    assert not stage.work.calls("discard") + stage.work.calls("resume")
    await stage.press("shift+tab")
    assert banner.has_focus
    assert "Shift+Tab" not in shown(banner)
    assert "What is the patient allergic to?" in shown(banner)
    assert "2 answers, 2 signals" in shown(banner)
    await stage.press("enter")
    assert stage.work.calls("resume") == [(killed,)]
    assert not stage.screen.query(Restore)
    assert stage.prompt.has_focus


async def test_what_was_not_ended_is_let_go_by_a_key_and_no_note_covers_the_offer(stage: Stage, killed: Saved) -> None:
    stage.talk.post_message(messages.Unfinished(killed))
    stage.app.notify("plug one in, or see that the sound server runs", title="The voice cannot be used")
    await stage.settle()
    offer = stage.screen.query_one(Restore).region
    assert noted(stage.screen)
    assert not any(note.overlaps(offer) for note in noted(stage.screen))
    await stage.press("delete")
    assert stage.work.calls("discard") == [(killed,)]
    assert not stage.screen.query(Restore)
    assert not stage.talk.has_class("offering")


def noted(screen: Screen[object]) -> list[Region]:
    """Where notes are drawn."""
    drawn = screen._compositor.visible_widgets
    return [region.intersection(clip) for widget, (region, clip) in drawn.items() if isinstance(widget, Toast)]
