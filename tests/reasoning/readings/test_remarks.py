"""Remarks over readings: other machines and other days, bounds that give an extreme, moments on another day."""

from __future__ import annotations

from decimal import Decimal

import pytest
from logged import archive, furnace

from edge_assistant.reasoning.readings.compute import evaluate
from edge_assistant.reasoning.readings.measured import statistic
from edge_assistant.reasoning.readings.results import Result
from edge_assistant.reasoning.readings.statements import bounds, stated, verify
from edge_assistant.reasoning.values.values import Clock, Day, Quantity, same


@pytest.mark.parametrize(
    ("remark", "kinds"),
    [
        ("The day before, the top was 127.4 degrees.", []),
        ("Last week the temperature peaked at 97.", []),
        ("Maximum temperature today, ninety nine point nine degrees.", ["maximum"]),
        ("At the bottom the temperature was 82.5.", ["minimum"]),
        ("At the worst moment we had 99.9 degrees.", ["maximum"]),
        ("The top of the temperature came at 2.10am.", ["maximum"]),
        ("At the top of the tank it was 95 degrees.", []),
        ("21:45: temperature roughly 85 degrees.", ["at"]),
        ("The temperature was 89 degrees at 14:00, and not 95 degrees.", ["at"]),
    ],
)
def test_what_a_remark_says_of_readings(remark, kinds):
    assert [str(statement.kind) for statement in stated(remark, furnace())] == kinds


def test_another_machine_of_a_log_is_left_out():
    head = "Shift log, line 3:"
    assert stated("With line 7 the lowest was 70 degrees.", furnace(), head=head) == []
    assert stated("On the old press the lowest was 70 degrees.", furnace(), head=head) == []
    assert len(stated("On line 3 the lowest was 70 degrees.", furnace(), head=head)) == 1


@pytest.mark.parametrize(
    ("remark", "told"),
    [
        ("It never got past 99.9, that was the top.", "99.93"),
        ("It stayed below 98 all day.", "98"),
        ("It stayed below 120 all day.", None),
        ("It never fell below 90.", None),
    ],
)
def test_a_bound_tells_the_highest_value_or_contradicts_it(remark, told):
    asked = statistic("What was the highest temperature?")
    assert asked is not None
    result = evaluate(asked, furnace())
    assert isinstance(result, Result)
    values = [value for _, value in bounds(asked, stated(remark, furnace()), furnace(), result)]
    assert values == ([] if told is None else values)
    assert [value.readings[0] for value in values if isinstance(value, Quantity)] == ([Decimal(told)] if told else [])


def test_the_same_time_of_another_day_is_another_time():
    first, second = (Clock((130,), day=Day(((2013, 8, day),))) for day in (1, 2))
    assert not same(first, second)
    assert same(first, Clock((130,)))
    asked = statistic("When was it hottest?")
    result = evaluate(asked, archive()) if asked else None
    assert isinstance(result, Result)
    at = result.computed.time
    assert at is not None
    (statement,) = stated(f"It was hottest at {at:%H:%M} on the first.", archive())
    checked = verify(statement, archive())
    assert checked is not None
    assert not checked.agrees
    assert not same(statement.claimed, checked.result.value)
