"""While somebody types, the language model reads what any question will need; nothing that is wanted waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from helpers.app import Stage
from helpers.engines import scripted
from helpers.work import PATIENCE, Worker

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.errors import Stopped
from edge_assistant.core.events import Answered, Watch
from edge_assistant.core.evidence import Evidence
from edge_assistant.core.signals import Signal
from edge_assistant.governance.policy.policy import Policy
from edge_assistant.session.assistant import Assistant
from edge_assistant_models.portfolio import Portfolio

REMARK = "The belt squeaked after the break, and the guard was missing on the left side."
QUESTION = "What was on the left side?"


class Reader:
    """An assistant that reads ahead until it is stopped or let go.

    Attributes:
        done: what it did, in order.
    """

    policy = Policy()

    def __init__(self, threads: int = 2) -> None:
        self.runtime = Runtime(threads)
        self.begun, self.let_go = threading.Event(), threading.Event()
        self.done: list[str] = []

    def perceive(self, signal: Signal, watch: Watch, language: str | None = None) -> tuple[Evidence, ...]:
        self.done.append(f"perceived {signal.id}")
        return ()

    def prefill(self, signals: Sequence[Signal], watch: Watch, language: str | None = None) -> None:
        self.done.append("reads " + " ".join(signal.id for signal in signals))
        self.begun.set()
        assert self.let_go.wait(PATIENCE)
        if self.stopped:
            raise Stopped("stopped", "ask again")

    stopped = False

    def stop(self) -> None:
        self.stopped = True
        self.let_go.set()


@pytest.fixture
def attached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Reader], Worker]:
    """A worker over an assistant, with a text as its signal."""

    def made(reader: Reader) -> Worker:
        work = Worker()
        monkeypatch.setattr(work, "assistant", lambda: reader)
        (tmp_path / "remark.txt").write_text(REMARK)
        work.attach(tmp_path / "remark.txt")
        return work

    return made


def test_signals_are_read_once_they_are_perceived_and_all_again_once_something_happened(attached, tmp_path) -> None:
    reader = Reader()
    reader.let_go.set()
    work = attached(reader)
    for _ in range(3):
        work.typing()  # the first time before the file is even taken
        work.wait(3)
    assert reader.done == ["perceived text:1", "reads text:1"]
    (tmp_path / "other.txt").write_text("Another remark.")
    work.attach(tmp_path / "other.txt")
    work.wait()
    work.typing()
    work.wait()
    work.begin()
    work.attach(tmp_path / "remark.txt")
    work.wait()
    work.typing()
    work.wait()
    work.remove("text:1")
    work.wait()
    work.typing()  # there is nothing left
    work.wait()
    assert [what for what in reader.done if "reads" in what] == ["reads text:1", "reads text:1 text:2", "reads text:1"]
    work.close()


def test_a_question_does_not_wait_for_what_is_read(attached, monkeypatch) -> None:
    reader = Reader()
    work = attached(reader)
    answered: list[bool] = []

    def answer(*given: object) -> None:
        answered.append(reader.stopped)
        raise Stopped("stopped", "ask again")

    monkeypatch.setattr(work, "_answered", answer)
    work.wait()
    work.typing()
    assert reader.begun.wait(PATIENCE)
    work.typing()  # a key that is pressed meanwhile
    work.ask(1, QUESTION)
    work.wait()
    assert answered == [True]
    assert reader.done == ["perceived text:1", "reads text:1"], "what was typed for that question is not read any more"
    work.close()


def test_what_waits_to_be_read_is_not_begun_once_a_question_is_there(attached, monkeypatch) -> None:
    reader = Reader()
    work = attached(reader)
    work.wait()
    held = threading.Event()
    work._jobs.put(lambda: held.wait(PATIENCE))
    work.typing()
    monkeypatch.setattr(work, "_answered", lambda *given: reader.done.append("answers"))
    monkeypatch.setattr(work._keeping, "write", lambda job: None)
    reader.settle = lambda: None
    work.ask(1, QUESTION)
    held.set()
    work.wait()
    assert reader.done == ["perceived text:1", "answers"]
    work.close()


def test_on_one_core_nothing_is_read_while_somebody_types(attached) -> None:
    reader = Reader(threads=1)
    work = attached(reader)
    work.wait()
    work.typing()
    work.wait()
    assert reader.done == ["perceived text:1"]
    work.close()


def test_without_signals_no_assistant_is_opened_for_it(work: Worker, monkeypatch) -> None:
    monkeypatch.setattr(work, "assistant", lambda: pytest.fail("it is opened"))
    work.wait()
    work.typing()
    work.wait()


def test_an_end_does_not_wait_for_it(attached) -> None:
    reader = Reader()
    work = attached(reader)
    work.wait()
    work.typing()
    assert reader.begun.wait(PATIENCE)
    work.close()
    assert reader.stopped
    assert not work._thread.is_alive()


def test_a_stop_that_comes_before_it_could_be_heard_stops_it(work, store, home, monkeypatch, tmp_path) -> None:
    """As a computation forgets a wish to stop when it begins, the next event looks whether it is still wanted."""
    engine = scripted()
    facade = Assistant(Portfolio(store, home / "catalog"), "test", runtime=Runtime(2), engine=lambda *given: engine)
    monkeypatch.setattr(work, "assistant", lambda: facade)
    (tmp_path / "remark.txt").write_text(REMARK)
    work.attach(tmp_path / "remark.txt")
    work.wait()
    clear = facade.runtime.halt.clear

    def late() -> None:
        work._foresight.stop()
        clear()

    monkeypatch.setattr(type(facade.runtime.halt), "clear", lambda halt: late())
    work.typing()
    work.wait()
    assert engine.prefilled == []


def test_the_real_model_has_read_the_signal_when_the_question_comes(
    work: Worker, store: Path, home: Path, real: None, short: None, monkeypatch, tmp_path: Path
) -> None:
    """How it is answered is left to be read, and no source; without it, all is."""
    facade = Assistant(Portfolio(store, home / "catalog"), "test", runtime=Runtime(2))
    monkeypatch.setattr(work, "assistant", lambda: facade)
    (tmp_path / "remark.txt").write_text(REMARK)
    work.attach(tmp_path / "remark.txt")
    work.wait()
    work.typing()
    work.wait()
    work.ask(1, QUESTION)
    work.wait()
    (answer,) = [event.answer for event in work.of(Answered)]
    assert answer.timings.prompt_tokens > 100
    assert answer.timings.reused_tokens > answer.timings.prompt_tokens / 3


async def test_keys_of_a_question_are_told_and_those_of_a_path_are_not(stage: Stage) -> None:
    await stage.type("Wh")
    assert len(stage.work.calls("typing")) == 2
    await stage.press("backspace", "backspace")
    await stage.type("/tmp")
    assert len(stage.work.calls("typing")) == 3
