"""What is written to the history of a visitor's and of the operator's conversation."""

from __future__ import annotations

import threading

import pytest
from helpers.app import KIOSK, PATIENCE
from helpers.work import Worker

from edge_assistant.core.signals import Kind, Origin
from edge_assistant.governance.policy.policy import current
from edge_assistant.history.store import History, Unsent
from edge_assistant_tui import messages


def test_a_visitors_conversation_is_in_no_file_and_the_operators_is(hold) -> None:
    hold(KIOSK)

    def state() -> None:
        work.note(Unsent("my allergies", ("my allergies",), ()))
        work.add(b"The dose is 5 mg.", Kind.TEXT, Origin.USER, "note")
        work.wait()

    work = Worker()
    work.note(Unsent())
    current().admit()
    state()
    (before,) = History().ids()
    current().lock()
    work.begin()
    work.wait()
    state()
    work.begin()
    current().admit()
    work.wait()
    assert History().ids() == [before], "nothing of the visitor"
    state()
    operators, _ = History().ids()
    current().lock()
    work.note(Unsent("and mine", (), ()))
    current().admit()
    work.add(b"Penicillin.", Kind.TEXT, Origin.USER, "other")
    work.wait()
    kept = History().open(operators)
    assert [one.signal.name for one in kept.signals] == ["note"], "a visitor took part since"
    work.close()
    assert len(work.of(messages.ConversationClosed)) == 2


@pytest.mark.parametrize("way", ["types", "adds", "says"])
def test_what_a_visitor_gives_before_the_last_session_is_closed_is_not_kept(hold, way: str) -> None:
    hold(KIOSK)
    work, closing = Worker(), threading.Event()
    work.wait()
    work._jobs.put(lambda: closing.wait(PATIENCE))
    work.begin()
    if way == "types":
        work.note(Unsent("my allergies", (), ()))
    elif way == "adds":
        work.add(b"Penicillin.", Kind.TEXT, Origin.USER, "note")
    else:
        work.ask(1, "I counted two people. How many are there?")
    current().admit()
    closing.set()
    work.wait()
    work._keeping._notes.submit(lambda: None).result(PATIENCE)
    assert History().ids() == []
    work.close()
