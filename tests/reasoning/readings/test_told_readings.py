"""What remarks tell of readings, in the words in which operators say it."""

from __future__ import annotations

from pathlib import Path

import pytest
from computed import told_as
from logged import furnace

from edge_assistant.reasoning.readings.statements import stated

ROWS = [
    line.split("|")
    for line in Path(__file__).with_name("told_readings.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


@pytest.mark.parametrize(("remark", "told"), ROWS)
def test_a_remark_tells(remark: str, told: str) -> None:
    assert [told_as(statement) for statement in stated(remark, furnace())] == ([told] if told else [])
