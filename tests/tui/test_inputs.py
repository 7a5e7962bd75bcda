"""What a person types and pastes: nothing is lost, no letter destroys anything, a burst closes one screen."""

from __future__ import annotations

import ast
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import says
from helpers.app import FORM, NOTE, VITALS, Stage, conflict, play
from textual import events
from textual.command import CommandList
from textual.widgets import Input, Static

import edge_assistant_tui
from edge_assistant.core import limits
from edge_assistant.core.signals import Kind, Origin
from edge_assistant.governance.policy.approval import Doubt
from edge_assistant.history.store import Saved, SavedTurn, Unsent
from edge_assistant_tui import messages
from edge_assistant_tui.screens import confirm, conversation
from edge_assistant_tui.screens.attach import Attach
from edge_assistant_tui.screens.choose import Choose
from edge_assistant_tui.screens.confirm import Confirm
from edge_assistant_tui.screens.examples import Examples
from edge_assistant_tui.screens.help import Help
from edge_assistant_tui.screens.palette import Palette
from edge_assistant_tui.screens.rename import Rename
from edge_assistant_tui.widgets.restore import Restore
from edge_assistant_tui.widgets.signals import SignalList
from edge_assistant_tui.widgets.turn import Turn

PACKAGE = Path(edge_assistant_tui.__file__).parent


async def paste(stage: Stage, text: str) -> None:
    """Paste a text, as a terminal brackets it."""
    stage.app.post_message(events.Paste(text))
    await stage.settle()


async def test_a_pasted_text_is_inserted_once_where_the_cursor_is_whatever_has_the_focus(stage: Stage) -> None:
    await stage.type("is  right")
    await stage.press(*["left"] * 6)
    await paste(stage, "what\nhe said")
    assert stage.prompt.text == "is what\nhe said right"
    stage.talk.query_one(SignalList).focus()
    await paste(stage, "?")
    assert stage.prompt.text == "is what\nhe said? right"
    assert stage.prompt.has_focus
    stage.prompt.put("")
    await paste(stage, "\n".join("abcdef"))
    assert stage.prompt.text == "\n".join("abcdef")
    assert not stage.work.calls("add")
    most = limits.QUESTION_CHARACTERS.value
    await paste(stage, "x" * (most + 1))  # what no question can hold is attached
    assert len(stage.work.calls("add")) == 1
    stage.prompt.put("x" * (most + 5))
    await stage.press("enter")
    assert not stage.work.calls("ask")
    assert len(stage.prompt.text) == most + 5
    assert any("Shorten it by 5 characters" in toast for toast in stage.toasts)


def test_no_handler_calls_that_of_its_base_which_textual_calls_besides() -> None:
    """Textual calls the handlers of a message of all classes of the MRO; `on_event` alone is none."""
    double = [
        f"{file.name}:{node.lineno} {node.attr}"
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr.lstrip("_").startswith("on_")
        and node.attr != "on_event"
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id == "super"
    ]
    assert not double


@pytest.mark.parametrize("line_break", ["\n", "\r", "\r\n"])
async def test_a_pasted_block_is_attached_as_a_text_and_not_asked(stage: Stage, line_break: str) -> None:
    block = line_break.join(f"row {number}" for number in range(12_000))
    await stage.type("sum it")
    await paste(stage, block)
    ((data, kind, origin, name),) = stage.work.calls("add")
    assert data == "\n".join(f"row {number}" for number in range(12_000)).encode()
    assert (kind, origin, name) == (Kind.TEXT, Origin.USER, "pasted 12000 lines, 106 KiB")
    assert stage.prompt.text == "sum it"
    assert any("Attached as a source: pasted 12000 lines, 106 KiB" in toast for toast in stage.toasts)


async def three(stage: Stage) -> SignalList:
    """Signals in the list, which has the focus, as after Escape from one that was looked at."""
    await stage.tell(*(messages.Taken(taken) for taken in (FORM, NOTE, VITALS)))
    listed = stage.talk.query_one(SignalList)
    listed.focus()
    await stage.settle()
    return listed


