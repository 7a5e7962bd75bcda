"""`edge-assistant audit`, as a person uses it, and the script that checks an export without it."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from helpers.commands import Here

from edge_assistant.cli.main import main
from edge_assistant.governance.audit.trail import FILE, Trail
from edge_assistant_models import paths

FIRST, SECOND = "0011223344556677", "8899aabbccddeeff"


@pytest.fixture
def trail(home: Path) -> Trail:
    """The trail of this home: two conversations, a checkpoint between."""
    trail = Trail()
    trail.extend([("question", {"verb": "ask", "digest": "ab" * 32}), ("said", {"sentence": 1})], FIRST)
    trail.checkpoint()
    trail.extend(
        [("question", {"verb": "check", "signals": ["text:1", "text:2"]}), ("ended", {"code": "stopped"})], SECOND
    )
    trail.close()
    trail.vault.close()
    return trail


@pytest.fixture
def audit(trail: Trail, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs the verb over it: status, output, errors."""

    def run(*arguments: object) -> tuple[int, str, str]:
        status = main(["audit", *map(str, arguments)])
        out, err = capsys.readouterr()
        return status, out, err

    return run


Audit = Callable[..., tuple[int, str, str]]


def changed(*statements: str) -> None:
    with closing(sqlite3.connect(paths.data_dir() / "audit" / FILE, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def shown(audit: Audit, *options: object) -> list[dict[str, Any]]:
    status, out, _ = audit("show", "--json", *options)
    assert status == 0
    rows: list[dict[str, Any]] = json.loads(out)["rows"]
    return rows


def test_the_table_has_every_row_with_its_facts(audit: Audit) -> None:
    status, out, err = audit("show")
    lines = out.splitlines()
    assert (status, err) == (0, "")
    assert [line.split()[0] for line in lines] == ["row", "1", "2", "3", "4", "5"]
    assert "question    digest abababababab..., verb ask" in lines[1]
    assert SECOND in lines[4]
    assert "signals text:1 text:2" in lines[4]


def test_filters(audit: Audit) -> None:
    rows = shown(audit)
    assert rows[0]["body"] == {"verb": "ask", "digest": "ab" * 32}
    first, last = rows[0]["time"], rows[-1]["time"]
    day = datetime.fromisoformat(last).astimezone().date()  # as the machine's zone has it
    for options, numbers in (
        (["--kind", "question"], [1, 4]),
        (["--conversation", FIRST], [1, 2]),
        (["--conversation", SECOND, "--kind", "ended"], [5]),
        (["--last", 2], [4, 5]),
        (["--last", 0], [1, 2, 3, 4, 5]),
        (["--last", 10**40], [1, 2, 3, 4, 5]),
        (["--since", first, "--until", last], [1, 2, 3, 4]),
        (["--since", day, "--until", day], [1, 2, 3, 4, 5]),
        (["--until", "2020-01-01"], []),
    ):
        assert [row["number"] for row in shown(audit, *options)] == numbers, options


def test_options_that_are_no_good(audit: Audit) -> None:
    for option, value in (
        ("--since", "yesterday"),
        ("--last", "-1"),
        ("--last", "x"),
        ("--until", "9999-12-31"),
        ("--since", "0001-01-01T00+23"),
    ):
        status, out, err = audit("show", option, value)
        assert (status, out) == (2, ""), value
        assert err.startswith("error: ")


def test_a_row_that_somebody_made_unreadable_is_shown_as_it_is(audit: Audit) -> None:
    changed("UPDATE rows SET body = '[\x1b[2J', time = 'noon' WHERE number = 2")
    status, out, _ = audit("show")
    assert status == 0
    assert "noon" in out
    assert "\x1b" not in out
    assert shown(audit)[1]["body"] == {"unreadable": "[\x1b[2J"}


def test_one_that_is_whole(audit: Audit) -> None:
    status, out, err = audit("verify")
    assert (status, err) == (0, "")
    assert out.startswith("whole: all 5 rows are as they were written\ncheckpoints that agree: 1")
    assert json.loads(audit("verify", "--json")[1])["whole"] is True


def test_one_that_is_not(audit: Audit) -> None:
    changed("UPDATE rows SET kind = 'answer' WHERE number = 2")
    status, out, _ = audit("verify")
    assert status == 1
    assert out.startswith("DAMAGED: row 2 was edited: its code does not fit\nthe 1 rows before")
    status, out, _ = audit("verify", "--json")
    found = json.loads(out)
    assert (status, found["whole"], found["finding"]["row"], found["finding"]["damage"]) == (1, False, 2, "edited")


def test_a_checkpoint_that_was_kept_finds_what_was_cut_off(audit: Audit, tmp_path: Path) -> None:
    files = [paths.data_dir() / "audit" / FILE, paths.data_dir() / "keys" / "keys.db"]
    before = {file: file.read_bytes() for file in files}
    kept = tmp_path / "kept.jsonl"
    assert [audit("checkpoint", kept)[:2] for _ in range(2)] == [
        (0, f"{rows} rows so far, signed in {kept}\n") for rows in (5, 6)
    ]
    assert len(kept.read_text().splitlines()) == 2
    assert audit("verify", "--checkpoint", kept)[0] == 0
    for file, data in before.items():
        file.write_bytes(data)
        for end in ("-wal", "-shm"):
            file.with_name(file.name + end).unlink(missing_ok=True)
    (paths.state_dir() / "audit" / "checkpoints.jsonl").unlink()
    assert audit("verify")[0] == 6
    status, out, _ = audit("verify", "--checkpoint", kept)
    assert status == 1
    assert "the trail was truncated: rows 6 to 6 are missing" in out


def test_a_checkpoint_is_printed_where_no_file_is_named_and_never_lies_in_a_missing_folder(
    audit: Audit, tmp_path: Path
) -> None:
    found = json.loads(audit("checkpoint")[1])
    assert found["rows"] == 5
    assert found["public_key"] == audit("key")[1].strip()
    status, out, err = audit("checkpoint", tmp_path / "stick" / "kept.jsonl")
    assert (status, out) == (2, "")
    assert err.startswith("error: kept.jsonl cannot lie in a folder that does not exist - ")
    assert not (tmp_path / "stick").exists()
    (tmp_path / "none.jsonl").write_text("{}\n")
    for name in ("none.jsonl", "missing.jsonl"):
        assert audit("verify", "--checkpoint", tmp_path / name)[0] == 3


# exports


@pytest.fixture
def script(pytestconfig: pytest.Config, tmp_path: Path) -> Path:
    """The script that docs/audit.md prints."""
    docs = (pytestconfig.rootpath / "docs" / "audit.md").read_text("utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", docs, re.M | re.S)
    assert len(code.splitlines()) <= 30
    file = tmp_path / "check_export.py"
    file.write_text(code)
    return file


def checked(script: Path, *arguments: object) -> tuple[int, str]:
    command = [sys.executable, "-I", str(script), *map(str, arguments)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout + ran.stderr


def test_the_script_of_the_docs_checks_an_export(audit: Audit, script: Path, tmp_path: Path) -> None:
    export, kept = tmp_path / "trail.jsonl", tmp_path / "kept.jsonl"
    audit("checkpoint", kept)
    status, out, _ = audit("export", export)
    key = audit("key")[1].strip()
    assert (status, out) == (0, f"6 rows, signed with the key {key}\n")
    status, out = checked(script, export, key, kept)
    assert status == 0, out
    assert out.startswith("6 rows, as they were signed on ")
    other = "00" * 31 + "01"
    assert checked(script, export, other)[0] == 1
    lines = export.read_text().splitlines(keepends=True)
    for bad, said in (
        ([*lines[:1], lines[1].replace('"sentence":1', '"sentence":2'), *lines[2:]], "line 2 is not as it was signed"),
        ([*lines[:1], *lines[2:]], "line 2 is not as it was signed"),
        ([lines[1], lines[0], *lines[2:]], "line 1 is not as it was signed"),
        ([*lines[:3], *lines[2:]], "line 4 is not as it was signed"),
        (lines[:-1], "the end is missing"),
        (lines[:-2] + lines[-1:], "the end is missing"),
        ([*lines, lines[1]], "is not as it was signed"),
    ):
        export.write_text("".join(bad))
        status, out = checked(script, export, key)
        assert status == 1
        assert said in out
    marks = kept.read_text()
    export.write_text("".join(lines))
    kept.write_text(marks.replace('"rows":5', '"rows":4'))
    assert "InvalidSignature" in checked(script, export, key, kept)[1]


def test_an_export_of_an_older_state_does_not_agree_with_a_later_checkpoint(
    audit: Audit, script: Path, tmp_path: Path
) -> None:
    audit("export", tmp_path / "trail.jsonl")
    audit("checkpoint", tmp_path / "kept.jsonl")
    audit("checkpoint", tmp_path / "kept.jsonl")
    status, out = checked(script, tmp_path / "trail.jsonl", audit("key")[1].strip(), tmp_path / "kept.jsonl")
    assert status == 1
    assert "over 6 rows does not agree" in out


def test_exports_that_cannot_be_written(audit: Audit, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("something")
    assert audit("export", tmp_path / "there")[0] == 2
    assert audit("export", tmp_path / "no" / "folder")[0] == 2
    assert (tmp_path / "there").read_text() == "something"
    changed("DELETE FROM rows WHERE number = 3")
    status, _, err = audit("export", tmp_path / "trail.jsonl")
    assert status == 1
    assert err.startswith("error: rows 3 to 3 were deleted - ")
    assert not (tmp_path / "trail.jsonl").exists()


# questions


def test_a_question_is_audited_and_its_answer_can_be_checked(here: Here, tmp_path: Path) -> None:
    (tmp_path / "form.txt").write_text("Dose: 50 mg\n")
    (tmp_path / "note.txt").write_text("Dose: 5 mg\n")
    signals = ["--text", tmp_path / "form.txt", "--text", tmp_path / "note.txt"]
    ran = here("check", *signals, "--json")
    assert ran.status == 1, ran
    (tmp_path / "answer.json").write_text(ran.out)
    verified = here("audit", "verify", "--answer", tmp_path / "answer.json")
    assert verified.status == 0, verified
    assert "this answer was given: row 9, " in verified.out
    changed = ran.out.replace("50 mg", "5 mg", 1)
    (tmp_path / "answer.json").write_text(changed)
    denied = here("audit", "verify", "--answer", tmp_path / "answer.json")
    assert denied.status == 1
    assert "NOT FOUND" in denied.out


def test_once_it_is_forgotten_the_trail_is_whole_and_knows_nothing_of_the_answer(here: Here, tmp_path: Path) -> None:
    (tmp_path / "form.txt").write_text("Dose: 50 mg\n")
    (tmp_path / "note.txt").write_text("Dose: 5 mg\n")
    ran = here("check", "--text", tmp_path / "form.txt", "--text", tmp_path / "note.txt", "--json")
    (tmp_path / "answer.json").write_text(ran.out)
    assert here("forget", "--all", "--yes").status == 0
    verified = here("audit", "verify", "--answer", tmp_path / "answer.json", "--json")
    found = json.loads(verified.out)
    assert (verified.status, found["whole"], found["answer"]) == (1, True, None)
    kinds = [row["kind"] for row in json.loads(here("audit", "show", "--json").out)["rows"]]
    assert kinds[-1] == "forgot"
    assert "answer" in kinds
