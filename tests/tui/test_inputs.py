"""What a person types and pastes: it arrives once, nothing of it is lost, and no letter destroys anything."""

from __future__ import annotations

import ast
from concurrent.futures import Future
from pathlib import Path

import pytest
from helpers import says
from helpers.app import FORM, NOTE, VITALS, Stage, conflict, play
from textual import events
from textual.widgets import Static

import edge_assistant_tui
from edge_assistant.core import limits
from edge_assistant.core.signals import Kind, Origin
from edge_assistant.governance.policy.approval import Doubt
from edge_assistant.history.store import Saved, SavedTurn, Unsent
from edge_assistant_tui import messages
from edge_assistant_tui.screens import confirm, conversation
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


async def test_so_is_one_line_that_no_question_can_hold_and_fewer_lines_are_not(stage: Stage) -> None:
    await paste(stage, "\n".join("abcdef"))
    assert stage.prompt.text == "\n".join("abcdef")
    assert not stage.work.calls("add")
    await paste(stage, "x" * (limits.QUESTION_CHARACTERS.value + 1))
    assert len(stage.work.calls("add")) == 1


async def test_a_visitor_who_may_not_attach_attaches_nothing_by_pasting(stage: Stage, kiosk: None) -> None:
    await paste(stage, "\n".join("abcdefgh"))
    assert not stage.work.calls("add")
    assert stage.toasts


async def test_a_question_that_is_too_long_stays_to_be_shortened(stage: Stage) -> None:
    stage.prompt.put("x" * (limits.QUESTION_CHARACTERS.value + 5))
    await stage.press("enter")
    assert not stage.work.calls("ask")
    assert len(stage.prompt.text) == limits.QUESTION_CHARACTERS.value + 5
    assert any("Shorten it by 5 characters" in toast for toast in stage.toasts)


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


async def test_letters_of_a_burst_stay_in_their_order_while_the_focus_moves(stage: Stage) -> None:
    await three(stage)
    for letter in "a1b2c3d4e5f6g7h8":
        stage.app.post_message(events.Key(letter, letter))
    await stage.settle()
    assert stage.prompt.text == "a1b2c3d4e5f6g7h8"


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


async def test_a_restore_brings_back_the_draft_the_inputs_and_the_question_that_was_being_answered(
    stage: Stage,
) -> None:
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
    await stage.tell(messages.Resumed(saved))
    last = stage.talk.query(Turn).last()
    assert last.question == "And the dose?"
    assert "not answered: the app ended first" in str(last.query_one(".stopped", Static).render())
    assert stage.prompt.text == "mine"  # what is typed since goes first
    await stage.press("up")
    assert stage.prompt.text == "a draft"
    await stage.press("up")
    assert stage.prompt.text == "And the dose?"
    await stage.press("ctrl+r")
    assert [call[1] for call in stage.work.calls("ask")] == ["And the dose?"]


async def test_without_inputs_of_its_own_a_conversation_brings_its_questions_back(stage: Stage) -> None:
    saved = Saved("0" * 16, "Allergies?", FORM.taken, (), (SavedTurn(FORM.taken, conflict().to_json()),))
    await stage.tell(messages.Resumed(saved))
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
