"""What remarks tell of readings, in the words in which operators say it."""

from __future__ import annotations

from pathlib import Path

import pytest
from logged import furnace

from edge_assistant.reasoning.readings.statements import Statement, stated
from edge_assistant.reasoning.values.values import Clock, Quantity, Truth

ROWS = [
    line.split("|")
    for line in Path(__file__).with_name("told_readings.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


def rendered(statement: Statement) -> str:
    match statement.claimed:
        case Clock(readings=(minute, *_)):
            return f"{statement.kind}@{minute}"
        case Truth(yes=yes):
            return f"{statement.kind}={'yes' if yes else 'no'}"
        case Quantity(readings=(number, *_)):
            return f"{statement.kind}={number}"
    return f"{statement.kind}: {statement.claimed}"


@pytest.mark.parametrize(("remark", "told"), ROWS)
def test_a_remark_tells(remark: str, told: str) -> None:
    assert [rendered(statement) for statement in stated(remark, furnace())] == ([told] if told else [])