async def test_letters_go_into_the_prompt_and_remove_nothing_where_a_list_has_the_focus(stage: Stage) -> None:
    await stage.type("please ")
    await three(stage)
    await stage.press("enter", "escape")  # a look at one
    await stage.type("explain the next tax?")
    assert stage.prompt.text == "please explain the next tax?"
    stage.talk.query_one(SignalList).focus()
    await stage.press("backspace")
    assert stage.prompt.text == "please explain the next tax"
    stage.talk.query_one(SignalList).focus()
    await stage.press("question_mark")
    assert stage.prompt.text == "please explain the next tax?"
    assert not stage.work.calls("remove")
    stage.prompt.put("")
    stage.talk.query_one(SignalList).focus()
    await stage.burst(*"a1b2c3d4e5f6g7h8")
    assert stage.prompt.text == "a1b2c3d4e5f6g7h8"


async def test_what_comes_while_the_app_ends_is_no_fault(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage.talk, "query_one_optional", lambda *_: None)  # Textual removes widgets before it ends
    stage.app.post_message(events.Key("x", "x"))
    stage.app.post_message(events.Paste("words"))
    await stage.pilot.pause()
    assert stage.app.fault is None


async def test_a_question_mark_opens_the_help_where_nothing_is_typed(stage: Stage) -> None:
    assert stage.prompt.has_focus
    await stage.press("question_mark")
    assert isinstance(stage.app.screen, Help)
    await stage.press("escape")
    assert stage.prompt.text == ""
    await stage.type("why?")
    assert stage.prompt.text == "why?"
    assert isinstance(stage.app.screen, conversation.ConversationScreen)


async def test_the_palette_does_not_hide_the_answers_behind_the_prompt(stage: Stage) -> None:
    assert stage.prompt.has_focus
    assert "Maximize" not in {command.title for command in stage.app.get_system_commands(stage.talk)}


HELLO = [*"helo", "backspace", *"lo", "left", "left", "X", "home", "Y", "end", "Z"]


async def test_the_keys_of_a_burst_act_in_their_order(stage: Stage) -> None:
    await stage.burst(*HELLO, "shift+enter", *"ab", "up", "!")
    assert stage.prompt.text == "Yh!elXloZ\nab"
    await stage.burst("end", "enter", *"two", "enter", *"three", "up", "up")
    assert stage.work.calls("ask") == [(1, "Yh!elXloZ\nab", None), (2, "two", None)]
    assert stage.prompt.text == "Yh!elXloZ\nab"
    for key, line in (("f8", "#search"), ("f2", "#path")):
        await stage.press(key)
        stage.screen.query_one(line, Input).focus()
        await stage.burst(*HELLO)
        assert stage.screen.query_one(line, Input).value == "YhelXloZ"
        stage.app.pop_screen()


async def test_a_removal_is_undone_by_one_key_and_no_typed_word_is(stage: Stage) -> None:
    await stage.type("what is")
    await three(stage)
    await stage.press("delete")
    assert stage.work.calls("remove") == [(FORM.id,)]
    stage.talk.post_message(messages.Removed(FORM))
    await stage.type(" it")
    assert any("Ctrl+Z brings it back" in toast for toast in stage.toasts)
    await stage.press("ctrl+z")
    assert stage.work.calls("restore") == [([FORM],)]
    assert stage.prompt.text == "what is it"
    await stage.press("ctrl+z")  # nothing is left to bring back: typing is undone
    assert stage.prompt.text != "what is it"
    assert len(stage.work.calls("restore")) == 1


async def test_once_the_removal_is_not_shown_any_more_typing_is_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "UNDO_S", 0.0)
    async with play() as stage:
        stage.talk.post_message(messages.Removed(FORM))
        await stage.type("what")
        await stage.press("ctrl+z")
        assert stage.prompt.text == ""
        assert not stage.work.calls("restore")
        await stage.press("ctrl+z")
        assert len(stage.work.calls("restore")) == 1


async def test_no_key_that_replaces_a_draft_loses_it(stage: Stage) -> None:
    await stage.type("one?")
    await stage.press("enter")
    stage.talk.post_message(says.ended(1, conflict()))
    await stage.type("draft")
    await stage.press("escape")
    assert (stage.prompt.text, stage.prompt.border_subtitle) == ("", "Up restores the text")
    await stage.press("up")
    assert stage.prompt.text == "draft"
    await stage.press("up")
    assert stage.prompt.text == "one?"
    await stage.press("down")
    assert stage.prompt.text == "draft"
    stage.talk.action_edit()
    assert stage.prompt.text == "one?"
    await stage.press("up")
    assert stage.prompt.text == "draft"
    await stage.press("ctrl+n")
    assert stage.prompt.text == "draft"


