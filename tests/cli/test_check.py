"""`check` as a person and as a program see it, with the real command; and what it finds in the demo's examples."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers.commands import Here


@pytest.fixture
def note(tmp_path: Path) -> Path:
    return written(tmp_path, "note.txt", "The total was 42.00.\n\nThe room is 12B.")


def written(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text, "utf-8")
    return folder / name


def test_where_nothing_conflicts_the_status_is_0(here: Here, note: Path, tmp_path: Path) -> None:
    other = written(tmp_path, "other.txt", "I paid forty two pounds in total.\n\nIt rained.")
    ran = here("check", "--text", note, "--text", other)
    assert ran.status == 0
    said, *table = ran.out.splitlines()
    assert said == "The signals agree on the total [E1][E3]."
    assert table[:4] == [
        "",
        "agree       total",
        "  42.00  [E1] text:1 note.txt, characters 0-20: The total was 42.00.",
        "  42.00  [E3] text:2 other.txt, characters 0-33: I paid forty two pounds in total.",
    ]
    assert table[-1].startswith("check: 2 signals (text:1, text:2) are compared on whatever two of them tell")
    *perceived, thinks = ran.err.splitlines()
    assert all(line.startswith("text:") for line in perceived)
    assert thinks == "thinking ..."


def test_where_something_conflicts_the_status_is_1(here: Here, note: Path, tmp_path: Path) -> None:
    other = written(tmp_path, "other.txt", "The total was 24.00.\n\nThe room is 12B.")
    ran = here("check", "--text", note, "--text", other)
    assert ran.status == 1
    assert "Total: the first text says 42.00 [E1]; the second text says The total was 24.00 [E3]." in ran.out
    assert re.findall(r"^(?:agree|conflict)  .*$", ran.out, re.M) == ["conflict    total"]


@pytest.mark.parametrize(("total", "status"), [("42.00", "supported"), ("24.00", "conflict")])
def test_json_is_the_contracts_object_with_an_empty_question(
    here: Here, note: Path, tmp_path: Path, total: str, status: str
) -> None:
    ran = here("check", "--text", note, "--text", written(tmp_path, "other.txt", f"The total was {total}."), "--json")
    found = ran.object
    assert ran.status == (status == "conflict")
    assert (found["question"], found["status"], found["route"]["path"]) == ("", status, "check")
    assert [(v["attribute"], v["subject"]) for v in found["verdicts"]] == [("total", None)]
    assert set(found["citations"]) == {"E1", "E3"}
    assert [model["name"] for model in found["models"]] == ["minilm-l6-int8", "smollm2-135m-instruct-q4_1"]
    assert "trace" not in found


@pytest.mark.parametrize("count", [0, 1])
def test_one_signal_cannot_be_compared(here: Here, note: Path, count: int) -> None:
    ran = here("check", *["--text", note][: 2 * count])
    assert ran.status == 2
    assert ran.err.splitlines()[-1] == "error: there is nothing to compare - give at least two signals"
    assert ran.out == ""


def test_a_signal_that_fails_among_two_that_do_not(here: Here, note: Path, tmp_path: Path) -> None:
    given = ["--text", note, "--text", note, "--image", tmp_path / "no.png"]
    ran = here("check", *given, "--json")
    found = ran.object
    assert ran.status == 0
    assert [failure["signal"] for failure in found["failed"]] == ["image:1"]
    assert "image:1: error: no.png does not exist - check the path" in ran.err
    strict = here("check", *given, "--strict")
    assert (strict.status, strict.out) == (3, "")
    left = here("check", "--text", note, "--text", written(tmp_path, "empty.txt", ""))
    assert left.status == 3
    assert left.err.splitlines()[-1].startswith("error: ")
