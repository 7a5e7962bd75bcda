"""Computations over a day of one column as people ask for them: what is said, by which formula, over which rows."""

from __future__ import annotations

from decimal import Decimal

import pytest
from computed import assert_computed, measure, moment_of, result_of
from logged import furnace

from edge_assistant.reasoning.readings.measured import Kind, statistic
from edge_assistant.reasoning.readings.results import Unmeasured
from edge_assistant.reasoning.values.values import Clock, Day, Nothing, Quantity, Truth


@pytest.mark.parametrize(
    ("question", "text", "formula", "rows"),
    [
        ("Was the maximum temperature 96.9 degrees?", "no, 99.93 degC", "max(temperature)", (27, 27)),
        ("Is 99.9 degrees the peak?", "yes, 99.93 degC", "max(temperature)", (27, 27)),
        ("Did the temperature peak at ten past two?", "yes, 2014-01-09 02:10", "max(temperature)", (27, 27)),
        ("Was the peak at 03:10?", "no, 2014-01-09 02:10", "max(temperature)", (27, 27)),
        ("Was it 89 degrees at 2 p.m.?", "yes, 89 degC", "at(temperature, 2014-01-09 14:00)", (169, 169)),
        ("When did it drop to 85?", "2014-01-09 20:00", "first(temperature < 85)", (241, 241)),
        ("How hot was it half an hour before noon?", "90 degC", "at(temperature, 2014-01-09 11:30)", (139, 139)),
        ("How hot did it get?", "99.93 degC", "max(temperature)", (27, 27)),
        (
            "How hot did the furnace get on the ninth?",
            "99.93 degC",
            "max(temperature, 2014-01-09 00:00..2014-01-10 00:00)",
            (27, 27),
        ),
        ("What was the peak temperature?", "99.93 degC", "max(temperature)", (27, 27)),
        ("What's the max?", "99.93 degC", "max(temperature)", (27, 27)),
        (
            "What was the hottest it got on 9 January?",
            "99.93 degC",
            "max(temperature, 2014-01-09 00:00..2014-01-10 00:00)",
            (27, 27),
        ),
        ("At what time was it hottest?", "2014-01-09 02:10", "max(temperature)", (27, 27)),
        ("When did the temperature peak?", "2014-01-09 02:10", "max(temperature)", (27, 27)),
        ("What time was the maximum reached?", "2014-01-09 02:10", "max(temperature)", (27, 27)),
        ("What was the lowest temperature?", "82.5 degC", "min(temperature)", (241, 241)),
        ("When was it coldest?", "2014-01-09 20:00", "min(temperature)", (241, 241)),
        ("How cold did it get after noon?", "82.5 degC", "min(temperature, 2014-01-09 12:00..)", (241, 241)),
        ("What was the average temperature?", "89.16 degC", "mean(temperature)", (1, 288)),
        (
            "What was the mean temperature during the first hour?",
            "90 degC",
            "mean(temperature, 2014-01-09 00:00..2014-01-09 01:00)",
            (1, 12),
        ),
        (
            "What was the average between one and three in the morning?",
            "96.34 degC",
            "mean(temperature, 2014-01-09 01:00..2014-01-09 03:00)",
            (13, 37),
        ),
        (
            "How warm was it on average overnight?",
            "92.7 degC",
            "mean(temperature, 2014-01-08 22:00..2014-01-09 06:00)",
            (1, 72),
        ),
        (
            "What was the highest temperature from 04:00 to 06:00?",
            "96 degC",
            "max(temperature, 2014-01-09 04:00..2014-01-09 06:00)",
            (61, 61),
        ),
        (
            "How hot did it get between four and six am?",
            "96 degC",
            "max(temperature, 2014-01-09 04:00..2014-01-09 06:00)",
            (61, 61),
        ),
        ("What was the highest reading before one?", "90 degC", "max(temperature, ..2014-01-09 01:00)", (1, 1)),
        (
            "What was the maximum in the last two hours?",
            "85 degC",
            "max(temperature, 2014-01-09 21:55..2014-01-09 23:55)",
            (265, 265),
        ),
        (
            "What was the highest temperature in the hour before noon?",
            "90 degC",
            "max(temperature, 2014-01-09 11:00..2014-01-09 12:00)",
            (133, 133),
        ),
        ("What was the temperature at 02:10?", "99.93 degC", "at(temperature, 2014-01-09 02:10)", (27, 27)),
        ("What was the temperature at ten past two?", "99.93 degC", "at(temperature, 2014-01-09 02:10)", (27, 27)),
        ("How hot was it at 2.10 a.m.?", "99.93 degC", "at(temperature, 2014-01-09 02:10)", (27, 27)),
        ("How hot was it when it was read at 10:00?", "90 degC", "at(temperature, 2014-01-09 10:00)", (121, 121)),
        (
            "What did the sensor read at three in the afternoon?",
            "88.5 degC",
            "at(temperature, 2014-01-09 15:00)",
            (181, 181),
        ),
        ("How hot was it at fourteen hundred hours?", "89 degC", "at(temperature, 2014-01-09 14:00)", (169, 169)),
        (
            "What was the temperature at quarter to two in the morning?",
            "98.68 degC",
            "at(temperature, 2014-01-09 01:45)",
            (22, 22),
        ),
        ("How hot was it at noon?", "90 degC", "at(temperature, 2014-01-09 12:00)", (145, 145)),
        ("When did it first go over 95?", "2014-01-09 01:30", "first(temperature > 95)", (19, 19)),
        ("When did the temperature first exceed 95 degrees?", "2014-01-09 01:30", "first(temperature > 95)", (19, 19)),
        ("When was 99 degrees first exceeded?", "2014-01-09 01:55", "first(temperature > 99)", (24, 24)),
        (
            "At what time did it pass ninety five degrees celsius?",
            "2014-01-09 01:30",
            "first(temperature > 95)",
            (19, 19),
        ),
        ("When did it first drop below 85?", "2014-01-09 20:00", "first(temperature < 85)", (241, 241)),
        ("When did the temperature fall under 88 degrees?", "2014-01-09 16:05", "first(temperature < 88)", (194, 194)),
        ("When did it come back below 95?", "2014-01-09 03:00", "end(temperature > 95)", (37, 37)),
        ("When was it last above 95?", "2014-01-09 05:25", "last(temperature > 95)", (66, 66)),
        ("Did it ever go above 100?", "no, highest 99.93 degC", "max(temperature)", (27, 27)),
        (
            "Did the temperature exceed 212 degrees Fahrenheit?",
            "no, highest 99.93 degC",
            "max(temperature), 212 degF = 100 degC",
            (27, 27),
        ),
        ("Did it stay below 100 the whole day?", "yes, highest 99.93 degC", "max(temperature)", (27, 27)),
        ("Was it always above 85?", "no, lowest 82.5 degC", "min(temperature)", (241, 241)),
        ("Was the furnace ever over 95?", "yes, highest 99.93 degC", "max(temperature)", (27, 27)),
        ("Did it never go over 99?", "no, highest 99.93 degC", "max(temperature)", (27, 27)),
        ("When did it first exceed 120 degrees?", "never, highest 99.93 degC", "max(temperature)", (27, 27)),
        ("How long was it above 95?", "2 h", "duration(temperature > 95)", (19, 66)),
        ("How long was the temperature over ninety five degrees?", "2 h", "duration(temperature > 95)", (19, 66)),
        (
            "For how long was it hotter than 95 in the first three hours?",
            "1 h 30 min",
            "duration(temperature > 95, 2014-01-09 00:00..2014-01-09 03:00)",
            (19, 36),
        ),
        ("How many minutes was it above 99.5?", "15 min", "duration(temperature > 99.5)", (26, 28)),
        ("How long was it below 85?", "2 h", "duration(temperature < 85)", (241, 288)),
        ("How many times did it go over 95?", "2 times", "runs(temperature > 95)", (19, 66)),
        ("How often did it exceed 95 degrees?", "2 times", "runs(temperature > 95)", (19, 66)),
        ("How many readings were above 95?", "24 readings", "count(temperature > 95)", (19, 66)),
        ("How many readings are there?", "284 readings", "count(temperature)", (1, 288)),
        ("By how much did it exceed 95 degrees?", "4.93 degC", "max(temperature) - 95", (27, 27)),
        ("How far over 98 did it go?", "1.93 degC", "max(temperature) - 98", (27, 27)),
        ("How much did the temperature vary?", "17.43 degC", "max(temperature) - min(temperature)", (1, 288)),
        (
            "What is the difference between the highest and the lowest temperature?",
            "17.43 degC",
            "max(temperature) - min(temperature)",
            (1, 288),
        ),
        (
            "How much did it drop between noon and six pm?",
            "fell by 3 degC",
            "last(temperature, 2014-01-09 12:00..2014-01-09 18:00)"
            " - first(temperature, 2014-01-09 12:00..2014-01-09 18:00)",
            (145, 217),
        ),
        ("How fast was it falling after noon?", "-0.5 degC/h", "trend(temperature, 2014-01-09 12:00..)", (146, 288)),
        (
            "Was the temperature rising after noon?",
            "no, falling by 0.5 degC/h",
            "trend(temperature, 2014-01-09 12:00..)",
            (146, 288),
        ),
        (
            "Was it falling in the afternoon?",
            "yes, falling by 0.5 degC/h",
            "trend(temperature, 2014-01-09 12:00..2014-01-09 18:00)",
            (145, 216),
        ),
        ("What is the temperature now?", "84.04 degC", "last(temperature)", (288, 288)),
        ("What was the last reading?", "84.04 degC", "last(temperature)", (288, 288)),
        ("What was the first reading?", "90 degC", "first(temperature)", (1, 1)),
        ("What was the temperature at the start?", "90 degC", "first(temperature)", (1, 1)),
        ("How long do the readings cover?", "23 h 55 min", "last(time) - first(time)", (1, 288)),
        ("Was it over 95 at ten past two?", "yes, 99.93 degC", "at(temperature, 2014-01-09 02:10)", (27, 27)),
        ("Was it above 95 at eight in the morning?", "no, 90 degC", "at(temperature, 2014-01-09 08:00)", (97, 97)),
        ("How hot was it after two hours?", "99.43 degC", "at(temperature, 2014-01-09 02:00)", (25, 25)),
    ],
)
def test_a_question_is_computed(question, text, formula, rows):
    assert_computed(question, furnace(), text, formula, rows)


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("How hot did it get?", Quantity((Decimal("99.93"),), "degC", measured=True)),
        ("When was it hottest?", Clock((130,))),
        ("On which day was it hottest?", Day(((2014, 1, 9),))),
        ("How long was it above 95?", Quantity((Decimal(7200),), "s", measured=True)),
        ("How many times did it go over 95?", Quantity((Decimal(2),), measured=True)),
        ("Did it stay below 95?", Truth(False)),
        ("Did it ever go over 95?", Truth(True)),
        ("Is it falling?", Truth(True)),
        ("When did it first go over 120?", Nothing()),
        ("When did it come back below 80?", Nothing()),
        ("By how much did it exceed 120?", Nothing()),
    ],
)
def test_values_are_typed(question, value):
    assert result_of(question, furnace()).value == value


