"""`forget`: lists what is kept, asks before anything goes, and what goes by itself when another command runs."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from helpers import planted, unsealed
from helpers.commands import Command, at_terminal, unprivileged
from helpers.conversations import answer
from helpers.forgetting import aged, audited, cached, question
from helpers.smalldisk import seen_read_only

from edge_assistant.cli.main import main
from edge_assistant.core.errors import StorageFull
from edge_assistant.governance import intents
from edge_assistant.governance.policy import pin
from edge_assistant.history.store import History
from edge_assistant.reasoning import talk
from edge_assistant.vault import caches
from edge_assistant.vault.master import FILE
from edge_assistant.vault.vault import FILE as KEYS
from edge_assistant.vault.vault import Vault

Capsys = pytest.CaptureFixture[str]


@pytest.fixture
def kept(home: Path) -> list[str]:
    """Two conversations, of which the first is old."""
    history = History()
    ids = [planted.plant(history, 1), planted.plant(history, 2)]
    history.quit()
    aged(home, ids[0])
    return ids


def left() -> list[str]:
    history = History()
    ids = history.ids()
    history.quit()
    return ids


def test_a_list_names_each_by_its_id(kept: list[str], capsys: Capsys) -> None:
    asked = question()
    assert main(["forget", "--list"]) == 0
    first, second, third = capsys.readouterr().out.splitlines()
    assert (first[:16], second[:16]) == (kept[1], kept[0])
    assert first.endswith(f"2 answers  What of {planted.QUESTION} 0?")
    assert third == f"{asked}  a question without a stored conversation"
    assert main(["forget", "--list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["id"] for one in found["conversations"]] == [kept[1], kept[0]]
    assert datetime.fromisoformat(found["conversations"][0].pop("began"))
    assert datetime.fromisoformat(found["conversations"][0].pop("touched"))
    assert found["conversations"][0] == {
        "id": kept[1],
        "title": f"What of {planted.QUESTION} 0?",
        "answers": 2,
        "open": False,
    }
    assert (found["questions"], found["damaged"]) == ([asked], 0)


def test_where_nothing_may_be_written_all_is_read_and_nothing_answered(
    hold: Callable[[str], Path],
    kept: list[str],
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: Command,
) -> None:
    question()
    app = History()
    assert app.hold(kept[0])
    (tmp_path / "note.txt").write_text("The weight is 82 kg.")
    with seen_read_only(home, tmp_path / "view") as view:
        monkeypatch.setenv("EDGE_ASSISTANT_HOME", str(view))
        listed = command("forget", "--list", "--json")
        assert (listed.status, listed.err) == (0, "")
        assert {one["id"]: one["open"] for one in json.loads(listed.out)["conversations"]} == {
            kept[0]: True,
            kept[1]: False,
        }
        for verb in ("show", "verify"):
            ran = command("audit", verb)
            assert (ran.status, ran.err) == (0, ""), ran
        assert "whole: all" in ran.out
        history = History()
        assert len(history.open(kept[1]).turns) == 2
        with pytest.raises(StorageFull, match="cannot be written"):
            history.rename(kept[1], "Another")
        history.quit()
        asked = command("ask", "What is the weight?", "--text", tmp_path / "note.txt")
        assert (asked.status, asked.out) == (6, "")
        assert "make the data directory writable" in asked.err
        assert command("forget", "--conversation", kept[1], "--yes").status == 6
    app.quit()
    monkeypatch.setenv("EDGE_ASSISTANT_HOME", str(home))
    assert sorted(left()) == sorted(kept)


KEPT = "8 kB of cached evidence"


@pytest.mark.parametrize("what", ["--all", "--conversation", "--before 2021-01-01", "--before 2019-01-01"])
def test_caches_are_listed_and_go_with_whatever_goes(kept: list[str], capsys: Capsys, what: str) -> None:
    cached()
    assert main(["forget", "--list"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == KEPT
    assert main(["forget", "--list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cached"] == caches.kept_bytes() > 0
    ids = [kept[0]] if what == "--conversation" else []
    assert main(["forget", *what.split(), *ids, "--yes"]) == 0
    assert capsys.readouterr().out.startswith("forgotten: ")
    assert (caches.kept_bytes(), Vault().caches()) == (0, [])
    assert main(["forget", "--list"]) == 0
    assert KEPT not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("setting", "policy"), [("0", ""), ("1", "[retention]\ncache = false\n"), ("1", "[retention]\nhistory = false\n")]
)
def test_where_caches_are_switched_off_they_go(
    hold: Callable[[str], Path], kept: list[str], monkeypatch: pytest.MonkeyPatch, setting: str, policy: str
) -> None:
    cached()
    assert main(["models", "list"]) == 0
    assert caches.kept_bytes() > 0
    monkeypatch.setenv("EDGE_ASSISTANT_CACHE", setting)
    hold(policy)
    assert main(["models", "list"]) == 0
    assert (caches.kept_bytes(), Vault().caches()) == (0, [])
    assert len(left()) == 2


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("cache = false\n", ["ask", "What is it?", "--text", "missing.txt"]),
        ("cache = false\n[roles]\nvisitor = []\n" + f'pin = "{pin.hashed("147258", cost=1024)}"\n', ["models", "list"]),
    ],
)
def test_where_caches_are_switched_off_they_go_with_a_command_that_fails_too(
    hold: Callable[[str], Path], policy: str, words: list[str]
) -> None:
    cached()
    hold(f"[retention]\n{policy}")
    assert main(words) in (3, 5)
    assert (caches.kept_bytes(), Vault().caches()) == (0, [])


def test_where_a_policy_is_wrong_that_alone_is_said(hold: Callable[[str], Path], capsys: Capsys) -> None:
    cached()
    hold("[retention]\ncache = 7\n")
    assert main(["models", "list"]) == 5
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert caches.kept_bytes() > 0


@pytest.mark.parametrize("date", ["2026-03-01", "2026-03-01T12:30", "2026-03-01T12:30:00+02:00"])
def test_what_is_older_than_a_date_goes_and_one_by_its_id(
    kept: list[str], home: Path, date: str, capsys: Capsys
) -> None:
    assert main(["forget", "--before", date, "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"forgotten": kept[:1], "questions": 0, "damaged": 0, "others": []}
    assert left() == kept[1:]
    assert main(["forget", "--conversation", kept[1], "--yes"]) == 0
    assert capsys.readouterr().out == "forgotten: 1 conversation\n"
    assert planted.found([home]) == left() == []
    assert [row.conversation for row in audited() if row.kind == "forgot"] == kept
    assert main(["forget", "--list"]) == 0
    assert main(["forget", "--before", date, "--yes"]) == 0
    assert capsys.readouterr().out.splitlines() == ["nothing is kept", "there is nothing to forget"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--all"], "erasure needs a confirmation, and there is no terminal - confirm on the command line: --yes"),
        (
            ["--all", "--json"],
            "erasure needs a confirmation, and there is no terminal - confirm on the command line: --yes",
        ),
        (["--conversation", "0" * 16, "--yes"], "there is no conversation 0000000000000000 - see"),
        (["--conversation", "../../x", "--yes"], "there is no conversation ../../x - see"),
        (["--before", "yesterday", "--yes"], "argument --before: 'yesterday' is not a date such as 2026-03-01"),
        (["--all", "--before", "2026-01-01"], "argument --before: not allowed with argument --all"),
        ([], "one of the arguments --list --conversation --before --all --expired is required"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_goes(
    kept: list[str], arguments: list[str], said: str, capsys: Capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert main(["forget", *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"error: {said}")
    assert len(left()) == 2


@pytest.mark.parametrize("what", [["--all"], ["--conversation"], ["--before", "2999-01-01"]])
def test_what_an_app_has_open(kept: list[str], what: list[str], capsys: Capsys) -> None:
    app = History()
    busy = app.begin()
    app.add_turn(busy, answer())
    arguments = [*what, busy] if what == ["--conversation"] else what
    status = main(["forget", *arguments, "--yes"])
    if what[0] == "--before":
        assert (status, left()) == (0, [busy])
    else:
        assert (status, len(left())) == (2, 3)
        said = f"error: a conversation is open in another app ({busy}) - end that app, then run this again\n"
        assert capsys.readouterr().err == said
    app.quit()


@pytest.mark.parametrize(("key", "status", "stays"), [("y", 0, 0), ("n", 1, 2), ("", 1, 2)])
def test_it_asks_at_a_terminal(kept: list[str], key: str, status: int, stays: int) -> None:
    ended, shown = at_terminal(["forget", "--all"], [("Forget it? [y/N] ", key)])
    assert re.search(r"This is erased, and cannot be restored:.*What of .*Forget it", shown, re.S)
    assert (ended, len(left())) == (status, stays)
    assert ("nothing was forgotten" in shown) == bool(stays)


def lost(keys: Path) -> None:
    (keys / FILE).unlink()


def damaged(keys: Path) -> None:
    (keys / KEYS).write_bytes(b"This is a letter. " * 900)


@pytest.mark.parametrize("happened", [lost, damaged])
def test_without_keys_one_can_still_let_all_go(
    kept: list[str], home: Path, happened: Callable[[Path], None], capsys: Capsys
) -> None:
    happened(home / "keys")
    assert main(["forget", "--list"]) == 0
    assert [line.split("  ")[-1] for line in capsys.readouterr().out.splitlines()] == ["(its key is gone)"] * 2
    assert main(["forget", "--all", "--yes"]) == 0
    assert capsys.readouterr().out == "forgotten: 2 conversations\n"
    assert left() == []
    history = History()
    planted.plant(history)
    history.quit()
    assert main(["forget", "--list"]) == 0
    assert planted.QUESTION in capsys.readouterr().out


def test_a_history_that_was_never_sealed_and_cannot_be(home: Path, capsys: Capsys) -> None:
    vault = Vault()
    vault.key("f" * 16)
    vault.close()
    lost(home / "keys")
    unsealed.write(home / "history" / "history.db", {"0" * 16: (planted.signals(), [planted.planted_answer()])}).close()
    assert main(["forget", "--list"]) == 6
    assert "forget --all" in capsys.readouterr().err
    assert main(["forget", "--all", "--yes"]) == 0
    assert planted.found([home]) == []


def test_a_real_question_leaves_nothing_that_can_be_read(
    few_command: Command, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "models").rename(tmp_path / "models")  # which are searched for nothing
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(tmp_path / "models"))
    (home / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(home / "tmp"))
    monkeypatch.setenv("EDGE_ASSISTANT_LOG_LEVEL", "debug")
    cache = home / "cache" / "embeddings"
    shared = cache.resolve()
    cache.unlink()
    shutil.copytree(shared, cache)
    before = sums(cache)
    note = tmp_path / f"{planted.PICTURE}.txt"
    note.write_text(f"The patient is {planted.TEXT}.\nAllergies: {planted.ANSWER}\n")
    ran = few_command("ask", f"What is {planted.QUESTION} allergic to?", "--text", note, "--json")
    assert ran.status == 0
    assert planted.ANSWER in ran.out
    assert planted.found([home]) == []
    shipped = {hashlib.sha256(text.encode()).hexdigest() for text in talk.example_texts()}
    assert sums(cache) - before <= shipped  # what is said is compared with examples, and only those are kept
    (id,) = json.loads(few_command("forget", "--list", "--json").out)["questions"]
    assert few_command("forget", "--conversation", id, "--yes").out.startswith("forgotten: the keys of 1 question")
    assert planted.found([home]) == []
    assert [row.kind for row in audited()][-1] == "forgot"


def sums(cache: Path) -> set[str]:
    """Of the texts whose vectors are kept."""
    return {found for file in cache.glob("*.npz") for found in np.load(file)["sums"].tolist()}


# by itself


def test_any_command_completes_what_a_crash_interrupted(kept: list[str], home: Path, capsys: Capsys) -> None:
    intent = {"ids": kept, "why": "asked", "all": False, "files": []}
    (home / "keys" / intents.FILE).write_text(json.dumps(intent))
    assert main(["models", "list", "--json"]) == 0
    assert capsys.readouterr().err == ""
    assert left() == []


def test_what_cannot_be_completed_is_said_and_the_command_runs(kept: list[str], home: Path, capsys: Capsys) -> None:
    intent = {"ids": kept, "why": "asked", "all": False, "files": []}
    (home / "keys" / intents.FILE).write_text(json.dumps(intent))
    (home / "audit").write_text("a file where the folder should be")
    assert main(["models", "list", "--json"]) == 0
    assert capsys.readouterr().err.startswith("warning: an interrupted erasure is not complete, as ")
    (home / "audit").unlink()
    assert main(["models", "list", "--json"]) == 0
    assert capsys.readouterr().err == ""
    assert [row.kind for row in audited()] == ["forgot"]


@pytest.mark.parametrize("policy", [False, True])
def test_what_is_too_old_goes_with_a_command(
    hold: Callable[[str], Path], kept: list[str], monkeypatch: pytest.MonkeyPatch, policy: bool
) -> None:
    assert main(["models", "list"]) == 0
    assert len(left()) == 2  # all is kept where nobody says how long
    if policy:
        hold("[retention]\nhistory_days = 30\n")
    else:
        monkeypatch.setenv("EDGE_ASSISTANT_KEEP_DAYS", "30")
    assert main(["models", "list"]) == 0
    assert left() == kept[1:]


def test_what_has_expired_goes_when_that_is_asked_for(
    hold: Callable[[str], Path], kept: list[str], capsys: Capsys
) -> None:
    assert main(["forget", "--expired", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"days": None, "expired": 0}
    hold("[retention]\nhistory_days = 30\n")
    assert main(["forget", "--expired"]) == 0
    assert capsys.readouterr().out == "1 older than 30 days erased\n"
    assert left() == kept[1:]


def test_a_folder_of_keys_that_may_not_be_looked_into_is_said(kept: list[str], home: Path, command: Command) -> None:
    (home / "keys").chmod(0)
    listed, found = (command(*words, prefix=unprivileged()) for words in (("models", "list"), ("doctor", "--json")))
    (home / "keys").chmod(0o700)
    assert listed.status == 0
    assert listed.err.startswith("warning: an interrupted erasure is not complete, as ")
    (check,) = [check for check in json.loads(found.out)["checks"] if check["name"] == "sealing"]
    assert (check["ok"], check["found"]) == (False, "the key cannot be looked for (Permission denied)")


def test_a_backup_beside_the_keys_is_named(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history = History()
    planted.plant(history)
    history.quit()
    (home / "keys" / "keys.db.bak").write_bytes((home / "keys" / "keys.db").read_bytes())
    assert main(["forget", "--all", "--yes"]) == 0
    assert capsys.readouterr().err == "not touched, and perhaps a copy: keys/keys.db.bak\n"
    assert main(["forget", "--all", "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["others"] == ["keys/keys.db.bak"]
