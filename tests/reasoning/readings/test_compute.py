"""Computations over readings as people ask for them: what is said, by which formula, over which rows."""

from __future__ import annotations

from decimal import Decimal

import pytest
from logged import archive, furnace, pumps, read

from edge_assistant.reasoning.readings.compute import measure, needs_limit
from edge_assistant.reasoning.readings.measured import Kind, statistic
from edge_assistant.reasoning.readings.moments import moment_of
from edge_assistant.reasoning.readings.results import Result, Unmeasured
from edge_assistant.reasoning.values.values import Clock, Day, Nothing, Quantity, Truth

TABLES = {"furnace": furnace, "archive": archive, "pumps": pumps}


def result_of(question, table, limit=None, moment=None):
    result = measure(question, table, limit, moment)
    assert isinstance(result, Result), result
    return result


@pytest.mark.parametrize(
    ("table", "question", "text", "formula", "rows"),
    [
        ("furnace", "Was the maximum temperature 96.9 degrees?", "no, 99.93 degC", "max(temperature)", (27, 27)),
        ("furnace", "Is 99.9 degrees the peak?", "yes, 99.93 degC", "max(temperature)", (27, 27)),
        ("furnace", "Did the temperature peak at ten past two?", "yes, 2014-01-09 02:10", "max(temperature)", (27, 27)),
        ("furnace", "Was the peak at 03:10?", "no, 2014-01-09 02:10", "max(temperature)", (27, 27)),
        ("furnace", "Was it 89 degrees at 2 p.m.?", "yes, 89 degC", "at(temperature, 2014-01-09 14:00)", (169, 169)),
        ("furnace", "When did it drop to 85?", "2014-01-09 20:00", "first(temperature < 85)", (241, 241)),
        (
            "furnace",
            "How hot was it half an hour before noon?",
            "90 degC",
            "at(temperature, 2014-01-09 11:30)",
            (139, 139),
        ),
        ("furnace", "How hot did it get?", "99.93 degC", "max(temperature)", (27, 27)),
        (
            "furnace",
            "How hot did the furnace get on the ninth?",
            "99.93 degC",
            "max(temperature, 2014-01-09 00:00..2014-01-10 00:00)",
            (27, 27),
        ),
        ("furnace", "What was the peak temperature?", "99.93 degC", "max(temperature)", (27, 27)),
        ("furnace", "What's the max?", "99.93 degC", "max(temperature)", (27, 27)),
        (
            "furnace",
            "What was the hottest it got on 9 January?",
            "99.93 degC",
            "max(temperature, 2014-01-09 00:00..2014-01-10 00:00)",
            (27, 27),
        ),
        ("furnace", "At what time was it hottest?", "2014-01-09 02:10", "max(temperature)", (27, 27)),
        ("furnace", "When did the temperature peak?", "2014-01-09 02:10", "max(temperature)", (27, 27)),
        ("furnace", "What time was the maximum reached?", "2014-01-09 02:10", "max(temperature)", (27, 27)),
        ("furnace", "What was the lowest temperature?", "82.5 degC", "min(temperature)", (241, 241)),
        ("furnace", "When was it coldest?", "2014-01-09 20:00", "min(temperature)", (241, 241)),
        ("furnace", "How cold did it get after noon?", "82.5 degC", "min(temperature, 2014-01-09 12:00..)", (241, 241)),
        ("furnace", "What was the average temperature?", "89.16 degC", "mean(temperature)", (1, 288)),
        (
            "furnace",
            "What was the mean temperature during the first hour?",
            "90 degC",
            "mean(temperature, 2014-01-09 00:00..2014-01-09 01:00)",
            (1, 12),
        ),
        (
            "furnace",
            "What was the average between one and three in the morning?",
            "96.34 degC",
            "mean(temperature, 2014-01-09 01:00..2014-01-09 03:00)",
            (13, 37),
        ),
        (
            "furnace",
            "How warm was it on average overnight?",
            "92.7 degC",
            "mean(temperature, 2014-01-08 22:00..2014-01-09 06:00)",
            (1, 72),
        ),
        (
            "furnace",
            "What was the highest temperature from 04:00 to 06:00?",
            "96 degC",
            "max(temperature, 2014-01-09 04:00..2014-01-09 06:00)",
            (61, 61),
        ),
        (
            "furnace",
            "How hot did it get between four and six am?",
            "96 degC",
            "max(temperature, 2014-01-09 04:00..2014-01-09 06:00)",
            (61, 61),
        ),
        (
            "furnace",
            "What was the highest reading before one?",
            "90 degC",
            "max(temperature, ..2014-01-09 01:00)",
            (1, 1),
        ),
        (
            "furnace",
            "What was the maximum in the last two hours?",
            "85 degC",
            "max(temperature, 2014-01-09 21:55..2014-01-09 23:55)",
            (265, 265),
        ),
        (
            "furnace",
            "What was the highest temperature in the hour before noon?",
            "90 degC",
            "max(temperature, 2014-01-09 11:00..2014-01-09 12:00)",
            (133, 133),
        ),
        ("furnace", "What was the temperature at 02:10?", "99.93 degC", "at(temperature, 2014-01-09 02:10)", (27, 27)),
        (
            "furnace",
            "What was the temperature at ten past two?",
            "99.93 degC",
            "at(temperature, 2014-01-09 02:10)",
            (27, 27),
        ),
        ("furnace", "How hot was it at 2.10 a.m.?", "99.93 degC", "at(temperature, 2014-01-09 02:10)", (27, 27)),
        (
            "furnace",
            "How hot was it when it was read at 10:00?",
            "90 degC",
            "at(temperature, 2014-01-09 10:00)",
            (121, 121),
        ),
        (
            "furnace",
            "What did the sensor read at three in the afternoon?",
            "88.5 degC",
            "at(temperature, 2014-01-09 15:00)",
            (181, 181),
        ),
        (
            "furnace",
            "How hot was it at fourteen hundred hours?",
            "89 degC",
            "at(temperature, 2014-01-09 14:00)",
            (169, 169),
        ),
        (
            "furnace",
            "What was the temperature at quarter to two in the morning?",
            "98.68 degC",
            "at(temperature, 2014-01-09 01:45)",
            (22, 22),
        ),
        ("furnace", "How hot was it at noon?", "90 degC", "at(temperature, 2014-01-09 12:00)", (145, 145)),
        ("furnace", "When did it first go over 95?", "2014-01-09 01:30", "first(temperature > 95)", (19, 19)),
        (
            "furnace",
            "When did the temperature first exceed 95 degrees?",
            "2014-01-09 01:30",
            "first(temperature > 95)",
            (19, 19),
        ),
        ("furnace", "When was 99 degrees first exceeded?", "2014-01-09 01:55", "first(temperature > 99)", (24, 24)),
        (
            "furnace",
            "At what time did it pass ninety five degrees celsius?",
            "2014-01-09 01:30",
            "first(temperature > 95)",
            (19, 19),
        ),
        ("furnace", "When did it first drop below 85?", "2014-01-09 20:00", "first(temperature < 85)", (241, 241)),
        (
            "furnace",
            "When did the temperature fall under 88 degrees?",
            "2014-01-09 16:05",
            "first(temperature < 88)",
            (194, 194),
        ),
        ("furnace", "When did it come back below 95?", "2014-01-09 03:00", "end(temperature > 95)", (37, 37)),
        ("furnace", "When was it last above 95?", "2014-01-09 05:25", "last(temperature > 95)", (66, 66)),
        ("furnace", "Did it ever go above 100?", "no, highest 99.93 degC", "max(temperature)", (27, 27)),
        (
            "furnace",
            "Did the temperature exceed 212 degrees Fahrenheit?",
            "no, highest 99.93 degC",
            "max(temperature), 212 degF = 100 degC",
            (27, 27),
        ),
        ("furnace", "Did it stay below 100 the whole day?", "yes, highest 99.93 degC", "max(temperature)", (27, 27)),
        ("furnace", "Was it always above 85?", "no, lowest 82.5 degC", "min(temperature)", (241, 241)),
        ("furnace", "Was the furnace ever over 95?", "yes, highest 99.93 degC", "max(temperature)", (27, 27)),
        ("furnace", "Did it never go over 99?", "no, highest 99.93 degC", "max(temperature)", (27, 27)),
        ("furnace", "When did it first exceed 120 degrees?", "never, highest 99.93 degC", "max(temperature)", (27, 27)),
        ("furnace", "How long was it above 95?", "2 h", "duration(temperature > 95)", (19, 66)),
        (
            "furnace",
            "How long was the temperature over ninety five degrees?",
            "2 h",
            "duration(temperature > 95)",
            (19, 66),
        ),
        (
            "furnace",
            "For how long was it hotter than 95 in the first three hours?",
            "1 h 30 min",
            "duration(temperature > 95, 2014-01-09 00:00..2014-01-09 03:00)",
            (19, 36),
        ),
        ("furnace", "How many minutes was it above 99.5?", "15 min", "duration(temperature > 99.5)", (26, 28)),
        ("furnace", "How long was it below 85?", "2 h", "duration(temperature < 85)", (241, 288)),
        ("furnace", "How many times did it go over 95?", "2 times", "runs(temperature > 95)", (19, 66)),
        ("furnace", "How often did it exceed 95 degrees?", "2 times", "runs(temperature > 95)", (19, 66)),
        ("furnace", "How many readings were above 95?", "24 readings", "count(temperature > 95)", (19, 66)),
        ("furnace", "How many readings are there?", "284 readings", "count(temperature)", (1, 288)),
        ("furnace", "By how much did it exceed 95 degrees?", "4.93 degC", "max(temperature) - 95", (27, 27)),
        ("furnace", "How far over 98 did it go?", "1.93 degC", "max(temperature) - 98", (27, 27)),
        (
            "furnace",
            "How much did the temperature vary?",
            "17.43 degC",
            "max(temperature) - min(temperature)",
            (1, 288),
        ),
        (
            "furnace",
            "What is the difference between the highest and the lowest temperature?",
            "17.43 degC",
            "max(temperature) - min(temperature)",
            (1, 288),
        ),
        (
            "furnace",
            "How much did it drop between noon and six pm?",
            "fell by 3 degC",
            "last(temperature, 2014-01-09 12:00..2014-01-09 18:00)"
            " - first(temperature, 2014-01-09 12:00..2014-01-09 18:00)",
            (145, 217),
        ),
        (
            "furnace",
            "How fast was it falling after noon?",
            "-0.5 degC/h",
            "trend(temperature, 2014-01-09 12:00..)",
            (146, 288),
        ),
        (
            "furnace",
            "Was the temperature rising after noon?",
            "no, falling by 0.5 degC/h",
            "trend(temperature, 2014-01-09 12:00..)",
            (146, 288),
        ),
        (
            "furnace",
            "Was it falling in the afternoon?",
            "yes, falling by 0.5 degC/h",
            "trend(temperature, 2014-01-09 12:00..2014-01-09 18:00)",
            (145, 216),
        ),
        ("furnace", "What is the temperature now?", "84.04 degC", "last(temperature)", (288, 288)),
        ("furnace", "What was the last reading?", "84.04 degC", "last(temperature)", (288, 288)),
        ("furnace", "What was the first reading?", "90 degC", "first(temperature)", (1, 1)),
        ("furnace", "What was the temperature at the start?", "90 degC", "first(temperature)", (1, 1)),
        ("furnace", "How long do the readings cover?", "23 h 55 min", "last(time) - first(time)", (1, 288)),
        (
            "furnace",
            "Was it over 95 at ten past two?",
            "yes, 99.93 degC",
            "at(temperature, 2014-01-09 02:10)",
            (27, 27),
        ),
        (
            "furnace",
            "Was it above 95 at eight in the morning?",
            "no, 90 degC",
            "at(temperature, 2014-01-09 08:00)",
            (97, 97),
        ),
        ("furnace", "How hot was it after two hours?", "99.43 degC", "at(temperature, 2014-01-09 02:00)", (25, 25)),
        ("archive", "On which day was it warmest?", "2013-08-02", "max(archive temperature)", (44, 44)),
        ("archive", "When was the archive hottest?", "2013-08-02 19:00", "max(archive temperature)", (44, 44)),
        (
            "archive",
            "What was the highest temperature on the third?",
            "74 degF",
            "max(archive temperature, 2013-08-03 00:00..2013-08-04 00:00)",
            (55, 55),
        ),
        (
            "archive",
            "How warm did it get on Friday?",
            "76.57 degF",
            "max(archive temperature, 2013-08-02 00:00..2013-08-03 00:00)",
            (44, 44),
        ),
        (
            "archive",
            "What was the temperature on 2 August at 19:00?",
            "76.57 degF",
            "at(archive temperature, 2013-08-02 19:00)",
            (44, 44),
        ),
        (
            "archive",
            "How cold did it get on the fourth?",
            "69.4 degF",
            "min(archive temperature, 2013-08-04 00:00..2013-08-05 00:00)",
            (70, 70),
        ),
        ("archive", "What was the average humidity?", "46.4 %", "mean(humidity)", (1, 90)),
        ("archive", "What was the highest humidity?", "52 %", "max(humidity)", (49, 49)),
        ("archive", "How humid was it on the third at noon?", "52 %", "at(humidity, 2013-08-03 12:00)", (55, 55)),
        ("archive", "How damp did it get?", "52 %", "max(humidity)", (49, 49)),
        (
            "archive",
            "When did the humidity first exceed 50 percent?",
            "2013-08-03 00:00",
            "first(humidity > 50)",
            (49, 49),
        ),
        (
            "archive",
            "Did the archive stay below seventy five all the time?",
            "no, highest 76.57 degF",
            "max(archive temperature)",
            (44, 44),
        ),
        (
            "archive",
            "Did it stay below 75 degrees on the first?",
            "yes, highest 74 degF",
            "max(archive temperature, 2013-08-01 00:00..2013-08-02 00:00)",
            (11, 11),
        ),
        (
            "archive",
            "Did it stay under 25 degrees Celsius?",
            "yes, highest 76.57 degF",
            "max(archive temperature), 25 degC = 77 degF",
            (44, 44),
        ),
        ("archive", "How long was it above 75?", "1 h", "duration(archive temperature > 75)", (44, 44)),
        ("archive", "How many times was it over 73 degrees?", "5 times", "runs(archive temperature > 73)", (11, 84)),
        (
            "archive",
            "What was the average on the last day?",
            "71.31 degF",
            "mean(archive temperature, 2013-08-04 00:00..2013-08-05 00:00)",
            (67, 90),
        ),
        (
            "archive",
            "What was the highest temperature from the first to the second of August?",
            "76.57 degF",
            "max(archive temperature, 2013-08-01 00:00..2013-08-03 00:00)",
            (44, 44),
        ),
        (
            "archive",
            "What was the mean temperature after the second?",
            "71.32 degF",
            "mean(archive temperature, 2013-08-03 00:00..)",
            (49, 90),
        ),
        ("archive", "When was the humidity highest?", "2013-08-03 00:00", "max(humidity)", (49, 49)),
        (
            "archive",
            "How long was the humidity above 50 % on the third?",
            "18 h",
            "duration(humidity > 50, 2013-08-03 00:00..2013-08-04 00:00)",
            (49, 66),
        ),
        (
            "archive",
            "Was the temperature above 73 at 3 pm on the first?",
            "yes, 74 degF",
            "at(archive temperature, 2013-08-01 15:00)",
            (16, 16),
        ),
        (
            "archive",
            "What was the maximum on Friday evening?",
            "76.57 degF",
            "max(archive temperature, 2013-08-02 18:00..2013-08-02 22:00)",
            (44, 44),
        ),
        (
            "archive",
            "How hot was it on the second day at five past seven in the evening?",
            "76.57 degF",
            "at(archive temperature, 2013-08-02 19:05)",
            (44, 44),
        ),
        ("pumps", "How hot did pump one get?", "64 degC", "max(pump 1 temperature)", (49, 49)),
        ("pumps", "How hot did pump 2 get?", "55 degC", "max(pump 2 temperature)", (1, 1)),
        ("pumps", "What was the highest temperature of pump two?", "55 degC", "max(pump 2 temperature)", (1, 1)),
        ("pumps", "What was the highest pressure?", "5.6 bar", "max(pressure)", (19, 19)),
        ("pumps", "When was the pressure lowest?", "2025-03-14 12:00", "min(pressure)", (37, 37)),
        ("pumps", "When did the pressure first go over 5 bar?", "2025-03-14 09:00", "first(pressure > 5)", (19, 19)),
        ("pumps", "How long was the pressure above 5 bar?", "50 min", "duration(pressure > 5)", (19, 23)),
        (
            "pumps",
            "When did the pressure first exceed 70 psi?",
            "2025-03-14 09:00",
            "first(pressure > 4.82633), 70 psi = 4.82633 bar",
            (19, 19),
        ),
        ("pumps", "What was the pressure at nine o'clock?", "5.6 bar", "at(pressure, 2025-03-14 09:00)", (19, 19)),
        ("pumps", "What was the pressure at half past nine?", "5.6 bar", "at(pressure, 2025-03-14 09:30)", (22, 22)),
        (
            "pumps",
            "How hot was pump 1 at ten thirty?",
            "53.5 degC",
            "at(pump 1 temperature, 2025-03-14 10:30)",
            (28, 28),
        ),
        ("pumps", "Is pump 1 heating up?", "yes, rising by 3 degC/h", "trend(pump 1 temperature)", (1, 49)),
        (
            "pumps",
            "How much did the temperature of pump 1 rise?",
            "rose by 24 degC",
            "last(pump 1 temperature) - first(pump 1 temperature)",
            (1, 49),
        ),
        ("pumps", "Did the pressure stay above 3.5 bar?", "no, lowest 3.1 bar", "min(pressure)", (37, 37)),
        ("pumps", "Did the pressure fall below 3 bar?", "no, lowest 3.1 bar", "min(pressure)", (37, 37)),
        ("pumps", "How many bar was it at most?", "5.6 bar", "max(pressure)", (19, 19)),
        ("pumps", "How fast did pump 1 heat up?", "3 degC/h", "trend(pump 1 temperature)", (1, 49)),
    ],
)
def test_a_question_is_computed(table, question, text, formula, rows):
    result = result_of(question, TABLES[table]())
    assert (result.text, result.computed.formula, result.computed.rows) == (text, formula, rows)
    assert formula in result.evidence
    assert text.partition(", ")[2] in result.evidence
    assert result.text in result.evidence


