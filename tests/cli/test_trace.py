"""`ask --trace` shows every stage on stderr, and leaves stdout to the answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.commands import Here

TOTAL = "What was the total?"


@pytest.fixture
def texts(tmp_path: Path) -> list[str | Path]:
    (tmp_path / "a.txt").write_text("The total was 42.00.", "utf-8")
    (tmp_path / "b.txt").write_text("Rain: none\n\nTotal: 24 pounds", "utf-8")
    return ["--text", tmp_path / "a.txt", "--text", tmp_path / "b.txt"]


def test_every_stage_is_shown_in_order(here: Here, texts: list[str | Path]) -> None:
    ran = here("ask", TOTAL, *texts, "--trace")
    shown = [
        "    [E1] characters 0-20: The total was 42.00.",
        "    [E3] characters 12-28: Total: 24 pounds",
        "question",
        "    value, probability 0.95",
        "text:1: read by the model",
        "    'The total was 42.00': told 0.95, fits 0.95",
        "text:2: read by the model",
        "    '24 pounds': told 0.95, fits 0.95",
        "verdict",
        "    conflict: total: The total was 42.00 [E1] / 24 pounds [E3]",
    ]
    lines = ran.err.splitlines()
    places = [lines.index(line) for line in shown]
    assert places == sorted(places)


def test_stdout_has_the_answer_alone_and_json_is_one_object_with_the_stages(
    here: Here, texts: list[str | Path]
) -> None:
    with_trace, without = (here("ask", TOTAL, *texts, *option) for option in (["--trace"], []))
    assert with_trace.out.rpartition(";")[0] == without.out.rpartition(";")[0]  # then come the seconds
    assert "read by the model" not in with_trace.out + without.err
    found = here("ask", TOTAL, *texts, "--trace", "--json").object
    assert [(stage["stage"], stage["signal"]) for stage in found["trace"]] == [
        ("question", None),
        ("read by the model", "text:1"),
        ("read by the model", "text:2"),
    ]
    assert all(stage["lines"] and all(isinstance(line, str) for line in stage["lines"]) for stage in found["trace"])
    assert "trace" not in here("ask", TOTAL, *texts, "--json").object
