"""`check` as a person and as a program see it, with the real command; and what it finds in the demo's examples."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers.commands import Here

CSV = "time,oven temperature [degC]\n" + "".join(
    f"2025-01-01T00:{minute:02d}:00,{value}\n" for minute, value in enumerate((60, 70, 80, 99, 70, 60))
)


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


def test_what_a_note_says_of_readings_is_compared_with_them(here: Here, tmp_path: Path) -> None:
    table = written(tmp_path, "oven.csv", CSV)
    right = written(tmp_path, "right.txt", "The highest oven temperature was 99 degrees.")
    wrong = written(tmp_path, "wrong.txt", "The highest oven temperature was 91 degrees.")
    assert here("check", "--readings", table, "--text", right).status == 0
    ran = here("check", "--readings", table, "--text", wrong)
    assert ran.status == 1
    assert "conflict    max oven temperature" in ran.out
    assert "max(oven temperature) = 99 degC" in ran.out


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


def test_the_trace_shows_what_is_told_and_compared(here: Here, note: Path) -> None:
    ran = here("check", "--text", note, "--text", note, "--trace", "--json")
    found = ran.object
    assert [(stage["stage"], stage["signal"]) for stage in found["trace"]][:1] == [("asked of another", "text:2")]
    shown = "The total was [42.00].\n    What is it: the total was?\n    'The total was 42.00': 0.71\n"
    assert f"asked of another\n    {shown}verdict\n    agree: total: 42.00 [E1][E3]\n" in ran.err
