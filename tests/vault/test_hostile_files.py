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


def test_a_pipe_in_the_place_of_a_file_keeps_nobody_waiting(home: Path) -> None:
    (home / "keys").mkdir(parents=True)
    (home / "audit").mkdir()
    for name in ("master.key", "keyring", forgetting.INTENT):
        os.mkfifo(home / "keys" / name)
    assert forgetting.pending()
    with pytest.raises(OSError, match="the list of an erasure"):
        forgetting.complete()
    for name in ("master.key", "keyring"):
        with pytest.raises(KeyLost, match="cannot be read"):
            Vault().key(ID)
        (home / "keys" / name).unlink()
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


def test_rows_of_the_history_that_somebody_changed_stand_in_nobody_s_way(tmp_path: Path) -> None:
    """Times that are none are the epoch; a deleted turn is none; what is sealed is not sealed again."""
    history = History(tmp_path / "history.db", Vault(tmp_path / "keys"))
    kept = [history.begin() for _ in range(3)]
    for id in kept:
        for question in ("one", "two", "three"):
            history.add_turn(id, answer(question))
    history.quit()
    for id, began in zip(kept, ("'noon'", "'0001-01-01T00:00:00+00:00'", "x'00'"), strict=True):
        changed(tmp_path / "history.db", f"UPDATE conversations SET began = {began} WHERE id = '{id}'")
    old = ("DROP TABLE unsent", "PRAGMA user_version = 1")
    changed(tmp_path / "history.db", "UPDATE turns SET asked = 7", "DELETE FROM turns WHERE number = 1", *old)
    assert [summary.began.year for summary in history.conversations()] == [1970] * 3
    history.add_turn(kept[0], answer("four"))
    saved = history.open(kept[0])
    assert [turn.answer["question"] for turn in saved.turns] == ["two", "three", "four"]
    assert saved.turns[0].asked.year == 1970
    history.quit()
