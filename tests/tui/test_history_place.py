"""The history's place and export: found as one types, opened, deleted once confirmed, written but never over a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from app_fakes import FORM, NOTE, computed, conflict
from forgotten import audited
from placed import Stage, play, toasts
from textual.widgets import Input, OptionList

from edge_assistant.core.errors import StorageFull
from edge_assistant.history.store import History
from edge_assistant.storage.settings import Settings
from edge_assistant.vault.master import FILE
from edge_assistant.vault.vault import Vault
from edge_assistant_tui import messages
from edge_assistant_tui.screens.export import Export, suggested
from edge_assistant_tui.screens.history import History as Place


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
    return [str(option.prompt) for option in stage.app.screen.query_one(OptionList).options]


def test_it_is_searched_as_one_types(kept: list[str]) -> None:
    async def story(stage: Stage) -> None:
        await stage.press("f8")
        assert ["allergic" in line for line in listed(stage)] == [True, False]
        assert stage.said("#about").splitlines() == [
            "2 conversations. All are kept until they are deleted.",
            "Sealed; the key is in a file that only its owner may read.",
        ]
        await stage.type("highest temp")
        assert ["highest temperature" in line for line in listed(stage)] == [True]
        await stage.type("zzz")
        assert (listed(stage), stage.said("#about")) == ([], "Nothing was found.")
        await stage.press("escape")
        assert len(listed(stage)) == 2
        await stage.press("escape")
        assert stage.app.screen is stage.app.conversation

    play(story)


def test_one_is_opened_as_it_was(kept: list[str]) -> None:
    async def story(stage: Stage) -> None:
        await stage.press("f8", "down", "down", "enter")
        ((saved,),) = stage.work.calls("resume")
        assert saved.id == kept[0]
        assert stage.app.screen is stage.app.conversation
        await stage.press("f8")
        await stage.type("allergic")
        await stage.press("enter")
        assert stage.work.calls("resume")[1][0].id == kept[1]

    play(story)


def test_one_is_deleted_once_that_is_confirmed(kept: list[str]) -> None:
    async def story(stage: Stage) -> None:
        await stage.press("f8", "down", "delete", "n")
        assert len(listed(stage)) == 2
        assert stage.work.calls("let_go") == []
        await stage.press("delete", "y")
        await stage.settle()
        assert ["highest" in line for line in listed(stage)] == [True]
        assert stage.work.calls("let_go") == [()], "of what is in memory, too"

    play(story)
    assert [summary.id for summary in History().conversations()] == kept[:1]
    assert Vault().ids() == kept[:1]
    assert [(row.kind, row.conversation) for row in audited()] == [("forgot", kept[1])]


def test_one_gets_another_name(kept: list[str]) -> None:
    async def story(stage: Stage) -> None:
        await stage.press("f8", "down", "ctrl+r")
        stage.app.screen.query_one("#name", Input).value = "Bed 12"
        await stage.press("enter")
        await stage.settle()
        assert "Bed 12" in listed(stage)[0]
        await stage.press("ctrl+r", "escape")
        stage.app.screen.query_one("#search", Input).focus()
        await stage.type("bed 12")
        assert len(listed(stage)) == 1

    play(story)
    assert [summary.title for summary in History().conversations()] == ["Bed 12", computed().question]


def test_the_times_that_are_shown_are_in_order(kept: list[str]) -> None:
    history = History()
    at = iter(("2026-03-01", "2026-03-02"))
    for id in kept:
        day = next(at)
        history._database.write(
            lambda connection, id=id, day=day: connection.execute(  # type: ignore[misc]
                "UPDATE conversations SET began = ?, touched = ? WHERE id = ?",
                [f"2026-0{5 - int(day[-1])}-01T00:00:00+00:00", f"{day}T12:00:00+00:00", id],
            )
        )
    history.quit()

    async def story(stage: Stage) -> None:
        await stage.press("f8")
        assert [line.split()[0] for line in listed(stage)] == ["2026-03-02", "2026-03-01"]

    play(story)


def test_the_one_that_is_open_is_not_deleted(kept: list[str]) -> None:
    async def story(stage: Stage) -> None:
        stage.work._keeping.current = kept[1]
        await stage.press("f8", "down")
        assert "open now" in listed(stage)[0]
        await stage.press("delete")
        assert "It is open here" in " ".join(toasts(stage))
        await stage.press("enter")
        assert not stage.work.calls("resume")
        assert stage.app.screen is stage.app.conversation

    play(story)


def test_nothing_was_kept_yet() -> None:
    async def story(stage: Stage) -> None:
        await stage.press("f8", "enter", "down", "delete", "ctrl+s")
        assert isinstance(stage.app.screen, Place)
        assert stage.said("#about") == "No conversation is kept."

    play(story)


def test_a_history_that_cannot_be_read_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: History, search: str = "") -> None:
        raise StorageFull("the history cannot be read", "check the disk")

    monkeypatch.setattr(History, "conversations", refuse)

    async def story(stage: Stage) -> None:
        await stage.press("f8")
        assert stage.said("#about") == "the history cannot be read - check the disk"

    play(story)


def test_an_app_that_stays_open_looks_again_for_what_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_assistant_tui.app.EVERY_S", 0.01)

    async def story(stage: Stage) -> None:
        assert stage.work.calls("expire") == []  # all is kept where nobody says how long
        stage.app.settings = Settings(keep_days=30)
        while len(stage.work.calls("expire")) < 3:
            await stage.pilot.pause(0.01)
        assert set(stage.work.calls("expire")) == {(30,)}

    play(story)


def test_a_lost_key_is_said_and_the_app_goes_on(kept: list[str], home: Path) -> None:
    (home / "keys" / FILE).unlink()

    async def story(stage: Stage) -> None:
        await stage.press("f8")
        assert listed(stage) == []
        assert stage.said("#about").startswith("the key of what is kept is gone - bring the key back from a copy")
        await stage.press("escape")
        assert stage.app.screen is stage.app.conversation

    play(story)


def test_one_that_another_app_has_open_is_not_deleted(kept: list[str]) -> None:
    other = History()
    assert other.hold(kept[1])

    async def story(stage: Stage) -> None:
        await stage.press("f8", "down", "delete")
        await stage.settle()
        assert isinstance(stage.app.screen, Place), "nothing is asked first"
        assert "open in another app" in " ".join(toasts(stage))
        assert len(listed(stage)) == 2

    play(story)
    other.quit()


def test_one_that_another_app_has_open_is_not_renamed(kept: list[str]) -> None:
    other = History()
    assert other.hold(kept[1])

    async def story(stage: Stage) -> None:
        await stage.press("f8", "down", "ctrl+r")
        await stage.settle()
        assert isinstance(stage.app.screen, Place)
        assert "open in another app" in " ".join(toasts(stage))

    play(story)
    other.quit()


def test_one_that_another_app_has_open_is_exported_and_not_opened(kept: list[str], here: Path) -> None:
    other = History()
    assert other.hold(kept[1])

    async def story(stage: Stage) -> None:
        await stage.press("f8", "down", "enter")
        await stage.settle()
        assert isinstance(stage.app.screen, Place)
        assert stage.work.calls("resume") == []
        assert "open in another app" in stage.said("#about")
        await stage.press("ctrl+s", "enter")
        await stage.settle()

    play(story)
    other.quit()
    assert [file.suffix for file in here.iterdir()] == [".md"]


def test_markdown_and_json_by_the_ending(kept: list[str], here: Path) -> None:
    async def story(stage: Stage) -> None:
        await stage.press("f8", "down", "ctrl+s")
        assert isinstance(stage.app.screen, Export)
        assert "Markdown" in stage.said("#format")
        await stage.press("enter")
        await stage.settle()
        assert isinstance(stage.app.screen, Place)
        await stage.press("ctrl+s", "ctrl+t")
        assert "JSON" in stage.said("#format")
        await stage.press("enter")
        await stage.settle()

    play(story)
    markdown, whole = sorted(here.iterdir(), key=lambda path: path.suffix, reverse=True)
    assert markdown.name.endswith("what-is-the-patient-allergic-to.md")
    assert "What is the patient allergic to?" in markdown.read_text()
    found = json.loads(whole.read_text())
    assert found["redacted"] is True
    assert found["turns"][0]["answer"]["answer"] == conflict().text
    assert FORM.name not in markdown.read_text() + whole.read_text()


def test_all_of_it_is_exported_where_that_is_chosen(kept: list[str], here: Path) -> None:
    async def story(stage: Stage) -> None:
        await stage.press("f8", "down", "ctrl+s", "ctrl+t", "ctrl+r", "enter")
        await stage.settle()

    play(story)
    (whole,) = here.iterdir()
    found = json.loads(whole.read_text())
    assert found["turns"][0]["answer"] == conflict().to_json()
    assert found["redacted"] is False


def test_a_file_is_not_replaced_unasked(kept: list[str], here: Path) -> None:
    there = here / "mine.md"
    there.write_text("mine")

    async def story(stage: Stage) -> None:
        await stage.press("f8", "down", "ctrl+s")
        stage.app.screen.query_one(Input).value = str(there)
        await stage.press("enter", "n")
        assert there.read_text() == "mine"
        await stage.press("enter", "y")
        await stage.settle()

    play(story)
    assert "allergic" in there.read_text()


@pytest.mark.parametrize("path", ["", "nowhere/x.md", ".", "\0.md"])
def test_where_it_cannot_lie_it_is_asked_again(kept: list[str], here: Path, path: str) -> None:
    async def story(stage: Stage) -> None:
        await stage.press("f8", "down", "ctrl+s")
        stage.app.screen.query_one(Input).value = path
        await stage.press("enter")
        await stage.settle()
        assert isinstance(stage.app.screen, Export)
        await stage.press("escape")
        assert isinstance(stage.app.screen, Place)

    play(story)
    assert not list(here.iterdir())


def test_what_the_screen_shows_is_exported_where_no_history_can_be_written(here: Path) -> None:
    async def story(stage: Stage) -> None:
        await stage.press("ctrl+s")
        assert "Nothing was asked yet." in toasts(stage)[0]
        stage.app.conversation.post_message(messages.Taken(NOTE))
        await stage.app.conversation.ask(conflict().question)
        stage.app.conversation.post_message(messages.TurnEnded(1, conflict()))
        await stage.press("ctrl+s", "ctrl+t", "ctrl+r", "enter")
        await stage.settle()

    play(story)
    (file,) = here.iterdir()
    found = json.loads(file.read_text())
    assert found["turns"][0]["answer"] == conflict().to_json()
    assert found["signals"][0]["name"] == "note.wav"


def test_a_name_that_is_free_is_suggested(here: Path) -> None:
    from app_fakes import TAKEN

    first = suggested("Is it [red]? ../../etc " + "x" * 99, TAKEN)
    assert first.parent == here
    assert first.name.startswith("2026-11-25-is-it-red-etc-x")
    first.touch()
    assert suggested("Is it [red]? ../../etc " + "x" * 99, TAKEN).name == first.stem + "-2.md"
    assert suggested("?", TAKEN).name == "2026-11-25-conversation.md"
