"""The history's place and export: found as one types, opened, deleted once confirmed, written but never over a file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import says
from helpers.app import FORM, NOTE, Stage, computed, conflict, play
from helpers.forgetting import audited
from textual.widgets import Input, OptionList

from edge_assistant.history.store import History
from edge_assistant.storage.settings import Settings
from edge_assistant.vault.master import FILE
from edge_assistant.vault.vault import Vault
from edge_assistant_tui import messages
from edge_assistant_tui.screens.export import ExportScreen, suggested
from edge_assistant_tui.screens.history import HistoryScreen as Place
from edge_assistant_tui.widgets.restore import Restore


@pytest.fixture
def kept() -> list[str]:
    """Two conversations: of a temperature, then of allergies."""
    history = History()
    ids = []
    for answer in (computed(), conflict()):
        id = history.begin()
        history.add_signal(id, FORM, b"bytes")
        history.add_turn(id, answer)
        history.close(id)
        ids.append(id)
    history.quit()
    return ids


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def listed(stage: Stage) -> list[str]:
    return [str(option.prompt) for option in stage.screen.query_one(OptionList).options]


async def test_it_is_searched_as_one_types_and_one_is_opened(stage: Stage, kept: list[str]) -> None:
    await stage.press("f8")
    assert ["allergic" in line for line in listed(stage)] == [True, False]
    assert stage.said("#about").splitlines() == [
        "2 conversations. All are stored until they are deleted.",
        "Sealed; the key is in a file that only its owner may read.",
    ]
    await stage.type("highest temp")
    assert ["highest temperature" in line for line in listed(stage)] == [True]
    await stage.type("zzz")
    assert (listed(stage), stage.said("#about")) == ([], "Nothing was found.")
    await stage.press("escape")
    assert len(listed(stage)) == 2
    await stage.press("escape")
    assert stage.screen is stage.talk
    await stage.press("f8", "down", "down", "enter")
    ((saved,),) = stage.work.calls("resume")
    assert saved.id == kept[0]
    assert stage.screen is stage.talk
    await stage.press("f8")
    await stage.type("allergic")
    await stage.press("enter")
    assert stage.work.calls("resume")[1][0].id == kept[1]


async def test_enter_right_behind_a_search_opens_what_it_finds(stage: Stage, kept: list[str]) -> None:
    for search, opened in (("highest temp", [kept[0]]), ("zzz", [])):
        await stage.press("f8")
        await stage.burst(*search, "enter")
        assert [saved.id for (saved,) in stage.work.calls("resume")] == [kept[0]]
        assert isinstance(stage.screen, Place) == (not opened)


async def test_one_that_is_open_or_deleted_is_offered_no_more(stage: Stage, kept: list[str]) -> None:
    history = History()
    saved = history.open(kept[1])
    history.quit()
    await stage.tell(messages.Unfinished(saved), messages.ConversationResumed(replace(saved, id=kept[0])))
    assert stage.talk.query(Restore)
    await stage.tell(messages.ConversationResumed(saved))
    assert not stage.talk.query(Restore)
    assert stage.prompt.has_focus
    await stage.tell(messages.Unfinished(saved))
    await stage.press("f8", "down", "delete", "n")
    assert stage.talk.query(Restore)
    await stage.press("delete", "y")
    await stage.settle()
    assert not stage.talk.query(Restore)


async def test_one_is_deleted_once_that_is_confirmed(kept: list[str]) -> None:
    async with play() as stage:
        await stage.press("f8", "down", "delete", "n")
        assert len(listed(stage)) == 2
        assert stage.work.calls("let_go") == []
        await stage.press("delete", "y")
        await stage.settle()
        assert ["highest" in line for line in listed(stage)] == [True]
        assert stage.work.calls("let_go") == [()], "of what is in memory, too"
    assert [summary.id for summary in History().conversations()] == kept[:1]
    assert Vault().ids() == kept[:1]
    assert [(row.kind, row.conversation) for row in audited()] == [("forgot", kept[1])]


async def test_one_gets_another_name(kept: list[str]) -> None:
    async with play() as stage:
        await stage.press("f8", "down", "ctrl+r")
        stage.screen.query_one("#name", Input).value = "Bed 12"
        await stage.press("enter")
        await stage.settle()
        assert "Bed 12" in listed(stage)[0]
        await stage.press("ctrl+r", "escape")
        stage.screen.query_one("#search", Input).focus()
        await stage.type("bed 12")
        assert len(listed(stage)) == 1
    assert [summary.title for summary in History().conversations()] == ["Bed 12", computed().question]


async def test_after_a_change_the_same_line_is_highlighted(stage: Stage, kept: list[str]) -> None:
    await stage.press("f8", "down", "down", "ctrl+r")
    stage.screen.query_one("#name", Input).value = "Bed 12"
    await stage.press("enter")
    await stage.settle()
    assert "Bed 12" in listed(stage)[1]
    assert stage.screen.query_one(OptionList).highlighted == 1
    await stage.press("delete", "y")
    await stage.settle()
    assert stage.screen.query_one(OptionList).highlighted == 0
    assert [summary.id for summary in History().conversations()] == kept[1:]


async def test_the_one_that_is_open_is_not_deleted(stage: Stage, kept: list[str]) -> None:
    stage.work._keeping.current = kept[1]
    await stage.press("f8", "down")
    assert "open now" in listed(stage)[0]
    await stage.press("delete")
    assert "It is open here" in " ".join(stage.toasts)
    await stage.press("enter")
    assert not stage.work.calls("resume")
    assert stage.screen is stage.talk


async def test_an_app_that_stays_open_looks_again_for_what_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_assistant_tui.app.EVERY_S", 0.01)
    async with play() as stage:
        assert stage.work.calls("expire") == []  # all is kept where nobody says how long
        stage.app.settings = Settings(keep_days=30)
        while len(stage.work.calls("expire")) < 3:
            await stage.pilot.pause(0.01)
        assert set(stage.work.calls("expire")) == {(30,)}


async def test_nothing_was_kept_yet(stage: Stage) -> None:
    await stage.press("f8", "enter", "down", "delete", "ctrl+s")
    assert isinstance(stage.screen, Place)
    assert stage.said("#about") == "No conversation is kept."


async def test_a_lost_key_is_said_and_the_app_goes_on(stage: Stage, kept: list[str], home: Path) -> None:
    (home / "keys" / FILE).unlink()
    await stage.press("f8")
    assert listed(stage) == []
    assert stage.said("#about").startswith("the encryption key is gone - restore the key from a copy")
    await stage.press("escape")
    assert stage.screen is stage.talk


async def test_one_that_another_app_has_open_is_exported_and_not_opened_renamed_or_deleted(kept, here) -> None:
    other = History()
    assert other.hold(kept[1])
    async with play() as stage:
        await stage.press("f8", "down")
        for key in ("delete", "ctrl+r", "enter"):
            stage.app.clear_notifications()
            await stage.press(key)
            await stage.settle()
            assert isinstance(stage.screen, Place), "nothing is asked first"
            assert "open in another app" in " ".join([stage.said("#about"), *stage.toasts])
        assert len(listed(stage)) == 2
        assert stage.work.calls("resume") == []
        await stage.press("ctrl+s", "enter")
        await stage.settle()
    other.quit()
    assert [file.suffix for file in here.iterdir()] == [".md"]


async def test_markdown_and_json_by_the_ending_redacted_or_as_it_is(kept: list[str], here: Path) -> None:
    written = []
    async with play() as stage:
        await stage.press("f8", "down", "ctrl+s")
        assert isinstance(stage.screen, ExportScreen)
        assert "Markdown" in stage.said("#format")
        await stage.press("enter")
        await stage.settle()
        assert isinstance(stage.screen, Place)
        for keys in ((), ("ctrl+r",)):
            await stage.press("ctrl+s", "ctrl+t", *keys)
            assert "JSON" in stage.said("#format")
            await stage.press("enter")
            await stage.settle()
            (file,) = here.glob("*.json")
            written.append(json.loads(file.read_text()))
            file.unlink()
    (markdown,) = here.glob("*.md")
    redacted, whole = written
    assert markdown.name.endswith("what-is-the-patient-allergic-to.md")
    assert "What is the patient allergic to?" in markdown.read_text()
    assert (redacted["redacted"], whole["redacted"]) == (True, False)
    assert redacted["turns"][0]["answer"]["answer"] == conflict().text
    assert whole["turns"][0]["answer"] == conflict().to_json()
    assert FORM.name not in markdown.read_text() + json.dumps(redacted)


async def test_a_path_that_is_none_is_asked_again_and_no_file_is_replaced_unasked(kept: list[str], here: Path) -> None:
    there = here / "mine.md"
    there.write_text("mine")
    async with play() as stage:
        await stage.press("f8", "down", "ctrl+s")
        for path in ("", "nowhere/x.md", ".", "\0.md"):
            stage.screen.query_one(Input).value = path
            await stage.press("enter")
            await stage.settle()
            assert isinstance(stage.screen, ExportScreen), path
        assert list(here.iterdir()) == [there]
        stage.screen.query_one(Input).value = str(there)
        await stage.press("enter", "n")
        assert there.read_text() == "mine"
        await stage.press("enter", "y")
        await stage.settle()
    assert "allergic" in there.read_text()


async def test_what_the_screen_shows_is_exported_where_no_history_can_be_written(here: Path) -> None:
    async with play() as stage:
        await stage.press("ctrl+s")
        assert "Nothing was asked yet." in stage.toasts[0]
        stage.talk.post_message(messages.Taken(NOTE))
        await stage.talk.ask(conflict().question)
        stage.talk.post_message(says.ended(1, conflict()))
        await stage.press("ctrl+s", "ctrl+t", "ctrl+r", "enter")
        await stage.settle()
    (file,) = here.iterdir()
    found = json.loads(file.read_text())
    assert found["turns"][0]["answer"] == conflict().to_json()
    assert found["signals"][0]["name"] == "note.wav"


def test_a_name_that_is_free_is_suggested(here: Path) -> None:
    from helpers.app import TAKEN

    first = suggested("Is it [red]? ../../etc " + "x" * 99, TAKEN)
    assert first.parent == here
    assert first.name.startswith("2026-11-25-is-it-red-etc-x")
    first.touch()
    assert suggested("Is it [red]? ../../etc " + "x" * 99, TAKEN).name == first.stem + "-2.md"
    assert suggested("?", TAKEN).name == "2026-11-25-conversation.md"
