"""Computations over tables of several days, of several columns and of few rows, and what a table does not tell."""

from __future__ import annotations

import pytest
from computed import assert_computed, measure, result_of
from logged import archive, furnace, pumps, read

from edge_assistant.reasoning.readings.results import Unmeasured
from edge_assistant.reasoning.values.values import Day

TABLES = {"furnace": furnace, "archive": archive, "pumps": pumps}


@pytest.mark.parametrize(
    ("table", "question", "text", "formula", "rows"),
    [
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
    assert_computed(question, TABLES[table](), text, formula, rows)


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


def test_a_moment_has_its_day_where_the_readings_are_of_several():
    assert result_of("When was it hottest?", archive()).value.day == Day(((2013, 8, 2),))
    assert result_of("When was it hottest?", furnace()).value.day is None


def test_a_table_without_numbers():
    words = read("time,state\n2025-03-14T14:00:00,on\n2025-03-14T14:10:00,off\n")
    assert measure("What was the highest temperature?", words) is None


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
