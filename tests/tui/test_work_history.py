"""The worker and the history: what is offered and let go, what is too old, and signals that outlast a switch."""

from __future__ import annotations

import threading

from app_fakes import FORM, conflict
from textual.message import Message

from edge_assistant.history.store import History
from edge_assistant.signals import Kind, Origin
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_tui import messages
from edge_assistant_tui.options import Options
from edge_assistant_tui.work import Work

PATIENCE = 60.0


class Told(list[Message]):
    """What the worker posts."""

    def of(self, kind: type[Message]) -> list[Message]:
        return [message for message in self if isinstance(message, kind)]


def killed() -> str:
    """A conversation whose app was killed."""
    history = History()
    id = history.begin()
    history.add_signal(id, FORM, b"bytes")
    history.add_turn(id, conflict())
    history.quit()
    return id


def started() -> tuple[Work, Told]:
    told = Told()
    work = Work(told.append, Options(profile="test"))
    work.start()
    return work, told


def wait(work: Work) -> None:
    """Until what was asked of it so far is done, and what that asked for."""
    for _ in range(2):
        done = threading.Event()
        work._jobs.put(done.set, late=True)
        assert done.wait(PATIENCE)


def test_what_was_not_ended_is_offered_until_it_is_let_go() -> None:
    id = killed()
    work, told = started()
    wait(work)
    (offer,) = told.of(messages.Unfinished)
    assert isinstance(offer, messages.Unfinished)
    assert offer.saved.id == id
    work.discard(offer.saved)
    work.look()
    wait(work)
    work.close()
    assert len(told.of(messages.Unfinished)) == 1
    assert [summary.id for summary in History().conversations()] == [id]


def test_what_is_too_old_is_deleted_and_what_is_open_is_not() -> None:
    id = killed()
    history = History()
    history.close(id)
    history.quit()
    work, _ = started()
    work.add(b"The dose is 5 mg.", Kind.TEXT, Origin.USER, "note")
    wait(work)
    work.expire(1)
    wait(work)
    assert len(work.history.conversations()) == 2
    work.expire(-1)  # as if a day had gone by
    wait(work)
    assert [summary.id for summary in work.history.conversations()] == [work.current]
    work.close()


def test_signals_outlast_a_switch_and_are_perceived_anew() -> None:
    work, told = started()
    work.add(b"The dose is 5 mg.", Kind.TEXT, Origin.USER, "note")
    wait(work)
    assert len(told.of(messages.Sensed)) == 1
    work.switch(Options(profile="test", language="en"), {})
    wait(work)
    assert len(told.of(messages.Sensed)) == 2
    work.remove("text:1")
    wait(work)
    work.close()
    assert len(told.of(messages.Removed)) == 1
    assert not told.of(messages.Faulted)


def test_a_model_that_can_be_done_without_is_not_missing() -> None:
    work, told = started()
    wait(work)
    work.close()
    (ready,) = told.of(messages.Ready)
    assert isinstance(ready, messages.Ready)
    assert "smollm2-135m-instruct-q4_1" in ready.missing
    optional = Portfolio().profile("test").optional
    assert "detector" in optional
    assert not {Portfolio().resolve("test")[role] for role in optional} & set(ready.missing)
