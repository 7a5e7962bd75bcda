"""Which column a text is about, and of which thing."""

from __future__ import annotations

from decimal import Decimal

import pytest
from logged import archive, furnace, pumps, read

from edge_assistant.reasoning.readings.columns import column_of, converted
from edge_assistant.reasoning.readings.subjects import other_subject, subjects
from edge_assistant.reasoning.values.values import Quantity

MOTOR = "time,motor temperature [degC],current [A],vibration [mm/s]\n2025-03-14T14:00:00,60,11,2\n"
PATIENT = "time,pulse [1/min],oxygen saturation [%],temperature [degC]\n2025-03-14T09:00:00,99,97,37.1\n"
HOST = "time,cpu utilization [%],latency [ms]\n2025-03-14T09:00:00,12,99\n"
BARE = "time,value\n2025-03-14T09:00:00,12\n"


@pytest.mark.parametrize(
    ("csv", "text", "column"),
    [
        (MOTOR, "What was the highest temperature?", "motor temperature"),
        (MOTOR, "How hot did the motor get?", "motor temperature"),
        (MOTOR, "How high did the current go?", "current"),
        (MOTOR, "How many amps did it draw?", "current"),
        (MOTOR, "What is the current temperature?", "motor temperature"),
        (MOTOR, "When did it vibrate most?", "vibration"),
        (MOTOR, "How hot did the pump get?", None),
        (MOTOR, "What was the highest pressure?", None),
        (MOTOR, "What was the highest price?", None),
        (PATIENT, "When was the pulse highest?", "pulse"),
        (PATIENT, "What was the highest heart rate?", "pulse"),
        (PATIENT, "What was the lowest saturation?", "oxygen saturation"),
        (PATIENT, "Did the sats fall?", "oxygen saturation"),
        (PATIENT, "How hot did she get?", "temperature"),
        (PATIENT, "What was the highest blood sugar?", None),
        (HOST, "When was the latency highest?", "latency"),
        (HOST, "How busy was the host?", "cpu utilization"),
        (HOST, "What was the peak utilization?", "cpu utilization"),
        (BARE, "What was the highest value?", "value"),
        (BARE, "How hot did it get?", "value"),
        (BARE, "What was the highest price?", None),
    ],
)
def test_a_column_by_words(csv, text, column):
    found = column_of(text, read(csv))
    assert (found and found.name) == column


def test_the_unit_of_a_limit_tells_the_column():
    table = read(MOTOR)
    assert column_of("When was the limit exceeded?", table, Quantity((Decimal(12),), "A")).name == "current"
    assert (
        column_of("When was the limit exceeded?", table, Quantity((Decimal(85),), "degF")).name == "motor temperature"
    )
    assert column_of("When was the limit exceeded?", table, Quantity((Decimal(5),), "bar")) is None
    assert column_of("When was the limit exceeded?", table).name == "motor temperature"


@pytest.mark.parametrize(
    ("table", "limit", "number"),
    [
        (furnace, Quantity((Decimal(212),), "degF"), Decimal(100)),
        (furnace, Quantity((Decimal(95),), "deg"), Decimal(95)),
        (archive, Quantity((Decimal(75),), "deg"), Decimal(75)),
        (archive, Quantity((Decimal(25),), "degC"), Decimal(77)),
        (furnace, Quantity((Decimal(95),)), Decimal(95)),
        (furnace, Quantity((Decimal("0.95"), Decimal(95))), Decimal(95)),
        (furnace, Quantity((Decimal(5),), "bar"), None),
    ],
)
def test_a_limit_in_the_unit_of_the_column(table, limit, number):
    assert converted(limit, table().columns[0]) == number


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("pump two ran at 95", {("pump", "2")}),
        ("Pump no. 3 and boiler B", {("pump", "3"), ("boiler", "b")}),
        ("pump_2_temperature", {("pump", "2")}),
        ("the pumps", {("pump", None)}),
        ("a pump 2.5 bar", {("pump", None)}),
        ("the online archive", {("archive", None)}),
        ("nothing", set()),
    ],
)
def test_things_that_a_text_names(text, found):
    assert subjects(text) == found


@pytest.mark.parametrize(
    ("text", "about", "other"),
    [
        ("pump two ran at 95", "pump 1 temperature", True),
        ("pump two ran at 95", "pump 2 temperature", False),
        ("the pump ran at 95", "pump 2 temperature", False),
        ("the machine ran at 95", "pump 2 temperature", False),
        ("the boiler ran at 95", "pump 2 temperature", True),
        ("the boiler ran at 95", "temperature", False),
        ("machine two ran at 95", "machine 1 temperature", True),
        ("it ran at 95", "pump 2 temperature", False),
        ("the office was warm", "archive temperature", True),
    ],
)
def test_whether_a_text_is_about_another_thing(text, about, other):
    assert other_subject(text, about) is other


def test_a_table_that_names_its_things_has_no_others():
    assert column_of("What was the pressure of pump 3?", pumps()) is None
    assert column_of("What was the pressure?", pumps()).name == "pressure"
