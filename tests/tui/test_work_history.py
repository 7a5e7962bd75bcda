"""The worker, the history and the audit trail: what is offered and let go, what is too old, what a switch outlasts."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from helpers import planted
from helpers.app import FORM, KIOSK, conflict
from helpers.forgetting import cached
from helpers.work import Worker

from edge_assistant.core.errors import StorageFull
from edge_assistant.core.events import Answered, Perceived, Said
from edge_assistant.core.signals import Kind, Origin
from edge_assistant.governance import erasure, intents
from edge_assistant.governance.audit.queries import RowFilter, rows
from edge_assistant.governance.audit.rows import AuditRow
from edge_assistant.governance.audit.trail import Trail
from edge_assistant.history.store import History, Unsent
from edge_assistant.vault import caches
from edge_assistant.vault.master import FILE
from edge_assistant.vault.vault import Vault
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_tui import messages
from edge_assistant_tui.history_writer import Keeping
from edge_assistant_tui.options import Options
from edge_assistant_tui.work import Work


def killed() -> str:
    """A conversation whose app was killed."""
    history = History()
    id = history.begin()
    history.add_signal(id, FORM, b"bytes")
    history.add_turn(id, conflict())
    history.quit()
    return id


def test_what_was_not_ended_is_offered_until_it_is_let_go() -> None:
    id = killed()
    work = Worker()
    work.wait()
    (offer,) = work.of(messages.Unfinished)
    assert offer.saved.id == id
    missing, optional = set(work.of(messages.Ready)[0].missing), Portfolio().profile("test").optional
    assert "smollm2-135m-instruct-q4_1" in missing
    assert "detector" in optional
    assert not {Portfolio().resolve("test")[role] for role in optional} & missing
    work.discard(offer.saved)
    work.look()
    work.wait()
    work.close()
    assert len(work.of(messages.Unfinished)) == 1
    assert [summary.id for summary in History().conversations()] == [id]


def test_what_is_too_old_is_deleted_and_what_is_open_is_not() -> None:
    id = killed()
    history = History()
    history.close(id)
    history.quit()
    work = Worker()
    work.add(b"The dose is 5 mg.", Kind.TEXT, Origin.USER, "note")
    work.wait()
    work.expire(1)
    work.wait()
    assert len(work.history.conversations()) == 2
    work.expire(-1)  # as if a day had gone by
    work.wait()
    assert [summary.id for summary in work.history.conversations()] == [work.current]
    work.close()


def test_signals_outlast_a_switch_and_are_perceived_anew(work) -> None:
    work.add(b"The dose is 5 mg.", Kind.TEXT, Origin.USER, "note")
    work.wait()
    assert len(work.of(Perceived)) == 1
    work.switch(Options(profile="test", language="en"), {})
    work.wait()
    assert len(work.of(Perceived)) == 2
    work.remove("text:1")
    work.wait()
    work.close()
    assert len(work.of(messages.Removed)) == 1
    assert not work.faults


def test_without_its_key_the_history_is_off_and_the_conversation_goes_on(home: Path) -> None:
    killed()
    (home / "keys" / FILE).write_bytes(b"short")
    work = Worker()
    work.add(b"The dose is 5 mg.", Kind.TEXT, Origin.USER, "note")
    work.wait()
    work.close()
    kept = work.of(messages.Notice)
    assert len(kept) == 1  # at the offer; the same at the signal is not said again
    assert all("forget --all" in message.hint for message in kept)
    assert len(work.of(messages.Taken)) == 1
    assert not work.faults


def test_what_a_crash_interrupted_is_forgotten_when_the_app_starts(home: Path) -> None:
    gone, kept = killed(), killed()
    intent = {"ids": [gone], "why": "asked", "all": False, "files": []}
    (home / "keys" / intents.FILE).write_text(json.dumps(intent))
    work = Worker()
    work.wait()
    work.close()
    (offer,) = work.of(messages.Unfinished)
    assert offer.saved.id == kept
    assert History().ids() == [kept]


def test_what_is_asked_in_the_app_is_in_no_file(work, home, store, monkeypatch) -> None:
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))
    work.add(f"Allergies: {planted.ANSWER}\n".encode(), Kind.TEXT, Origin.USER, f"{planted.PICTURE}.txt")
    work.ask(1, f"What is {planted.QUESTION} allergic to?")
    work.wait()
    (ended,) = work.of(Answered)
    assert planted.ANSWER in ended.answer.text
    assert planted.found([home]) == []  # while it is open
    work.close()
    (kept,) = History().conversations(planted.QUESTION)
    assert planted.found([home]) == []
    erasure.forget(History(), [kept.id])
    assert planted.found([home]) == []
    assert Vault().ids() == []


def test_what_is_gone_on_with_is_held_at_once() -> None:
    id = killed()
    history = History()
    history.close(id)
    work = Worker()
    work.resume(history.open(id))
    work.wait()
    assert history.open_elsewhere() == [id]
    work.begin()
    work.wait()
    assert history.open_elsewhere() == []
    work.close()
    history.quit()


@pytest.mark.parametrize(
    ("wanted", "policy"),
    [(False, ""), (True, "[retention]\ncache = false\n"), (True, "[retention]\nhistory = false\n"), (True, KIOSK)],
)
def test_where_caches_are_off_those_that_are_there_go(hold: Callable[[str], Path], wanted: bool, policy: str) -> None:
    cached()
    hold(policy)
    keeping = Keeping(pytest.fail)
    assert keeping.caches(wanted=wanted) is None
    assert (caches.kept_bytes(), Vault().caches()) == (0, [])
    keeping.quit()


class Remembering:
    """An assistant that counts how often it forgets."""

    forgotten = 0

    def forget(self) -> None:
        self.forgotten += 1


@pytest.mark.parametrize("policy", ["", KIOSK])
def test_memory_goes_with_a_visitor_also_where_the_disk_cannot_be_emptied(hold, monkeypatch, policy: str) -> None:
    cached()
    hold(policy)

    def full(vault: Vault | None = None) -> None:
        raise StorageFull("it cannot be removed", "look at the disk")

    monkeypatch.setattr(erasure, "forget_caches", full)
    remembering, told = Remembering(), list[object]()
    kept = Keeping(told.append, lambda: remembering)
    kept.finish()
    assert remembering.forgotten == len(told) == bool(policy)
    if not policy:
        assert kept.caches(wanted=True) is kept.history.vault
        assert caches.kept_bytes()
    kept.quit()


def test_memory_goes_with_what_is_too_old_and_where_a_forgetting_is_completed(home: Path) -> None:
    id, remembering = killed(), Remembering()
    kept = Keeping(lambda _: None, lambda: remembering)
    kept.expire(1)
    assert remembering.forgotten == 0
    kept.history.close(id)
    for times in (1, 2, 2):
        kept.expire(-1)  # as if a day had gone by
        assert remembering.forgotten == times
        if times == 1:
            cached()  # caches alone, too
    kept.offer()
    assert remembering.forgotten == 2
    (home / "keys" / intents.FILE).write_text(json.dumps(asdict(erasure.Intent([], "asked"))))
    kept.offer()
    assert (remembering.forgotten, erasure.pending()) == (3, False)
    kept.quit()


def test_who_comes_next_finds_nothing_in_memory(hold: Callable[[str], Path], tmp_path: Path) -> None:
    """Perceived, and never asked about: no question ended by which anything would have been kept."""
    hold(KIOSK)
    (tmp_path / "note.txt").write_text("The patient has diabetes.")
    work = Worker()
    work.attach(tmp_path / "note.txt")
    work.wait()
    recall = work.assistant().recall
    assert recall.bytes > 0
    work.begin()
    work.wait()
    assert recall.bytes == 0
    assert work.assistant().recall is recall, "its models stay loaded"
    work.attach(tmp_path / "note.txt")
    work.wait()
    assert recall.bytes > 0
    work.let_go()
    work.wait()
    assert recall.bytes == 0
    work.close()


def noted(work: Work, unsent: Unsent) -> None:
    """Have it kept, and wait until that is done."""
    work.note(unsent)
    work._keeping._notes.submit(lambda: None).result(60)


def test_what_is_typed_is_kept_for_the_restore_and_goes_where_nothing_is_asked(work) -> None:
    work.wait()
    noted(work, Unsent())
    assert work.current is None
    noted(work, Unsent("a draft", ("one?",), ("one?",)))
    assert (id := work.current) is not None
    assert History().open(id).unsent == Unsent("a draft", ("one?",), ("one?",))
    noted(work, Unsent())
    assert History().open(id).unsent == Unsent()
    work.note(Unsent("typed last"))
    work.close()
    assert History().ids() == []


def test_what_is_typed_while_it_computes_is_kept_and_the_last_conversation_is_offered_before() -> None:
    id = killed()
    work = Worker()
    held = threading.Event()
    work._jobs.put(lambda: held.wait(60))
    noted(work, Unsent("typed meanwhile"))
    (offer,) = work.of(messages.Unfinished)
    assert offer.saved.id == id
    assert work.current not in (None, id)
    assert History().open(work.current or "").unsent.draft == "typed meanwhile"
    held.set()
    work.close()


@pytest.mark.parametrize("times", [1, 2])
def test_what_is_left_unanswered_stays_and_what_is_typed_then_is_kept_beside_the_next(work, times: int) -> None:
    go = threading.Event()
    work._jobs.put(lambda: go.wait(60))  # an answer that does not stop at once
    work.note(Unsent("", ("one?",), ("one?",)))
    for _ in range(times):  # whoever is impatient presses the key again
        work.begin()
        work.note(Unsent("typed"))
    noted(work, Unsent("typed then"))
    go.set()
    work.wait()
    noted(work, Unsent("typed then"))
    left = [summary.title for summary in History().conversations()]
    assert left == ["(no question yet)", "one?"]
    assert History().open(work.current or "").unsent == Unsent("typed then")


def test_a_fault_of_the_app_leaves_what_is_typed_to_be_offered(work) -> None:
    work.wait()
    work.note(Unsent("a draft"))
    work.close(ended=False)
    saved = History().unfinished()
    assert saved is not None
    assert saved.unsent.draft == "a draft"


def test_where_the_policy_wants_no_history_nothing_that_is_typed_is_kept(hold, home) -> None:
    hold("[retention]\nhistory = false\n")
    work = Worker()
    work.wait()
    noted(work, Unsent("a draft"))
    work._keeping.write(lambda history, kept: history.add_signal(kept, FORM, b"x"))
    assert work.current is None
    work.close()
    assert not (home / "history" / "history.db").exists() or History().ids() == []


def test_that_it_is_not_written_is_said_once_until_it_works_again() -> None:
    posted: list[object] = []
    keeping = Keeping(posted.append)

    def refuse(what: str) -> Callable[[], None]:
        def refused() -> None:
            raise StorageFull(what, "make it writable")

        return refused

    for job in (refuse("a"), refuse("a"), refuse("b"), lambda: None, refuse("b"), refuse("b")):
        keeping.guarded(job)
    assert [message.message for message in posted if isinstance(message, messages.Notice)] == ["a", "b", "b"]


def stated(work: Work, *texts: str) -> None:
    for text in texts:
        work.add(text.encode(), Kind.TEXT, Origin.USER, "note")
    work.wait()


def found(kind: str | None = None) -> list[AuditRow]:
    trail = Trail()
    try:
        return rows(trail, RowFilter(kind=kind))
    finally:
        trail.close()


def test_turns_stand_in_the_trail_under_their_conversation(work) -> None:
    stated(work, "Allergies: none\n", "Allergies: penicillin\n")
    first = work.current
    assert [row.conversation for row in found("signal")] == [first, first]
    work.ask(1, None)
    work.wait()
    work.begin()
    stated(work, "Allergies: none\n", "Allergies: pollen\n")
    work.ask(2, None)
    work.wait()
    second = work.current
    work.close()
    assert [row.conversation for row in found("answer")] == [first, second]
    assert [row.conversation for row in found("signal")] == [first, first, second, second]
    assert first != second


def test_a_turn_that_cannot_be_written_down_fails_and_the_app_goes_on(home: Path) -> None:
    (home / "audit").write_text("a file where the folder should be")
    work = Worker()
    stated(work, "Allergies: none\n", "Allergies: penicillin\n")
    work.ask(1, None)
    work.wait()
    failed = work.of(messages.TurnFailed)
    assert [message.turn for message in failed] == [1]
    assert failed[0].message.startswith("the audit trail cannot be written")
    assert not work.of(Said)
    (home / "audit").unlink()
    work.ask(2, None)
    work.wait()
    work.close()
    assert work.ended() == [2]
    assert len(found("answer")) == 1
    assert len(found("signal")) == 2  # what could not be written before
