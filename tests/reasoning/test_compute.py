"""Computations over a small table: each statistic, its value, its rows and what is said of it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from fakes import signal

from edge_assistant.perception.readings import Readings
from edge_assistant.perception.sense import Request
from edge_assistant.perception.table import Table
from edge_assistant.reasoning.compute import NEEDS_LIMIT, compute
from edge_assistant.reasoning.vocabulary import vocabulary
from edge_assistant.reasoning.question import understand
from edge_assistant.reasoning.values import Clock, Quantity, Truth
from edge_assistant.runtime import Runtime
from edge_assistant.signals import Kind

CSV = b"""time,motor temperature [degC],current [A],operator
2025-03-14T14:00:00,62.0,11.0,Ana
2025-03-14T14:10:00,70.5,11.5,Ana
2025-03-14T14:20:00,86.5,12.0,Ben
2025-03-14T14:30:00,88.5,,Ben
2025-03-14T14:40:00,80.0,12.5,Ben
"""


def table(csv: bytes = CSV) -> Table:
    percept = Readings({}, Runtime(1)).perceive(signal(Kind.READINGS, data=csv), Request())
    assert percept.table is not None
    return percept.table


@pytest.mark.parametrize(
    ("question", "limit", "value", "text", "rows"),
    [
        ("What was the highest temperature?", None, Quantity((Decimal("88.5"),), measured=True), "88.5 degC", (4, 4)),
        ("What was the lowest temperature?", None, Quantity((Decimal("62"),), measured=True), "62 degC", (1, 1)),
        ("What was the average temperature?", None, Quantity((Decimal("77.5"),), measured=True), "77.5 degC", (1, 5)),
        ("What was the average current?", None, Quantity((Decimal("11.75"),), measured=True), "11.75 A", (1, 5)),
        ("When was the highest temperature?", None, Clock((870,)), "2025-03-14 14:30", (4, 4)),
        ("When did the temperature first exceed it?", 85.0, Clock((860,)), "2025-03-14 14:20", (3, 3)),
        ("When did the temperature fall below it?", 65.0, Clock((840,)), "2025-03-14 14:00", (1, 1)),
        ("How long above the limit was it?", 85.0, Quantity((Decimal(1200),), measured=True), "1200 s", (3, 4)),
        ("Did the temperature stay below it?", 85.0, Truth(False), "no, highest 88.5 degC", (4, 4)),
        ("Did the temperature stay below it?", 88.5, Truth(True), "yes, highest 88.5 degC", (4, 4)),
        ("Did the temperature stay above it?", 60.0, Truth(True), "yes, lowest 62 degC", (1, 1)),
        ("Is the current rising?", None, Quantity((Decimal("2.62"),), measured=True), "2.62 A/h", (1, 5)),
    ],
)
def test_a_statistic(question: str, limit: float | None, value: object, text: str, rows: tuple[int, int]) -> None:
    result = compute(understand(question), table(), limit)
    assert result is not None
    assert (result.value, result.text, result.computed.rows) == (value, text, rows)
    assert result.computed.formula in result.evidence


@pytest.mark.parametrize("statistic", vocabulary().statistics)
def test_every_statistic_of_the_data_is_computed(statistic: str) -> None:
    query = understand(f"{vocabulary().statistics[statistic][0]} temperature 65")
    assert query.statistic == statistic
    assert compute(query, table(), 65.0) is not None


@pytest.mark.parametrize("statistic", sorted(NEEDS_LIMIT))
def test_without_a_limit_there_is_nothing_to_compare_with(statistic: str) -> None:
    query = understand(f"{vocabulary().statistics[statistic][0]} the limit")
    assert query.statistic == statistic
    assert compute(query, table(), None) is None


def test_a_limit_that_is_never_passed() -> None:
    assert compute(understand("When was the limit first exceeded?"), table(), 200.0) is None


def test_no_statistic_no_computation() -> None:
    assert compute(understand("Who was the operator?"), table(), None) is None


def test_a_table_without_numbers() -> None:
    words = table(b"time,state\n2025-03-14T14:00:00,on\n2025-03-14T14:10:00,off\n")
    assert compute(understand("What was the highest temperature?"), words, None) is None


def test_a_column_of_gaps() -> None:
    gaps = table(b"time,a,b\n2025-03-14T14:00:00,,1\n2025-03-14T14:10:00,,2\n")
    result = compute(understand("What was the highest b?"), gaps, None)
    assert result is not None
    assert result.text == "2"


def test_a_moment_on_another_day_is_told_with_its_day() -> None:
    days = table(b"time,t [degC]\n2025-03-14T23:00:00,1\n2025-03-15T01:00:00,9\n")
    result = compute(understand("When was the highest t?"), days, None)
    assert result is not None
    assert result.text == "2025-03-15 01:00"
