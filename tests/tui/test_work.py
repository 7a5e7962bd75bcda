"""The worker: what it posts when things are not as they were, and what it does when it is told to stop."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from helpers.work import PATIENCE, Worker

from edge_assistant.core.errors import ModelMissing, Stopped, UsageError
from edge_assistant.core.events import Failed, Thinking, Watch
from edge_assistant.core.evidence import Evidence
from edge_assistant.core.signals import Kind, Origin, Signal, take_bytes
from edge_assistant.governance.policy.policy import Policy
from edge_assistant.history.store import FILE, History, Saved, SavedSignal, SavedState
from edge_assistant.session import dictation
from edge_assistant.session.assistant import Assistant
from edge_assistant.session.model_pool import ModelPool
from edge_assistant_tui import messages


def test_a_damaged_history_is_set_aside_and_said(home: Path) -> None:
    file = home / "history" / FILE
    file.parent.mkdir()
    file.write_bytes(b"this is no database " * 100)
    work = Worker()
    work.close()
    notes = [message.hint for message in work.of(messages.Notice)]
    assert len(notes) == 1
    assert "set aside" in notes[0]


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


def test_what_waits_at_the_end_is_not_begun_and_the_conversation_is_closed(work, monkeypatch, tmp_path, home) -> None:
    held = Held()
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


def test_memory_is_given_back_by_an_assistant_that_is_there(work: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    assistant = Relieved()
    work.relieve()  # there is none yet
    work.wait(1)
    monkeypatch.setattr(work, "_assistant", assistant)
    work.relieve()
    work.finish()
    assert assistant.times == 1
    assert not work.faults


class Stopping(Held):
    """An assistant that stops as the real one does."""

    def perceive(self, signal: Signal, watch: Watch, language: str | None = None) -> tuple[Evidence, ...]:
        super().perceive(signal, watch, language)
        self.let_go.clear()
        raise Stopped("stopped", "ask again")


def test_a_signal_is_removed_while_it_is_perceived(work, monkeypatch, tmp_path) -> None:
    held = Stopping()
    monkeypatch.setattr(work, "assistant", lambda: held)
    (tmp_path / "long.txt").write_text("This takes an hour.")
    work.attach(tmp_path / "long.txt")
    assert held.begun.wait(PATIENCE)
    work.remove("text:1")
    work.finish()
    assert [message.signal.id for message in work.of(messages.Removed)] == ["text:1"]
    assert not work.of(Failed)


def test_a_new_conversation_does_not_wait_for_signals_of_the_last(work, monkeypatch, tmp_path) -> None:
    held = Stopping()
    monkeypatch.setattr(work, "assistant", lambda: held)
    (tmp_path / "long.txt").write_text("This takes an hour.")
    work.attach(tmp_path / "long.txt")
    assert held.begun.wait(PATIENCE)
    work.begin()
    work.wait()
    assert work.of(messages.ConversationClosed)
    held.begun.clear()
    work.wait()
    assert not held.begun.is_set(), "it begins again"
    work.attach(tmp_path / "long.txt")
    assert held.begun.wait(PATIENCE), "it has the same id, and is another one"
    work.close()


def test_a_question_does_not_wait_for_signals_and_its_stop_leaves_them(work, monkeypatch, tmp_path) -> None:
    held = Held()
    before: list[str] = []

    def answered(*_: object) -> None:
        before.extend(held.perceived)
        raise Stopped("stopped", "ask again")

    monkeypatch.setattr(work, "assistant", lambda: held)
    monkeypatch.setattr(work, "_answered", answered)
    for name in ("first", "second"):
        (tmp_path / f"{name}.txt").write_text(f"This is the {name} one.")
        work.attach(tmp_path / f"{name}.txt")
    assert held.begun.wait(PATIENCE)
    work.ask(1, "Which is it?")
    work.stop()
    assert [message.turn for message in work.of(messages.TurnStopped)] == [1]  # at once
    assert not held.let_go.is_set()
    held.let_go.set()
    work.finish()
    assert before == ["first.txt"]
    assert held.perceived == ["first.txt", "second.txt"]


def test_a_stop_that_comes_before_there_is_anything_to_stop_ends_the_question(work, monkeypatch) -> None:
    real = work.assistant

    def opened() -> Assistant:
        work.stop()  # as Escape does while the first question still loads its libraries
        return real()

    monkeypatch.setattr(work, "assistant", opened)
    work.ask(7, "I counted two people. How many are there?")
    work.finish()
    assert [message.turn for message in work.of(messages.TurnStopped)] == [7]
    assert work.of(messages.PerceptionEnded)
    (stated,) = [message.signal for message in work.of(messages.Taken)]
    assert (stated.id, stated.data) == ("text:1", b"I counted two people.")


def test_a_conversation_goes_on_with_what_is_as_it_was(work: Worker, tmp_path: Path) -> None:
    work.finish()
    kept = [take_bytes(name.encode(), Kind.TEXT, at, origin=Origin.USER, name=name) for at, name in enumerate("abcd")]
    states = [(SavedState.READY, False), (SavedState.CHANGED, False), (SavedState.GONE, True), (SavedState.READY, True)]
    signals = tuple(SavedSignal(one, state, removed) for one, (state, removed) in zip(kept, states, strict=True))
    work.resume.__wrapped__(work, Saved("0" * 16, "title", kept[0].taken, signals, ()))
    assert [message.signal.name for message in work.of(messages.Taken)] == ["a"]
    assert [message.message for message in work.of(messages.Notice)] == ["b is changed since"]


@pytest.mark.parametrize("error", [UsageError("no such domain", "name another"), ZeroDivisionError()])
def test_a_turn_ends_whatever_goes_wrong(work: Worker, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse() -> Assistant:
        raise error

    monkeypatch.setattr(work, "assistant", refuse)
    work.ask(7, "Who are you?")
    work.finish()
    assert [message.turn for message in work.of(messages.TurnFailed)] == [7]
    assert bool(work.faults) == isinstance(error, ZeroDivisionError)


def test_what_is_missing_for_speech_is_said_once_something_was_spoken(work, monkeypatch) -> None:
    monkeypatch.setattr(ModelPool, "model", _missing)
    work.prepare()
    work.finish()
    assert not work.of(messages.Notice)


def _missing(models: ModelPool, role: str) -> None:
    raise ModelMissing(f"{role} is missing", "pull it")


def test_speech_and_a_picture_are_done_with_whatever_goes_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(dictation, "written", fail)
    work = Worker()
    monkeypatch.setattr(work, "assistant", lambda: None)
    work.hear([], final=True)
    work.look_at(b"a picture", "a picture", lambda: True)
    work.finish()
    assert [(heard.text, heard.final) for heard in work.of(messages.Heard)] == [("", True)]
    (looked,) = work.of(messages.Looked)
    assert "a fault of ours" in looked.error


def test_a_picture_that_is_not_wanted_any_more_is_not_looked_at_further(work, monkeypatch) -> None:
    class Looks(Held):
        def perceive(self, signal: Signal, watch: Watch, language: str | None = None) -> tuple[Evidence, ...]:
            watch(Thinking())
            pytest.fail("it goes on")

    wanted = iter([True])
    monkeypatch.setattr(work, "assistant", Looks)
    work.look_at(b"a picture", "a picture", lambda: next(wanted, False))
    work.finish()
    assert not work.of(messages.Looked) + work.faults
