"""The conversation screen: what the person does reaches the worker, what the worker tells is shown."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from helpers import says
from helpers.app import FORM, Stage, app, computed, conflict, play, shown, signal
from textual.widgets import Input, Markdown, Select, Static
from textual.widgets._footer import FooterKey

from edge_assistant.core.answer import Route
from edge_assistant.core.events import Perceived, Perceiving
from edge_assistant.governance.offline.lock import OfflineLock
from edge_assistant_tui import messages
from edge_assistant_tui.screens import conversation
from edge_assistant_tui.widgets import status
from edge_assistant_tui.widgets.signals import SignalList
from edge_assistant_tui.widgets.sources import Sources
from edge_assistant_tui.widgets.status import StatusBar
from edge_assistant_tui.widgets.turn import Turn
from edge_assistant_tui.widgets.verdicts import Verdicts
from edge_assistant_tui.widgets.welcome import Welcome

MORE = {"Sources", "Copy answer", "New", "History", "Hands-free", "Voice", "Export", "Models"}


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


@pytest.mark.parametrize("failed", [messages.TurnStopped(1), messages.TurnFailed(1, "the disk is full", "free some")])
async def test_what_a_question_did_not_perceive_to_its_end_stands_as_before(stage: Stage, failed) -> None:
    found = Perceived("image:1", "writing", conflict().evidence, 0.2)
    await stage.tell(messages.Taken(FORM), messages.SignalTold(found))
    (before,) = stage.entries
    await stage.ask("What is the patient allergic to?")
    await stage.tell(*(messages.TurnTold(1, Perceiving("image:1", "writing", at)) for at in (0.0, 0.5)))
    assert stage.entries[0].state == "perceiving"
    await stage.tell(failed, messages.PerceptionEnded())
    assert (stage.entries[0].state, stage.entries[0].detail) == (before.state, before.detail) == ("ready", "2 pieces")


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
async def test_a_path_of_no_file_is_no_question_and_stays_to_be_corrected(stage, tmp_path, name) -> None:
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
        messages.Notice(hostile, hostile),
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


async def test_what_is_perceived_twice_is_counted_once_and_a_new_conversation_is_empty(stage: Stage) -> None:
    await stage.tell(messages.Taken(FORM), says.sensing(FORM.id, "writing", 0.5))
    assert stage.entries[0].detail == "writing 50%"
    found = conflict().evidence[:1]
    senses = ("writing", found * 11), ("objects", found), ("writing", found * 11)  # recalled for a question
    await stage.tell(*(says.sensed(FORM.id, *sense) for sense in senses))
    assert (stage.entries[0].state, stage.entries[0].detail) == ("ready", "12 pieces")
    await stage.ask("What was the total?")
    await stage.press("ctrl+n")
    assert stage.work.calls("begin") == [()]
    assert not stage.turns
    assert not stage.entries
    assert stage.talk.query_one(Welcome)


async def test_the_first_line_and_the_keys_at_the_foot_fit_every_width(stage: Stage, monkeypatch) -> None:
    monkeypatch.setattr(status, "memory_mib", lambda: 1234)
    bar = stage.talk.query_one(StatusBar)
    assert "  NOT OFFLINE  " in bar.render().plain  # a test is not locked
    bar._lock = OfflineLock(True)
    bar.memory, bar.microphone, bar.camera, bar.voice, bar.activity = 1234, "listening", "on", "on", "answering"
    for columns, more in ((80, 0), (110, 3), (200, 8), (80, 0)):
        await stage.pilot.resize_terminal(columns, 24)
        await stage.settle()
        line, keys = bar.render().plain, stage.talk.query(FooterKey)
        there = [key.description for key in keys]
        assert len(line) <= columns
        assert ("1234 MiB" in line) == (columns > 100)
        assert there[:4] == ["Send", "Talk", "Camera", "Compare"]
        assert len({*there} & MORE) >= more
        assert more or "Sources" not in there
        assert max(key.region.right for key in keys) <= columns


async def test_the_keys_at_the_foot_are_made_anew_only_when_others_are_shown(stage: Stage) -> None:
    before = [*stage.talk.query(FooterKey)]
    stage.talk.refresh_bindings()
    await stage.settle()
    assert [*stage.talk.query(FooterKey)] == before
    await stage.pilot.resize_terminal(80, 24)
    await stage.settle()
    assert not {*stage.talk.query(FooterKey)} & {*before}


async def test_the_keys_at_the_foot_stay_where_the_focus_brings_only_keys_that_are_not_shown(stage: Stage) -> None:
    await stage.press("f10")
    keys = []
    for field in (Input, Select):
        stage.screen.query(field).first().focus()
        await stage.settle()
        keys.append([*stage.screen.query(FooterKey)])
    assert keys[0]
    assert keys[0] == keys[1]