@pytest.mark.parametrize(
    ("table", "question"),
    [
        ("furnace", "What was the humidity?"),
        ("furnace", "What was the highest pressure?"),
        ("furnace", "What is the total on the receipt?"),
        ("furnace", "When was the last service?"),
        ("furnace", "How many cats are there?"),
        ("furnace", "Who signed the report?"),
        ("furnace", "Who worked the most?"),
        ("furnace", "What was the highest temperature before the limit was exceeded?"),
        ("furnace", "How hot was it an hour before the peak?"),
        ("furnace", "What was the maximum during the night shift?"),
        ("furnace", "How much change did she get?"),
        ("furnace", "How many cups were sold at 10:00?"),
        ("furnace", "What was ordered at 10:00?"),
        ("pumps", "Which pump ran hottest?"),
        ("furnace", "What is the serial number?"),
        ("archive", "What was the temperature on 9 August?"),
        ("pumps", "How hot did pump three get?"),
        ("pumps", "What was the boiler temperature at nine?"),
    ],
)
def test_what_the_readings_are_not_about_is_not_computed(table, question):
    assert measure(question, TABLES[table]()) is None


@pytest.mark.parametrize(
    ("table", "question", "reason"),
    [
        ("furnace", "How hot was it at 10:10?", "there is no reading of temperature at 2014-01-09 10:10"),
        ("furnace", "How hot was it on the tenth?", "the readings are from 2014-01-09 00:00 to 2014-01-09 23:55"),
        (
            "archive",
            "What was the temperature on Saturday at eight in the morning?",
            "there is no reading of archive temperature at 2013-08-03 08:00",
        ),
        (
            "archive",
            "How hot was it at ten past six?",
            "the readings are of several days, and which one is meant is not told",
        ),
        (
            "pumps",
            "What was the pressure at six in the evening?",
            "the readings are from 2025-03-14 06:00 to 2025-03-14 14:00",
        ),
    ],
)
def test_a_time_that_the_readings_do_not_tell_is_refused_with_a_reason(table, question, reason):
    assert measure(question, TABLES[table]()) == Unmeasured(reason)


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