@pytest.mark.parametrize(
    ("question", "needs"),
    [
        ("When was the alarm limit first exceeded?", True),
        ("How long was it above the limit?", True),
        ("Did the temperature stay below the limit?", True),
        ("How often was the limit exceeded?", True),
        ("By how much was the limit exceeded?", True),
        ("When did it exceed 95?", False),
        ("How hot did it get?", False),
        ("What is the alarm limit?", False),
        ("Who was the operator?", False),
    ],
)
def test_a_limit_that_something_else_has_to_tell(question, needs):
    computing = statistic(question)
    assert (computing is not None and computing.needs_limit) is needs
    if needs:
        assert measure(question, furnace()) is None
        assert measure(question, furnace(), Quantity((Decimal(95),))) is not None


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (Quantity((Decimal(95),), "degC"), "2014-01-09 01:30"),
        (Quantity((Decimal(95),), "deg"), "2014-01-09 01:30"),
        (Quantity((Decimal("210.2"),), "degF"), "2014-01-09 01:55"),
        (Quantity((Decimal("9.95"), Decimal("99.5"))), "2014-01-09 02:05"),
        (Quantity((Decimal(120),)), "never, highest 99.93 degC"),
    ],
)
def test_a_limit_that_is_told_elsewhere(limit, text):
    assert result_of("When was the alarm limit first exceeded?", furnace(), limit).text == text


