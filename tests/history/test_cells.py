"""What lies in the history's file: nothing that can be read or moved without its key; an older file is sealed."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import killed, planted, smalldisk, unsealed
from helpers.conversations import answer
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.core.errors import KeyGone, KeyLost, StorageFull
from edge_assistant.history import rows, store
from edge_assistant.history.cells import CELLS, SealedCells
from edge_assistant.history.rows import KEYLESS, UNREADABLE
from edge_assistant.history.store import LAYOUT, History, Unsent
from edge_assistant.storage.schema import foreign
from edge_assistant.vault.master import FILE
from edge_assistant.vault.vault import Key, Vault

OLD = "0011223344556677"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "history" / "history.db"


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "keys")


@pytest.fixture
def history(file: Path, vault: Vault) -> Iterator[History]:
    history = History(file, vault)
    yield history
    history.quit()


def opened(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(file, isolation_level=None)


def test_nothing_of_it_can_be_read_in_the_files(history: History, tmp_path: Path) -> None:
    id = planted.plant(history)
    assert planted.found([tmp_path]) == []
    history.quit()
    assert planted.found([tmp_path]) == []
    saved = History(history._database.file, Vault(tmp_path / "keys")).open(id)
    assert saved.signals[2].signal.data == planted.signals()[2].data
    assert [turn.answer for turn in saved.turns] == [planted.planted_answer(number).to_json() for number in range(2)]


def test_the_search_for_planted_words_finds_them_in_every_form(tmp_path: Path) -> None:
    import base64
    import zlib

    word = f"it is {planted.ANSWER} there"
    forms = (word.encode("utf-16"), word.upper().encode(), b"x" + zlib.compress(word.encode()), word.encode().hex())
    for number, form in enumerate((*forms, base64.b64encode(word.encode()))):
        (tmp_path / str(number)).write_bytes(form.encode() if isinstance(form, str) else form)
    assert planted.found([tmp_path]) == [(str(number), planted.ANSWER) for number in range(5)]


PLACES = [
    (table, row, column)
    for table, (_, _, columns) in CELLS.items()
    for column in columns
    for row in ({"signals": ("image:1", "audio:1"), "conversations": (OLD,), "unsent": (OLD,)}.get(table, (1, 2)))
]


@given(st.sampled_from(PLACES), st.sampled_from(PLACES), st.booleans())
def test_what_is_moved_to_another_place_is_refused(
    place: tuple[str, str | int, str], other: tuple[str, str | int, str], same: bool
) -> None:
    key = Key(bytes(range(64)))
    sealed = SealedCells(OLD, key).seal(b"penicillin", *place)
    where = SealedCells(OLD if same else OLD[::-1], key)
    assert where.open(sealed, *other) == (b"penicillin" if same and place == other else None)
    assert SealedCells(OLD, Key(bytes(64))).open(sealed, *place) is None


@pytest.mark.parametrize("table", CELLS)
def test_rows_that_are_exchanged_are_not_read(history: History, file: Path, table: str) -> None:
    of, row, columns = CELLS[table]
    first, second = (planted.plant(history, turns) for turns in (1, 1))
    history._database.close()
    with closing(opened(file)) as connection:
        for column in columns:
            query = f"SELECT {of}, {row}, {column} FROM {table} WHERE {of} = ? LIMIT 1"
            one, two = (connection.execute(query, [id]).fetchone() for id in (first, second))
            update = f"UPDATE {table} SET {column} = ? WHERE {of} = ? AND {row} = ?"
            connection.execute(update, [one[2], *two[:2]])
            connection.execute(update, [two[2], *one[:2]])
    saved = history.open(first)
    assert saved.unsent == (Unsent() if table == "unsent" else planted.unsent())
    titles = {summary.title for summary in history.conversations()}
    assert (titles == {UNREADABLE}) == (table == "conversations")
    assert saved.lost == {"turns": 1, "signals": 1}.get(table, 0)
    assert len(history.conversations(planted.ANSWER)) == (0 if table == "words" else 2)


def test_a_conversation_whose_key_is_gone_is_said_and_the_others_stay(history: History, vault: Vault) -> None:
    gone, kept = planted.plant(history), planted.plant(history)
    vault.destroy([gone])
    assert [summary.title == KEYLESS for summary in history.conversations()] == [False, True]
    assert [summary.id for summary in history.conversations(planted.ANSWER)] == [kept]
    with pytest.raises(KeyGone):
        history.open(gone)
    assert len(history.open(kept).turns) == 2
    left_open = history.begin()
    history.add_turn(left_open, answer())
    history.quit()
    vault.destroy([left_open])
    again = History(history._database.file, vault)
    assert again.unfinished() is None, "what lost its key is not offered"
    again.quit()


def test_without_the_master_key_it_is_said_and_nothing_is_written(history: History, file: Path, tmp_path: Path) -> None:
    planted.plant(history)
    history.quit()
    (tmp_path / "keys" / FILE).unlink()
    again = History(file, Vault(tmp_path / "keys"))
    for call in (again.conversations, lambda: again.add_turn(again.begin(), answer())):
        with pytest.raises(KeyLost) as caught:
            call()
        assert caught.value.exit_status == 6
        assert "forget --all" in caught.value.hint
    assert not (tmp_path / "keys" / FILE).exists()
    assert len(again.ids()) == 1
    again.quit()


def test_a_signal_that_is_too_large_is_said(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_assistant.history.store.MAX_KEPT", 100)
    sound = planted.signals()[2]
    with pytest.raises(StorageFull, match="audio:1 is too large for the history"):
        history.add_signal(history.begin(), sound, sound.data)


# a file from before


def old(file: Path, conversations: int = 3) -> list[str]:
    """A history of schema 1 as an app that has ended leaves it."""
    ids = [f"{number:016x}" for number in range(conversations)]
    answers = [planted.planted_answer(number) for number in range(3)]
    unsealed.write(file, dict.fromkeys(ids, (planted.signals(), answers))).close()
    assert {word for _, word in planted.found([file.parent])} == set(planted.WORDS)
    return ids


def upgraded(file: Path, vault: Vault, ids: list[str]) -> None:
    """What is true of a file once it was opened, whatever happened before."""
    history = History(file, vault)
    assert {summary.id for summary in history.conversations(planted.ANSWER)} == set(ids)
    for id in ids:
        saved = history.open(id)
        assert [turn.answer for turn in saved.turns] == [planted.planted_answer(n).to_json() for n in range(3)]
        assert [kept.signal.data for kept in saved.signals] == [signal.data for signal in planted.signals()]
        assert saved.lost == 0
    assert planted.found([file.parent]) == []
    history.quit()
    with closing(opened(file)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (LAYOUT.schema,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize("closed", [True, False])
def test_an_older_file_is_sealed_when_it_is_opened(file: Path, vault: Vault, closed: bool) -> None:
    """Also one that was not closed, as an app that was killed leaves it: all is still in the log of writes."""
    if closed:
        upgraded(file, vault, old(file))
        return
    database = unsealed.write(file, {OLD: (planted.signals(), [planted.planted_answer(n) for n in range(3)])})
    copy = file.parent.with_name("copy") / file.name
    shutil.copytree(file.parent, copy.parent)
    database.close()
    assert copy.with_name("history.db-wal").stat().st_size > 0
    upgraded(copy, vault, [OLD])


def test_a_file_of_schema_2_goes_on_with_what_it_holds(
    file: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its tables were the same but for the last."""
    with monkeypatch.context() as patched:
        patched.setattr(store, "LAYOUT", replace(LAYOUT, schema=2, tables=LAYOUT.former[2]))
        patched.setattr(rows, "_unsent", lambda *_: Unsent())
        before = History(file, vault)
        id = before.begin()
        before.add_turn(id, planted.planted_answer())
        before.quit()
    history = History(file, vault)
    assert history.open(id).turns[0].answer == planted.planted_answer().to_json()
    assert history.open(id).unsent == Unsent()
    history.keep_unsent(id, planted.unsent())
    assert history.open(id).unsent == planted.unsent()
    history.quit()
    with closing(opened(file)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (LAYOUT.schema,)
        assert not foreign(connection, LAYOUT)


def test_an_older_app_that_has_it_open_is_waited_for(file: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_assistant.storage.sqlite._WAIT_S", 0.1)
    running = unsealed.write(file, {OLD: ((), [planted.planted_answer(n) for n in range(3)])})
    history = History(file, vault)
    with pytest.raises(StorageFull, match="another program uses the history"):
        history.conversations()
    assert len(running.read(lambda c: c.execute("SELECT body FROM turns").fetchall())) == 3
    running.close()
    assert len(history.open(OLD).turns) == 3
    history.quit()


def test_without_its_key_an_older_file_stays_as_it_is(file: Path, vault: Vault, tmp_path: Path) -> None:
    vault.key(OLD)
    vault.close()
    (tmp_path / "keys" / FILE).write_bytes(b"short")
    ids = old(file)
    before = file.read_bytes()
    with pytest.raises(KeyLost):
        History(file, vault).conversations()
    with closing(opened(file)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    assert len(before) == file.stat().st_size
    vault.reset()
    upgraded(file, vault, ids)


def interrupted(file: Path, vault: Vault, step: int) -> int:
    """Kill the upgrade at every so many lines; each time whoever opens it next finds it whole. How many times."""
    ids = old(file, conversations=1)
    vault.key(ids[0])  # so that each time runs through the same lines
    vault.close()
    whole = file.parent.with_name("whole")
    shutil.copytree(file.parent, whole)

    def upgrade() -> None:
        history = History(file, vault)
        history.conversations()

    total = killed.lines(upgrade)
    vault.close()
    for line in range(1, total, step):
        shutil.rmtree(file.parent)
        shutil.copytree(whole, file.parent)
        assert killed.at_line(upgrade, line)
        upgraded(file, vault, ids)
    return len(range(1, total, step))


def test_killed_in_the_middle_of_sealing(file: Path, vault: Vault) -> None:
    assert interrupted(file, vault, 151) > 2


@pytest.mark.bench
def test_killed_at_every_line_of_sealing(file: Path, vault: Vault) -> None:
    assert interrupted(file, vault, 1) > 300


def test_a_disk_that_is_full_while_it_is_sealed(tmp_path: Path, vault: Vault) -> None:
    with smalldisk.mounted(tmp_path / "disk") as disk:
        file = disk / "history" / "history.db"
        ids = old(file)
        filler = smalldisk.fill(disk)
        history = History(file, vault)
        with pytest.raises(StorageFull, match="the history cannot be written: the disk is full"):
            history.conversations()
        filler.unlink()
        upgraded(file, vault, ids)
        history.quit()
