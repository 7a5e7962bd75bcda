"""The history: what is kept, found, offered and deleted."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from helpers import planted
from helpers.conversations import answer

from edge_assistant.core.errors import StorageFull, UsageError
from edge_assistant.core.signals import Kind, Origin, Signal, take_bytes, take_file
from edge_assistant.history import rows
from edge_assistant.history.store import LAYOUT, History, SavedState, Unsent


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "history.db"


@pytest.fixture
def history(file: Path) -> Iterator[History]:
    history = History(file)
    yield history
    history.quit()


@pytest.fixture
def other(file: Path) -> Iterator[History]:
    """The history of another app that runs at the same time."""
    other = History(file)
    yield other
    other.quit()


def snapshot(number: int = 1, data: bytes = b"\x89PNG picture") -> Signal:
    return take_bytes(data, Kind.IMAGE, number, origin=Origin.CAMERA, name=f"snapshot {number}")


def note(folder: Path, text: str = "Allergic to penicillin.", number: int = 1) -> Signal:
    (folder / f"note{number}.txt").write_text(text)
    return take_file(folder / f"note{number}.txt", Kind.TEXT, number)


def test_a_conversation_comes_back_as_it_was(history: History, file: Path, tmp_path: Path) -> None:
    kept = history.begin()
    shot, text = snapshot(), note(tmp_path)
    history.add_signal(kept, shot, shot.data)
    history.add_signal(kept, text)
    first = take_bytes(b"time,value\n", Kind.READINGS, 1, origin=Origin.SENSOR, name="port")
    grown = take_bytes(b"time,value\n2026-01-01,1\n", Kind.READINGS, 1, origin=Origin.SENSOR, name="port")
    for signal in (first, grown):  # readings that grew are kept as they are now
        history.add_signal(kept, signal, signal.data)
    turns = [answer("What is she allergic to?", signals=(shot, text)), answer("And now?", "Nothing.", signals=(shot,))]
    for turn in turns:
        history.add_turn(kept, turn)
    history.quit()
    saved = History(file).open(kept)
    assert saved.title == "What is she allergic to?"
    assert [found.signal for found in saved.signals] == [shot, replace(text, path=tmp_path / "note1.txt"), grown]
    assert saved.present == (shot, text, grown)
    assert [turn.answer for turn in saved.turns] == [turn.to_json() for turn in turns]
    assert datetime.now(UTC) - saved.began < timedelta(minutes=5)
    assert saved.began <= saved.turns[0].asked <= saved.turns[1].asked


def test_nothing_is_kept_of_a_conversation_without_a_question(history: History) -> None:
    empty, attached = history.begin(), history.begin()
    history.close(empty)
    history.add_signal(attached, snapshot())
    assert [(found.title, found.turns) for found in history.conversations()] == [(rows.UNTITLED, 0)]
    assert history.vault.ids() == [attached]
    history.close(attached)
    assert history.conversations() == []
    assert history.vault.ids() == []


@pytest.mark.parametrize("unsent", [Unsent(inputs=("What dose?",)), Unsent(waiting=("What dose?",))])
def test_a_question_without_an_answer_keeps_and_names_the_conversation(history: History, unsent: Unsent) -> None:
    failed, typed = history.begin(), history.begin()
    shot = snapshot()
    history.add_signal(failed, shot, shot.data)
    history.keep_unsent(failed, unsent)
    history.keep_unsent(typed, Unsent(draft="What"))
    history.close(failed)
    history.close(typed)
    assert [(found.id, found.title, found.turns) for found in history.conversations()] == [(failed, "What dose?", 0)]
    saved = history.open(failed)
    assert (saved.present, saved.unsent) == ((shot,), unsent)


def test_the_last_conversation_is_the_first_of_the_list_under_a_short_title(home: Path) -> None:
    history = History()
    assert not (home / "history").exists()  # it is opened when it is needed
    first, second, compared = (history.begin() for _ in range(3))
    history.add_turn(first, answer("why\nand  " + "how " * 100))
    history.add_turn(second, answer("two"))
    history.add_turn(compared, answer(""))
    history.add_turn(first, answer("three"))
    found = history.conversations()
    assert [(one.id, one.turns) for one in found] == [(first, 2), (compared, 1), (second, 1)]
    assert found[0].title.startswith("why and how how")
    assert (len(found[0].title) <= 80, found[1].title) == (True, rows.COMPARED)
    for id in ("", "0123456789abcdef", "../../etc/passwd", "x' OR 1=1", "0123456789ABCDEF"):
        with pytest.raises(UsageError, match="no such conversation"):
            history.open(id)
    history.quit()
    folder = home / "history"
    assert sorted(file.name for file in folder.iterdir()) == ["history.db", "history.lock", "open", "open.lock"]
    assert {path.stat().st_mode & 0o077 for path in (folder, folder / "history.db")} == {0}


def test_another_name_is_sealed_and_found_and_is_no_change(history: History, file: Path) -> None:
    ids = [history.begin() for _ in range(2)]
    for id in ids:
        history.add_turn(id, answer("one"))
        history.close(id)
    before = history.conversations()
    history.rename(ids[0], f"The  {planted.ANSWER} case")
    history.add_turn(ids[0], answer("two"))  # which does not take its name again
    history.close(ids[0])
    (found,) = history.conversations(planted.ANSWER)
    assert (found.id, found.title, found.turns) == (ids[0], f"The {planted.ANSWER} case", 2)
    assert history.open(ids[0]).title == found.title
    history.rename(ids[1], "Other")
    assert [summary.id for summary in history.conversations()] == ids
    assert history.conversations()[1].touched == before[0].touched
    assert planted.found([file.parent]) == []
    for id, title in ((ids[0], " "), ("0" * 16, "none")):
        with pytest.raises(UsageError):
            history.rename(id, title)


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", ["allergy", "amount", "ÄPFEL"]),
        ("PENICILLIN", ["allergy"]),
        ("penicillin allergy", ["allergy"]),
        ("penicillin amount", []),
        ("äpfel", ["ÄPFEL"]),
        ("äPFEL 100%", ["ÄPFEL"]),
        ("receipt.jpg", ["amount"]),
        ("ceip", ["amount"]),
        ("%", ["ÄPFEL"]),
        ("_", []),
        ("'; DROP TABLE turns", []),
        ('"', []),
    ],
)
def test_search(history: History, search: str, found: list[str]) -> None:
    said = {"ÄPFEL": "There are 100% apples.", "amount": "It is 12.40 EUR.", "allergy": "She tells of Penicillin."}
    for question, text in said.items():
        kept = history.begin()
        if question == "amount":
            history.add_signal(kept, replace(snapshot(), name="Receipt.jpg"))
        history.add_turn(kept, answer(question, text))
    assert [summary.title for summary in history.conversations(search)] == found


def test_a_removed_signal_stays_where_an_answer_rests_on_it(history: History, tmp_path: Path) -> None:
    kept = history.begin()
    used, unused, again = snapshot(1), snapshot(2, b"unseen"), snapshot(3, b"undone")
    for signal in (used, unused, again):
        history.add_signal(kept, signal, signal.data)
    history.add_turn(kept, answer(signals=(used,)))
    for signal in (used, unused, again):
        history.remove_signal(kept, signal.id)
    history.add_signal(kept, again, again.data)
    saved = history.open(kept)
    assert [(found.signal, found.removed) for found in saved.signals] == [(used, True), (again, False)]
    assert saved.present == (again,)
    history.close(kept)
    assert b"unseen" not in b"".join(file.read_bytes() for file in tmp_path.rglob("history.db*"))


def test_a_file_that_changed_or_is_gone_is_said(history: History, tmp_path: Path) -> None:
    kept = history.begin()
    texts = [note(tmp_path, number=number) for number in (1, 2, 3, 4)]
    for text in texts:
        history.add_signal(kept, text)
    early = note(tmp_path, number=5)
    for changed in (early, texts[1]):
        changed.path.write_text("Allergic to nothing whatever")
    history.add_signal(kept, early)  # it changed before it was kept
    (tmp_path / "note3.txt").unlink()
    (tmp_path / "note4.txt").write_bytes((tmp_path / "note1.txt").read_bytes())  # the same, written anew
    saved = history.open(kept)
    states = [SavedState.READY, SavedState.CHANGED, SavedState.GONE, SavedState.READY, SavedState.CHANGED]
    assert [found.state for found in saved.signals] == states
    assert saved.present == (texts[0], texts[3])


def test_what_nobody_closed_is_offered_once(history: History, file: Path) -> None:
    kept = history.begin()
    history.add_turn(kept, answer("one"))
    assert history.unfinished() is None  # it is this app's own
    history.quit()
    next_app, third_app = History(file), History(file)
    saved = next_app.unfinished()
    assert saved is not None
    assert saved.id == kept
    assert third_app.unfinished() is None
    next_app.add_turn(kept, answer("two"))
    next_app.close(kept)
    assert third_app.unfinished() is None
    assert [found.turns for found in third_app.conversations()] == [2]
    next_app.quit()
    third_app.quit()


def test_a_conversation_is_written_by_one_app_only(history: History, other: History) -> None:
    kept = history.begin()
    history.add_turn(kept, answer())
    assert other.unfinished() is None
    assert len(other.open(kept).turns) == 1
    for write in (
        lambda: other.add_turn(kept, answer()),
        lambda: other.close(kept),
        lambda: other.rename(kept, "mine"),
    ):
        with pytest.raises(UsageError, match="open in another app"):
            write()
    assert other.open_elsewhere() == [kept]
    assert history.open_elsewhere() == []
    history.close(kept)
    assert other.open_elsewhere() == []
    other.rename(kept, "mine")
    history.rename(kept, "mine again")  # as the other holds it no longer
    assert [summary.title for summary in other.conversations()] == ["mine again"]
    other.add_turn(kept, answer("taken up again"))
    with pytest.raises(UsageError, match="open in another app"):
        history.add_turn(kept, answer())


def test_erased_conversations_leave_nothing(history: History, file: Path) -> None:
    kept, gone = history.begin(), history.begin()
    for conversation, content in ((kept, b"stays" * 9), (gone, b"planted" * 5000)):
        history.add_signal(conversation, snapshot(data=content), content)
        history.add_turn(conversation, answer(f"about {content[:7].decode()}"))
    with closing(sqlite3.connect(file)) as connection:
        sealed = [row[0] for row in connection.execute("SELECT data FROM signals ORDER BY length(data)")]
    assert len(sealed[1]) > 35_000
    history.erase([gone])
    raw = b"".join(found.read_bytes() for found in file.parent.rglob("*") if found.is_file())
    assert sealed[0] in raw
    assert not any(sealed[1][at : at + 64] in raw for at in range(0, len(sealed[1]), 64))
    assert len(raw) < 200_000
    assert [found.id for found in history.conversations()] == history.vault.ids() == [kept]
    assert [lock.stem for lock in (file.parent / "open").iterdir()] == [kept]
    with pytest.raises(UsageError, match="no such conversation"):
        history.open(gone)
    with closing(sqlite3.connect(file)) as connection:
        for table in ("turns", "words"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (1,), table


def test_any_thread_may_write_and_look(history: History) -> None:
    kept = history.begin()
    threads = [
        threading.Thread(target=lambda n=number: [history.add_turn(kept, answer(f"{n} {i}")) for i in range(5)])
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        history.conversations("1")
    assert len({turn.answer["question"] for turn in history.open(kept).turns}) == 20


@pytest.mark.parametrize(
    ("pragma", "said"),
    [
        (f"application_id = {LAYOUT.application}; PRAGMA user_version = 99", "has version 99 of the history"),
        ("application_id = 7", "is not the history of Edge Assistant"),
        ("user_version = 3", "is not the history of Edge Assistant"),
    ],
)
def test_a_file_of_another_version_or_program_is_left_alone(
    history: History, file: Path, pragma: str, said: str
) -> None:
    file.parent.mkdir()
    with sqlite3.connect(file) as connection:
        connection.executescript(f"CREATE TABLE theirs (x); PRAGMA {pragma}")
    connection.close()
    before = file.read_bytes()
    with pytest.raises(StorageFull, match=said):
        history.add_turn(history.begin(), answer())
    with pytest.raises(StorageFull, match=said):
        history.unfinished()
    assert file.read_bytes() == before
    assert history.note == ""


def test_what_was_typed_comes_back_until_its_conversation_is_forgotten(history: History) -> None:
    id = history.begin()
    history.keep_unsent(id, Unsent("a draft", ("one?", "two?"), ("one?", "two?")))
    history.add_turn(id, answer("one?"))
    saved = history.open(id)
    assert saved.unsent == Unsent("a draft", ("one?", "two?"), ("one?", "two?"))
    assert saved.unanswered == ("two?",)
    history.keep_unsent(id, Unsent("another"))
    assert history.open(id).unsent == Unsent("another")
    assert history.open(id).unanswered == ()
    history.close(id)
    assert history.open(id).unsent.draft == "another"
    history.erase([id])
    left = history._database.read(lambda connection: connection.execute("SELECT * FROM unsent").fetchall())
    assert left == []
    nothing_asked = history.begin()
    history.keep_unsent(nothing_asked, Unsent("a draft"))
    assert history.ids() == [nothing_asked]
    history.close(nothing_asked)
    assert (history.ids(), history.vault.ids()) == ([], [])