def test_a_converted_limit_stands_in_the_formula():
    result = result_of("When was the limit exceeded?", furnace(), Quantity((Decimal("210.2"),), "degF"))
    assert result.computed.formula == "first(temperature > 99), 210.2 degF = 99 degC"
    assert measure("When was the limit exceeded?", furnace(), Quantity((Decimal(5),), "bar")) is None


@pytest.mark.parametrize(
    ("low", "high", "question", "text"),
    [
        (80, 100, "Did the furnace stay within the limits?", "yes, lowest 82.5 degC, highest 99.93 degC"),
        (85, 100, "Did the temperature stay in the allowed range all day?", "no, lowest 82.5 degC, highest 99.93 degC"),
    ],
)
def test_a_range_that_is_told_elsewhere(low, high, question, text):
    limit = Quantity((Decimal(low), Decimal(high)), "degC", least=Decimal(low), most=Decimal(high))
    assert result_of(question, furnace(), limit).text == text


def test_a_remark_tells_the_moment_that_a_question_means():
    question = "How hot was it when the pump stalled?"
    computing = statistic(question)
    assert computing is not None
    assert (computing.kind, computing.clause) == (Kind.AT, "the pump stalled")
    assert measure(question, furnace()) is None
    moment = moment_of("At 2.10 a.m. the pump stalled.", furnace())
    assert result_of(question, furnace(), moment=moment).text == "99.93 degC"


def test_the_moment_of_the_question_goes_before_one_from_elsewhere():
    moment = moment_of("at noon", furnace())
    assert result_of("How hot was it at 02:10?", furnace(), moment=moment).text == "99.93 degC"


def test_a_period_of_gaps():
    question = "What was the highest temperature between 10:05 and 10:20?"
    assert measure(question, furnace()) == Unmeasured("there is no reading of temperature then")
