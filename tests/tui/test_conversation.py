"""The conversation screen: what the person does reaches the worker, what the worker tells is shown."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from helpers import says
from helpers.app import FORM, NOTE, Stage, app, computed, conflict, play, shown, signal
from textual.widgets import Markdown, Static

from edge_assistant.core.answer import Route
from edge_assistant_tui import messages
from edge_assistant_tui.screens import conversation
from edge_assistant_tui.widgets.signals import SignalList
from edge_assistant_tui.widgets.sources import Sources
from edge_assistant_tui.widgets.turn import Turn
from edge_assistant_tui.widgets.verdicts import Verdicts
from edge_assistant_tui.widgets.welcome import Welcome


@pytest.fixture
def stage() -> AbstractAsyncContextManager[Stage]:
    """The app with room for the list of signals."""
    return play((120, 36))


async def test_a_question_goes_to_the_worker_and_its_answer_is_shown_with_verdicts_and_sources(stage: Stage) -> None:
    await stage.ask("What is the patient allergic to?")
    assert stage.work.calls("ask") == [(1, "What is the patient allergic to?", None)]
    answer = conflict()
    await stage.tell(says.routed(1, answer.route), says.said(1, answer.text), says.ended(1, answer))
    turn = stage.turn()
    assert "[\\[E1\\]](evidence:E1)" in turn.query_one(Markdown).source
    assert "conflict" in shown(turn.query_one(Verdicts))
    assert "penicillin [E2]" in shown(turn.query_one(Verdicts))
    assert [option.id for option in turn.query_one(Sources).options] == ["E1", "E2"]
    assert "no language model used" in shown(turn.query_one(".figures", Static))
    assert turn.has_class("conflict")
    assert not turn.query(".working")
    await stage.ask("What was the highest temperature?")
    await stage.tell(says.ended(2, computed()))
    assert [option.id for option in stage.turn(2).query_one(Sources).options] == ["E1", "C1"]
    assert "30 tokens/s" in shown(stage.turn(2).query_one(".figures", Static))


async def test_signals_stand_in_the_list_with_how_far_they_are(stage: Stage) -> None:
    listed = stage.talk.query_one(SignalList)
    await stage.tell(messages.Taken(FORM), messages.Taken(NOTE))
    assert [entry.state for entry in listed.entries] == ["waiting", "waiting"]
    await stage.tell(says.sensing("image:1", "writing", 0.5))
    assert listed.entries[0].detail == "writing 50%"
    await stage.tell(
        says.sensed("image:1", "writing", conflict().evidence[:1] * 11, 0.9),
        says.sensed("image:1", "objects", conflict().evidence[:1], 0.1),
        # recalled for a question: nothing is counted twice
        says.sensed("image:1", "writing", conflict().evidence[:1] * 11, 0.0),
        says.failed("audio:1", "note.wav breaks off", "record it again"),
        says.noted("image:1", "only the first frame was looked at"),
    )
    form, note = listed.entries
    assert (form.state, form.detail) == ("ready", "12 pieces")
    assert form.notes == ("only the first frame was looked at",)
    assert (note.state, note.detail) == ("failed", "note.wav breaks off")


async def test_paths_are_attached_and_not_asked(stage: Stage, tmp_path: Path) -> None:
    plain, spaced = tmp_path / "form.jpg", tmp_path / "a note.wav"
    plain.write_bytes(b"x")
    spaced.write_bytes(b"x")
    await stage.ask(str(plain))
    await stage.ask(f"'{spaced}' {plain}")
    await stage.ask(f"file://{str(spaced).replace(' ', '%20')}")
    assert stage.work.calls("attach") == [(plain,), (spaced,), (plain,), (spaced,)]
    assert not stage.work.calls("ask")


@pytest.mark.parametrize("name", ["/nowhere.jpg", "{}", "nowhere.jpg", "exmaples/clinic/note.WAV"])
async def test_a_path_of_no_file_is_no_question_and_stays_to_be_corrected(
    stage: Stage, tmp_path: Path, name: str
) -> None:
    path = name.format(tmp_path)
    await stage.ask(path)
    assert not stage.work.calls("ask") + stage.work.calls("attach")
    assert stage.prompt.text == path
    assert [toast.title for toast in stage.app._notifications] == ["That is not a file"]
    for question in ("/ or \\: which one?", f"What is in {path}", "total?"):
        await stage.ask(question)
    assert len(stage.work.calls("ask")) == 3


async def test_escape_stops_what_is_answered_and_what_was_said_stays(stage: Stage) -> None:
    await stage.ask("What was the total?")
    await stage.tell(says.said(1, "The total"))
    await stage.pilot.press("escape")
    assert len(stage.work.calls("stop")) == 1
    await stage.tell(messages.TurnStopped(1), says.said(1, "was never said"))
    assert stage.turn().query_one(Markdown).source.strip() == "The total"
    assert "stopped" in shown(stage.turn().query_one(".stopped", Static))
    await stage.pilot.press("escape")  # nothing runs: nothing is stopped
    assert len(stage.work.calls("stop")) == 1


async def test_the_last_question_can_be_asked_again_or_edited(stage: Stage) -> None:
    await stage.pilot.press("ctrl+r")  # nothing was asked yet
    await stage.ask("What was the total?")
    await stage.tell(messages.TurnFailed(1, "no signal is left", "attach one"))
    await stage.pilot.press("ctrl+r")
    assert [call[:2] for call in stage.work.calls("ask")] == [
        (1, "What was the total?"),
        (2, "What was the total?"),
    ]
    stage.talk.action_edit()
    assert stage.prompt.text == "What was the total?"
    await stage.pilot.press("f7")
    assert stage.work.calls("ask")[2] == (3, None, None)


async def test_a_new_conversation_is_empty(stage: Stage) -> None:
    await stage.tell(messages.Taken(FORM))
    await stage.ask("What was the total?")
    await stage.pilot.press("ctrl+n")
    await stage.pilot.pause()
    assert stage.work.calls("begin") == [()]
    assert not stage.talk.query(Turn)
    assert not stage.talk.query_one(SignalList).entries
    assert stage.talk.query_one(Welcome)


async def test_only_the_latest_turns_stay_on_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "MAX_TURNS", 3)
    async with play() as stage:
        for number in range(1, 6):
            await stage.ask(f"Question {number}?")
            await stage.tell(says.ended(number, computed()))
        assert [turn.number for turn in stage.talk.query(Turn)] == [3, 4, 5]


async def test_foreign_text_is_shown_as_it_is_and_obeyed_by_no_terminal(stage: Stage) -> None:
    hostile = "[bold]x[/bold] [@click=app.quit]here[/] \x1b[2J\u202e `rm` *a* [E9](http://x) <b>"
    await stage.ask(f"{hostile}\nAnd [b]blue[/b]?")
    named = signal("image:1", f"a{hostile}\n[red]b")
    await stage.tell(
        messages.Taken(named),
        says.routed(1, Route(hostile, (), hostile)),
        says.said(1, hostile),
        messages.TurnFailed(1, hostile, "press F9"),
        messages.Refused(hostile, hostile),
        says.failed("image:1", hostile, hostile),
        says.failed("image:9", hostile, hostile),  # which is not there any more
    )
    plain = hostile.replace("\x1b", "\ufffd").replace("\u202e", "\ufffd")
    assert shown(stage.turn().query_one(".question", Static)) == f"{plain}\nAnd [b]blue[/b]?"
    failed = shown(stage.turn().query_one(".failed", Static))
    assert failed.startswith("error: [bold]x[/bold] [@click=app.quit]here[/]")
    assert failed.endswith(" - press F9")
    name = str(stage.talk.query_one(SignalList).get_option("image:1").prompt).partition("\n")[0]
    assert "\x1b" not in name
    assert "a[bold]x" in name
    stage.app.clear_notifications()
    await stage.tell(messages.Removed(named))
    assert [toast.markup for toast in stage.app._notifications] == [False]


async def test_an_app_that_is_left_at_once_begins_nothing() -> None:
    made, work = app()
    async with made.run_test():
        pass
    assert work.asked[-1][0] == "close"