async def test_the_arrow_brings_back_the_latest_inputs_only(stage: Stage) -> None:
    for number in range(limits.INPUTS.value + 3):
        stage.prompt.put(f"draft {number}")
    stage.prompt.put("")
    await stage.press(*["up"] * (limits.INPUTS.value + 9))
    assert stage.prompt.text == "draft 3"


async def test_what_is_typed_asked_and_put_aside_is_handed_over_to_be_kept(stage: Stage) -> None:
    await stage.type("one?")
    await stage.until(lambda: stage.work.noted[-1:] == [Unsent("one?")])
    await stage.press("enter")
    assert stage.work.noted[-1] == Unsent("", ("one?",), ("one?",))  # at once
    await stage.type("two")
    await stage.until(lambda: stage.work.noted[-1:] == [Unsent("two", ("one?",), ("one?",))])
    stage.talk.post_message(says.ended(1, conflict()))
    await stage.until(lambda: stage.work.noted[-1:] == [Unsent("two", ("one?",))])


async def test_a_restore_brings_back_the_draft_the_inputs_and_the_question_that_was_being_answered(stage) -> None:
    saved = Saved(
        "0" * 16,
        "Allergies?",
        FORM.taken,
        (),
        (SavedTurn(FORM.taken, conflict().to_json()),),
        unsent=Unsent("a draft", ("Allergies?", "And the dose?"), ("And the dose?",)),
    )
    await stage.type("mine")
    await stage.tell(messages.Unfinished(saved))
    assert "1 question not answered, a draft" in str(stage.talk.query_one(Restore).render())
    await stage.tell(messages.ConversationResumed(saved))
    last = stage.talk.query(Turn).last()
    assert last.question == "And the dose?"
    assert "not answered" in str(last.query_one(".stopped", Static).render())
    assert stage.prompt.text == "mine"  # what is typed since goes first
    await stage.press("up")
    assert stage.prompt.text == "a draft"
    await stage.press("up")
    assert stage.prompt.text == "And the dose?"
    await stage.press("ctrl+r")
    assert [call[1] for call in stage.work.calls("ask")] == ["And the dose?"]
    stage.prompt.put("")
    await stage.tell(messages.ConversationResumed(replace(saved, unsent=Unsent())))  # without inputs of its own
    await stage.press("up")
    assert stage.prompt.text == conflict().question


async def test_a_question_that_comes_while_somebody_types_is_not_answered_by_what_they_type(
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(confirm, "QUIET_S", 60.0)
    await stage.type("wh")
    doubted = messages.Doubted((Doubt("penicillin", "allergy", conflict().evidence[1]),), Future())
    await stage.tell(doubted)
    assert isinstance(stage.screen, confirm.Confirm)
    await stage.press("y", "n", "enter")
    assert isinstance(stage.screen, confirm.Confirm)
    assert stage.prompt.text == "whyn"
    monkeypatch.setattr(confirm, "QUIET_S", 0.0)
    await stage.press("y")
    assert doubted.agreed.result(0)


async def test_several_enters_close_one_screen(stage: Stage) -> None:
    await stage.app.push_screen(Help())
    choice = Choose("which?", [("a", "b"), ("c", "d")])
    for over in (Confirm("Delete it?", "Delete"), choice, Rename("a name"), Examples()):
        await stage.app.push_screen(over)
        await stage.settle()
        await stage.burst(*4 * ["enter"])
        assert isinstance(stage.screen, Help), over


async def test_several_enters_attach_a_file_once(stage: Stage, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("The dose is 5 mg.\n")
    await stage.app.push_screen(Help())
    await stage.app.push_screen(Attach())
    path = stage.screen.query_one("#path", Input)
    path.value = str(note)
    path.focus()
    await stage.settle()
    await stage.burst(*4 * ["enter"])
    assert isinstance(stage.screen, Help)
    assert len(stage.work.calls("attach")) == 1


@pytest.mark.parametrize("theme", [False, True])
async def test_several_enters_in_the_palette_run_one_command(stage: Stage, theme: bool) -> None:
    await stage.app.push_screen(Help())
    for _ in range(2):
        stage.app.search_themes() if theme else stage.app.action_command_palette()
        await stage.settle()
        await stage.type("light" if theme else "new")
        assert isinstance(stage.screen, Palette)
        found = stage.screen.query_one(CommandList)
        await stage.until(lambda found=found: bool(found.option_count), "what it found")
        await stage.burst(*4 * ["enter"])
        await stage.burst(*4 * ["enter"])
        assert isinstance(stage.screen, Help)
    assert len(stage.work.calls("begin")) == (0 if theme else 2)