def test_a_moment_has_its_day_where_the_readings_are_of_several():
    assert result_of("When was it hottest?", archive()).value.day == Day(((2013, 8, 2),))
    assert result_of("When was it hottest?", furnace()).value.day is None


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
    assert needs_limit(question) is needs
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


def test_a_table_without_numbers():
    words = read("time,state\n2025-03-14T14:00:00,on\n2025-03-14T14:10:00,off\n")
    assert measure("What was the highest temperature?", words) is None


def test_a_period_of_gaps():
    question = "What was the highest temperature between 10:05 and 10:20?"
    assert measure(question, furnace()) == Unmeasured("there is no reading of temperature then")


def test_one_row():
    one = read("time,temperature [degC]\n2025-03-14T14:00:00,21.5\n")
    assert result_of("How hot did it get?", one).text == "21.5 degC"
    assert result_of("How much did it vary?", one).text == "0 degC"
    assert result_of("How hot was it at two pm?", one).text == "21.5 degC"
    assert isinstance(measure("Is it rising?", one), Unmeasured)


def test_numbers_of_small_readings_keep_their_decimals():
    small = read("time,vibration [mm/s]\n2025-03-14T14:00:00,0.0012\n2025-03-14T14:10:00,0.0034\n")
    assert result_of("What was the highest vibration?", small).text == "0.0034 mm/s"


def test_the_slowest_answer_takes_longest():
    host = read("time,latency [ms]\n2025-03-14T14:00:00,20\n2025-03-14T14:10:00,34\n")
    assert result_of("What was the slowest response?", host).text == "34 ms"
    assert result_of("What was the fastest response?", host).text == "20 ms"
    assert result_of("What was the highest latency?", host).text == "34 ms"
