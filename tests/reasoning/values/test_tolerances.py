"""Tolerances: each row of the table does what its examples say, and the page in docs/ shows the table."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from helpers.typed import whole

from edge_assistant.reasoning.rules.vocabulary import shipped
from edge_assistant.reasoning.values.values import Quantity, Value, comparable, same

ROOT = Path(__file__).resolve().parents[3]
ROWS: dict[str, dict[str, Any]] = tomllib.loads(
    (files("edge_assistant.reasoning.rules") / "tolerances.toml").read_text(encoding="utf-8")
)["tolerance"]


def value(kind: str, text: str) -> Value:
    """The value of an example; = marks one that was computed over readings."""
    found = whole(kind, text.removeprefix("="))
    if text.startswith("="):
        assert isinstance(found, Quantity)
        return replace(found, measured=True)
    return found


@pytest.mark.parametrize("name", ROWS)
def test_the_examples_of_a_row(name: str) -> None:
    row = ROWS[name]
    for expected in ("same", "different"):
        for a, b in row[expected]:
            one, other = value(row["value"], a), value(row["value"], b)
            assert comparable(one, other), (one, other)
            assert same(one, other) is same(other, one) is (expected == "same"), (one, other)


def test_every_row_is_loaded_and_has_examples() -> None:
    assert shipped().tolerances.keys() == ROWS.keys()
    assert all(len(row["same"]) >= 2 and len(row["different"]) >= 2 and row["means"] for row in ROWS.values())


def table() -> str:
    """The table as docs/tolerances.md shows it."""
    lines = ["| rule | admits | the same | different |", "| --- | --- | --- | --- |"]
    for name, row in ROWS.items():
        limits = [f"{key} = {row[key]}" for key in ("share", "least", "half_units") if key in row]
        shown = [" · ".join(f"{a} / {b}" for a, b in row[key]) for key in ("same", "different")]
        means = row["means"] + (f" ({', '.join(limits)})" if limits else "")
        lines.append(f"| `{name}` | {means} | {shown[0]} | {shown[1]} |")
    return "\n".join(lines)


def test_the_page_shows_the_table() -> None:
    assert table() in (ROOT / "docs" / "tolerances.md").read_text(encoding="utf-8")
