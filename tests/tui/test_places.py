"""Places: each opens by its key and leads back; help, doctor, examples, and what is offered to restore."""

from __future__ import annotations

import json

import pytest
from app_fakes import FORM, NOTE, computed, conflict
from placed import Stage, play
from textual.geometry import Region
from textual.screen import Screen
from textual.widgets import OptionList
from textual.widgets._toast import Toast

from edge_assistant.core.signals import Kind, suffixes
from edge_assistant.history.store import History
from edge_assistant.session import health
from edge_assistant.session.health import Check
from edge_assistant_tui import messages
from edge_assistant_tui.screens import help as help_place
from edge_assistant_tui.screens.confirm import Confirm
from edge_assistant_tui.screens.examples import EXAMPLES, paths
from edge_assistant_tui.screens.operator import Operator
from edge_assistant_tui.screens.place import Place, places
from edge_assistant_tui.screens.rename import Rename
from edge_assistant_tui.widgets.prompt import Prompt
from edge_assistant_tui.widgets.restore import Restore
from edge_assistant_tui.widgets.signals import SignalList

KEYS = {
    "help": "f1",
    "attach": "f2",
    "examples": "f6",
    "history": "f8",
    "models": "f9",
    "settings": "f10",
    "doctor": "f11",
}


@pytest.fixture(autouse=True)
def no_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same everywhere, and quick."""
    monkeypatch.setattr(health, "checks", lambda profile: iter(CHECKS))


CHECKS = [
    Check("python", True, "3.11.7"),
    Check("model for language", False, "qwen, missing", "edge-assistant models pull --profile starter"),
    Check("camera", None, "none is connected", "connect one"),
    Check("terminal graphics", None, "half blocks", "another terminal"),
]


@pytest.mark.parametrize(("name", "key"), KEYS.items())
def test_a_key_opens_a_place_and_escape_leads_back(name: str, key: str) -> None:
    async def story(stage: Stage) -> None:
        await stage.press(key)
        assert isinstance(stage.app.screen, Place)
        assert name == stage.app.screen.NAME
        await stage.press("escape")
        assert stage.app.screen is stage.app.conversation
        assert stage.app.screen.query_one(Prompt).has_focus

    play(story)


def test_from_place_to_place_there_is_one_way_back() -> None:
    async def story(stage: Stage) -> None:
        await stage.press("f11", "f8", "f1", "f1")
        assert stage.app.screen.NAME == "help"  # type: ignore[attr-defined]
        await stage.press("escape")
        assert stage.app.screen is stage.app.conversation

    play(story)


def test_the_palette_offers_every_place() -> None:
    async def story(stage: Stage) -> None:
        offered = {command.title for command in stage.app.get_system_commands(stage.app.screen)}
        assert {place.TITLE for place in places()} <= offered

    play(story)


def test_a_question_mark_is_help_where_nothing_is_typed() -> None:
    async def story(stage: Stage) -> None:
        await stage.press("question_mark")
        assert stage.app.screen.query_one(Prompt).text == "?"
        await stage.press("escape")
        stage.app.conversation.query_one(SignalList).focus()
        await stage.press("question_mark")
        assert stage.app.screen.NAME == "help"  # type: ignore[attr-defined]

    play(story)


@pytest.mark.parametrize("width", [40, 80, 160])
def test_help_names_every_key_and_kind(width: int) -> None:
    text = "".join(part if isinstance(part, str) else part[0] for part in help_place._text(width))
    for place in places():
        assert f"{help_place.shown(place.KEY)} " in text
    for _, keys in help_place.sections():
        for key, what in keys:
            assert help_place.shown(key) in text
            assert " ".join(what.split()) in " ".join(text.split())
    for kind in Kind:
        assert suffixes(kind)[0].removeprefix(".") in text


def test_no_line_of_help_is_wider_than_the_terminal() -> None:
    text = "".join(part if isinstance(part, str) else part[0] for part in help_place._text(72))
    assert max(len(line) for line in text.splitlines()) <= 72


def test_every_binding_says_what_it_does() -> None:
    for name, keys in help_place.sections():
        assert all(what for _, what in keys), name


def test_the_doctor_says_what_is_missing_first_and_a_model_leads_to_the_models() -> None:
    async def story(stage: Stage) -> None:
        await stage.press("f11")
        assert stage.said("#about") == "Not ready: 1 missing; F9 brings models. 2 can be done without."
        options = stage.app.screen.query_one(OptionList)
        assert options.highlighted == 1
        assert "missing" in str(options.get_option_at_index(1).prompt)
        assert "→ edge-assistant models pull --profile starter" in str(options.get_option_at_index(1).prompt)
        await stage.press("enter")
        assert stage.app.screen.NAME == "models"  # type: ignore[attr-defined]

    play(story)


def test_the_doctor_looks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(stage: Stage) -> None:
        await stage.press("f11")
        monkeypatch.setattr(health, "checks", lambda profile: iter(CHECKS[:1]))
        await stage.press("r")
        assert stage.said("#about") == "Ready. 0 can be done without."

    play(story)


@pytest.mark.parametrize("at", range(3))
def test_an_example_is_attached_and_its_question_stands_in_the_prompt(at: int) -> None:
    async def story(stage: Stage) -> None:
        await stage.press("f6", *["down"] * at, "enter")
        assert stage.app.screen is stage.app.conversation
        prompt = stage.app.screen.query_one(Prompt)
        assert prompt.has_focus
        assert prompt.text == EXAMPLES[at].question
        assert [call[0] for call in stage.work.calls("attach")] == list(paths(EXAMPLES[at]))
        assert not stage.work.calls("begin")

    play(story)


def test_an_example_begins_a_conversation_where_one_goes_on() -> None:
    async def story(stage: Stage) -> None:
        stage.app.conversation.post_message(messages.Taken(FORM))
        await stage.press("f6", "enter")
        assert stage.work.calls("begin") == [()]
        assert stage.app.screen.query_one(SignalList).entries == ()

    play(story)


def test_the_examples_are_there_and_are_those_of_the_demo(pytestconfig: pytest.Config) -> None:
    makefile = (pytestconfig.rootpath / "Makefile").read_text()
    for example in EXAMPLES:
        assert f'"{example.question}"' in makefile
        for path, name in zip(paths(example), example.files, strict=True):
            assert path.is_file()
            assert f"examples/{name}" in makefile


@pytest.fixture
def killed() -> str:
    """A conversation whose app was killed."""
    history = History()
    id = history.begin()
    history.add_signal(id, FORM, b"bytes")
    history.add_signal(id, NOTE, b"bytes")
    history.add_turn(id, conflict())
    history.add_turn(id, computed())
    history.quit()
    return id


def test_what_was_not_ended_is_restored_by_a_key(killed: str) -> None:
    async def story(stage: Stage) -> None:
        saved = stage.work.history.unfinished()
        assert saved is not None
        stage.app.conversation.post_message(messages.Unfinished(saved))
        stage.app.conversation.post_message(messages.Unfinished(saved))
        await stage.settle()
        (banner,) = stage.app.screen.query(Restore)
        assert banner.has_focus
        assert "What is the patient allergic to?" in str(banner.render())
        assert "2 answers, 2 signals" in str(banner.render())
        await stage.press("enter")
        assert stage.work.calls("resume") == [(saved,)]
        assert not stage.app.screen.query(Restore)
        assert stage.app.screen.query_one(Prompt).has_focus

    play(story)


def test_what_was_not_ended_is_let_go_by_a_key(killed: str) -> None:
    async def story(stage: Stage) -> None:
        saved = stage.work.history.unfinished()
        assert saved is not None
        stage.app.conversation.post_message(messages.Unfinished(saved))
        await stage.press("delete")
        assert stage.work.calls("discard") == [(saved,)]
        assert not stage.app.screen.query(Restore)

    play(story)


def test_who_types_asks_and_the_offer_stays(killed: str) -> None:
    async def story(stage: Stage) -> None:
        saved = stage.work.history.unfinished()
        assert saved is not None
        stage.app.conversation.post_message(messages.Unfinished(saved))
        await stage.type("read it: What is red?")
        assert stage.app.screen.query_one(Prompt).text == "read it: What is red?"
        assert stage.app.screen.query(Restore)
        assert not stage.work.calls("discard")

    play(story)


def test_an_offer_does_not_take_the_keys_of_who_writes_already(killed: str) -> None:
    async def story(stage: Stage) -> None:
        await stage.type("Is")
        saved = stage.work.history.unfinished()
        assert saved is not None
        stage.app.conversation.post_message(messages.Unfinished(saved))
        await stage.type(" red")
        assert stage.app.screen.query_one(Prompt).text == "Is red"

    play(story)


def test_answers_come_back_as_they_were(killed: str) -> None:
    saved = History().open(killed)
    assert json.loads(json.dumps(saved.turns[0].answer)) == conflict().to_json()


def noted(screen: Screen[object]) -> list[Region]:
    """Where notes are drawn."""
    drawn = screen._compositor.visible_widgets
    return [region.intersection(clip) for widget, (region, clip) in drawn.items() if isinstance(widget, Toast)]


@pytest.mark.parametrize("notes", [1, 4])
def test_no_note_covers_the_buttons_of_a_question(notes: int) -> None:
    async def story(stage: Stage) -> None:
        for number in range(notes):
            stage.app.notify(f"{number}: name a file in a folder that is there", title="It cannot lie in that folder")
        for screen in (Confirm("Replace it?", "Replace"), Operator(), Rename("What is she allergic to?")):
            stage.app.push_screen(screen)
            await stage.settle()
            buttons = screen.query_one("#buttons").region
            assert noted(screen)
            assert not any(note.overlaps(buttons) for note in noted(screen))
            stage.app.pop_screen()

    play(story)


def test_no_note_covers_the_offer(killed: str) -> None:
    async def story(stage: Stage) -> None:
        saved = stage.work.history.unfinished()
        assert saved is not None
        stage.app.conversation.post_message(messages.Unfinished(saved))
        stage.app.notify("plug one in, or see that the sound server runs", title="The voice cannot be used")
        await stage.settle()
        offer = stage.app.screen.query_one(Restore).region
        assert noted(stage.app.screen)
        assert not any(note.overlaps(offer) for note in noted(stage.app.screen))
        await stage.press("delete")
        assert not stage.app.conversation.has_class("offering")

    play(story)
