"""Files of the data folder that somebody replaced: by a pipe, by values of other types, by another version."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from helpers.conversations import answer

from edge_assistant.core.errors import KeyLost
from edge_assistant.governance import forgetting
from edge_assistant.governance.audit.trail import RESERVE, Trail
from edge_assistant.history.store import History
from edge_assistant.vault.vault import Vault

ID = "0" * 16


def changed(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize("name", ["master.key", "keyring"])
def test_a_pipe_in_the_place_of_the_master_key_keeps_nobody_waiting(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(KeyLost, match="cannot be read"):
        Vault(tmp_path).key(ID)


def test_a_pipe_in_the_place_of_what_is_being_forgotten_is_said(home: Path) -> None:
    (home / "keys").mkdir(parents=True)
    os.mkfifo(home / "keys" / forgetting.INTENT)
    assert forgetting.pending()
    with pytest.raises(OSError, match="the list of an erasure"):
        forgetting.complete()


def test_a_pipe_in_the_place_of_the_reserve_is_replaced(home: Path) -> None:
    (home / "audit").mkdir(parents=True)
    os.mkfifo(home / "audit" / RESERVE)
    trail = Trail()
    assert trail.append("said", {}) == 1
    trail.close()
    trail.vault.close()


@pytest.mark.parametrize("value", ["'text'", "10000000000000", "1.5"])
def test_a_key_of_another_type_is_lost_and_no_fault(tmp_path: Path, value: str) -> None:
    vault = Vault(tmp_path)
    vault.key(ID)
    vault.close()
    changed(tmp_path / "keys.db", f"UPDATE keys SET wrapped = {value}")
    assert vault.every() == {}
    with pytest.raises(KeyLost, match="damaged"):
        vault.key(ID)
    changed(tmp_path / "keys.db", f"UPDATE master SET proof = {value}")
    with pytest.raises(KeyLost, match="not the one"):
        Vault(tmp_path).key(ID)
    vault.close()


def test_times_that_are_none_are_shown_as_the_epoch(tmp_path: Path) -> None:
    history = History(tmp_path / "history.db", Vault(tmp_path / "keys"))
    for _ in range(3):
        history.add_turn(history.begin(), answer("one"))
    history.quit()
    for row, began in enumerate(("'noon'", "'0001-01-01T00:00:00+00:00'", "x'00'")):
        changed(
            tmp_path / "history.db",
            f"UPDATE conversations SET began = {began} WHERE id = (SELECT id FROM conversations LIMIT 1 OFFSET {row})",
        )
    changed(tmp_path / "history.db", "UPDATE turns SET asked = 7")
    found = history.conversations()
    assert [summary.began.year for summary in found] == [1970] * 3
    assert [history.open(summary.id).turns[0].asked.year for summary in found] == [1970] * 3
    history.quit()


def test_a_turn_that_somebody_deleted_stands_in_nobody_s_way(tmp_path: Path) -> None:
    history = History(tmp_path / "history.db", Vault(tmp_path / "keys"))
    kept = history.begin()
    for question in ("one", "two", "three"):
        history.add_turn(kept, answer(question))
    changed(tmp_path / "history.db", "DELETE FROM turns WHERE number = 1")
    history.add_turn(kept, answer("four"))
    assert [turn.answer["question"] for turn in history.open(kept).turns] == ["two", "three", "four"]
    history.quit()


def test_what_is_sealed_is_not_sealed_again_where_the_file_says_that_it_is_old(tmp_path: Path) -> None:
    history = History(tmp_path / "history.db", Vault(tmp_path / "keys"))
    kept = history.begin()
    history.add_turn(kept, answer("one"))
    history.quit()
    changed(tmp_path / "history.db", "DROP TABLE unsent", "PRAGMA user_version = 1")
    assert [turn.answer["question"] for turn in history.open(kept).turns] == ["one"]
    history.quit()
