"""The worker and the audit trail: every turn is in it under its conversation, and without it there is no answer."""

from __future__ import annotations

from pathlib import Path

from helpers.work import Worker

from edge_assistant.core.signals import Kind, Origin
from edge_assistant.governance.audit.rows import Row
from edge_assistant.governance.audit.queries import Wanted, rows
from edge_assistant.governance.audit.trail import Trail
from edge_assistant_tui import messages
from edge_assistant_tui.work import Work


def noted(work: Work, *texts: str) -> None:
    for text in texts:
        work.add(text.encode(), Kind.TEXT, Origin.USER, "note")
    work.wait()


def found(kind: str | None = None) -> list[Row]:
    trail = Trail()
    try:
        return rows(trail, Wanted(kind=kind))
    finally:
        trail.close()


def test_turns_stand_in_the_trail_under_their_conversation(
    work: Worker,
) -> None:
    noted(work, "Allergies: none\n", "Allergies: penicillin\n")
    first = work.current
    assert [row.conversation for row in found("signal")] == [first, first]
    work.check(1)
    work.wait()
    work.begin()
    noted(work, "Allergies: none\n", "Allergies: pollen\n")
    work.check(2)
    work.wait()
    second = work.current
    work.close()
    assert [row.conversation for row in found("answer")] == [first, second]
    assert [row.conversation for row in found("signal")] == [first, first, second, second]
    assert first != second


def test_a_turn_that_cannot_be_written_down_fails_and_the_app_goes_on(home: Path) -> None:
    (home / "audit").write_text("a file where the folder should be")
    work = Worker()
    noted(work, "Allergies: none\n", "Allergies: penicillin\n")
    work.check(1)
    work.wait()
    failed = work.of(messages.TurnFailed)
    assert [message.turn for message in failed] == [1]
    assert failed[0].message.startswith("the audit trail cannot be written")
    assert not work.of(messages.TurnSaid)
    (home / "audit").unlink()
    work.check(2)
    work.wait()
    work.close()
    ended = [message.turn for message in work.of(messages.TurnEnded)]
    assert ended == [2]
    assert len(found("answer")) == 1
    assert len(found("signal")) == 2  # what could not be written before
