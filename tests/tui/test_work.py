"""The worker: what it posts when things are not as they were, and what it does when it is told to stop."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from workers import PATIENCE, started, wait

from edge_assistant.core.errors import ModelMissing, Stopped, UsageError
from edge_assistant.core.events import Watch
from edge_assistant.core.evidence import Evidence
from edge_assistant.core.signals import Kind, Origin, Signal, take_bytes
from edge_assistant.governance.policy.policy import Policy
from edge_assistant.history.store import FILE, History, Saved, SavedSignal, State
from edge_assistant.session import assistant, dictation
from edge_assistant.session.assistant import Assistant
from edge_assistant.session.model_pool import Models
from edge_assistant_tui import messages, unsent
from edge_assistant_tui.options import Options
from edge_assistant_tui.work import Work


def finish(work: Work) -> None:
    """Wait until all that was asked of it so far is done, and end it."""
    wait(work, 1)
    work.close()


def test_a_damaged_history_is_set_aside_and_said(home: Path) -> None:
    file = home / "history" / FILE
    file.parent.mkdir()
    file.write_bytes(b"this is no database " * 100)
    work, posted = started()
    work.close()
    notes = [message.text for message in posted if isinstance(message, messages.HistoryNoted)]
    assert len(notes) == 1
    assert "set aside" in notes[0]


def test_models_that_are_used_instead_are_those_that_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []

    def recorded(portfolio: object, profile: str, **others: Any) -> Assistant:
        made.append((profile, dict(others["instead"])))
        return Assistant(portfolio, profile, **others)  # type: ignore[arg-type]

    monkeypatch.setattr(assistant, "Assistant", recorded)
    work, _ = started()
    work.switch(Options(profile="test"), {"language": "smollm2-135m-instruct-q4_1"})
    finish(work)
    work.assistant()
    assert made == [("test", {"language": "smollm2-135m-instruct-q4_1"})]


class Held:
    """An assistant that perceives until it is stopped or let go."""

    policy = Policy()

    def __init__(self) -> None:
        self.begun, self.let_go = threading.Event(), threading.Event()
        self.perceived: list[str] = []

    def perceive(self, signal: Signal, watch: Watch, language: str | None = None) -> tuple[Evidence, ...]:
        self.perceived.append(signal.name)
        self.begun.set()
        assert self.let_go.wait(PATIENCE)
        return ()

    def stop(self) -> None:
        self.let_go.set()


def test_what_waits_at_the_end_is_not_begun_and_the_conversation_is_closed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: Path
) -> None:
    held = Held()
    work, _ = started()
    monkeypatch.setattr(work, "assistant", lambda: held)
    for name in ("first", "second", "third"):
        (tmp_path / f"{name}.txt").write_text(f"This is the {name} one.")
        work.attach(tmp_path / f"{name}.txt")
    assert held.begun.wait(PATIENCE)
    work.close()
    assert held.perceived == ["first.txt"]
    assert not work._thread.is_alive()
    assert not list((home / "history").glob("*-wal"))  # the file was closed
    assert History().unfinished() is None


class Relieved(Held):
    """An assistant that counts how often it gives memory back."""

    def __init__(self) -> None:
        super().__init__()
        self.times = 0

    def relieve(self) -> None:
        self.times += 1


def test_memory_is_given_back_by_an_assistant_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assistant = Relieved()
    work, posted = started()
    work.relieve()  # there is none yet
    wait(work, 1)
    monkeypatch.setattr(work, "_assistant", assistant)
    work.relieve()
    finish(work)
    assert assistant.times == 1
    assert not [message for message in posted if isinstance(message, messages.Faulted)]


class Stopping(Held):
    """An assistant that stops as the real one does."""

    def perceive(self, signal: Signal, watch: Watch, language: str | None = None) -> tuple[Evidence, ...]:
        super().perceive(signal, watch, language)
        self.let_go.clear()
        raise Stopped("stopped", "ask again")


def test_a_signal_is_removed_while_it_is_perceived(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    held = Stopping()
    work, posted = started()
    monkeypatch.setattr(work, "assistant", lambda: held)
    (tmp_path / "long.txt").write_text("This takes an hour.")
    work.attach(tmp_path / "long.txt")
    assert held.begun.wait(PATIENCE)
    work.remove("text:1")
    finish(work)
    assert [message.signal.id for message in posted if isinstance(message, messages.Removed)] == ["text:1"]
    assert not [message for message in posted if isinstance(message, messages.SignalFailed)]


def test_a_question_does_not_wait_for_signals_and_its_stop_leaves_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    held = Held()
    before: list[str] = []

    def answered(*_: object) -> None:
        before.extend(held.perceived)
        raise Stopped("stopped", "ask again")

    work, posted = started()
    monkeypatch.setattr(work, "assistant", lambda: held)
    monkeypatch.setattr(work, "_answered", answered)
    for name in ("first", "second"):
        (tmp_path / f"{name}.txt").write_text(f"This is the {name} one.")
        work.attach(tmp_path / f"{name}.txt")
    assert held.begun.wait(PATIENCE)
    work.ask(1, "Which is it?")
    work.stop()
    assert [message.turn for message in posted if isinstance(message, messages.TurnStopped)] == [1]  # at once
    assert not held.let_go.is_set()
    held.let_go.set()
    finish(work)
    assert before == ["first.txt"]
    assert held.perceived == ["first.txt", "second.txt"]


def test_a_stop_that_comes_before_there_is_anything_to_stop_ends_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    work, posted = started()
    real = work.assistant

    def opened() -> Assistant:
        work.stop()  # as Escape does while the first question still loads its libraries
        return real()

    monkeypatch.setattr(work, "assistant", opened)
    work.ask(7, "I counted two people. How many are there?")
    finish(work)
    assert [message.turn for message in posted if isinstance(message, messages.TurnStopped)] == [7]
    (stated,) = [message.signal for message in posted if isinstance(message, messages.Taken)]
    assert (stated.id, stated.data) == ("text:1", b"I counted two people.")


def test_a_conversation_goes_on_with_what_is_as_it_was(tmp_path: Path) -> None:
    work, posted = started()
    finish(work)
    kept = [take_bytes(name.encode(), Kind.TEXT, at, origin=Origin.USER, name=name) for at, name in enumerate("abcd")]
    states = [(State.READY, False), (State.CHANGED, False), (State.GONE, True), (State.READY, True)]
    signals = tuple(SavedSignal(one, state, removed) for one, (state, removed) in zip(kept, states, strict=True))
    work._resume(Saved("0" * 16, "title", kept[0].taken, signals, ()))
    assert [message.signal.name for message in posted if isinstance(message, messages.Taken)] == ["a"]
    assert [message.message for message in posted if isinstance(message, messages.Refused)] == ["b is changed since"]


@pytest.mark.parametrize("error", [UsageError("no such domain", "name another"), ZeroDivisionError()])
def test_a_turn_ends_whatever_goes_wrong(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse() -> Assistant:
        raise error

    work, posted = started()
    monkeypatch.setattr(work, "assistant", refuse)
    work.ask(7, "Who are you?")
    finish(work)
    assert [message.turn for message in posted if isinstance(message, messages.TurnFailed)] == [7]
    assert any(isinstance(message, messages.Faulted) for message in posted) == isinstance(error, ZeroDivisionError)


def test_what_is_missing_for_speech_is_said_once_something_was_spoken(monkeypatch: pytest.MonkeyPatch) -> None:
    work, posted = started()
    monkeypatch.setattr(Models, "model", _missing)
    work.prepare()
    finish(work)
    told = (messages.Refused, messages.Faulted)
    assert not [message for message in posted if isinstance(message, told)]


def _missing(models: Models, role: str) -> None:
    raise ModelMissing(f"{role} is missing", "pull it")


def test_speech_and_a_picture_are_done_with_whatever_goes_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(dictation, "written", fail)
    monkeypatch.setattr(unsent, "picture", fail)
    work, posted = started()
    monkeypatch.setattr(work, "assistant", lambda: None)
    work.hear([], final=True)
    work.look_at(b"", "a picture", lambda: True)
    finish(work)
    assert [(heard.text, heard.final) for heard in posted if isinstance(heard, messages.Heard)] == [("", True)]
    (looked,) = [looked for looked in posted if isinstance(looked, messages.Looked)]
    assert "a fault of ours" in looked.error
