"""Times of day as people say and recognisers write them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.reasoning.readings.clockwords import times


def minutes(text):
    return [found.minutes for found in times(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("at 02:10", [(130,)]), ("at 2:10", [(130, 850)]), ("at 14:10:30", [(850,)]), ("at 12:30", [(750, 30)]),
        ("at 00:05", [(5,)]), ("2014-01-09T02:10:00", [(130,)]), ("2.10 p.m. it stopped", [(850,)]),
        ("at 10.05", [(605, 1325)]), ("3h15", [(195, 915)]), ("at 12 am", [(0,)]), ("at 12 pm", [(720,)]),
        ("ten past six", [(370, 1090)]), ("twenty five past six", [(385, 1105)]),
        ("quarter to four in the afternoon", [(945,)]), ("ten minutes to midnight", [(1430,)]),
        ("five to one", [(55, 775)]), ("half past nine at night", [(1290,)]), ("ten o'clock", [(600, 1320)]),
        ("three o clock in the morning", [(180,)]), ("twenty-two hundred hours", [(1320,)]),
        ("oh six hundred hours", [(360,)]), ("1430 hours", [(870,)]), ("at ten thirty", [(630, 1350)]),
        ("ten oh five am", [(605,)]), ("2 15 pm", [(855,)]), ("noon", [(720,)]), ("midnight", [(0, 1440)]),
        ("at six in the morning", [(360,)]), ("at two in the early morning", [(120,)]), ("at three at night", [(180,)]),
        ("after ten", [(600, 1320)]), ("between two and four", [(120, 840), (240, 960)]),
        ("from ten past six to twenty to seven", [(370, 1090), (400, 1120)]),
        ("from ten to four", [(600, 1320), (240, 960)]), ("rose between one and two pm", [(60, 780), (840,)]),
    ],
)  # fmt: skip
def test_a_time_of_day(text, found):
    assert minutes(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "at 95", "at 4.2 bar", "at 21.50 degrees", "at ten degrees", "at twenty percent", "ran for ten minutes",
        "after two hours", "rose from 20 to 30", "stayed between 20 and 22", "about a hundred and two",
        "at ninety nine point nine", "at 20,5", "rose by 5", "ten readings", "25:10", "12:75", "€10.30",
        "between four and a half", "two",
    ],
)  # fmt: skip
def test_a_number_that_is_no_time_of_day(text):
    assert minutes(text) == []


@given(st.integers(0, 1439))
def test_every_minute_is_read_as_it_is_written(minute):
    assert minutes(f"at {minute // 60:02d}:{minute % 60:02d}")[0][0] == minute
    half = "am" if minute < 720 else "pm"
    assert minutes(f"{minute // 60 % 12 or 12}:{minute % 60:02d} {half}") == [(minute,)]


@given(st.text(alphabet="0123456789:. apmto-hundredpasthalfquarter", max_size=60))
def test_times_stand_in_their_text_in_order(text):
    found = list(times(text))
    assert all(0 <= a.start < a.end <= len(text) for a in found)
    assert all(a.end <= b.start for a, b in pairwise(found))
    assert all(0 <= minute <= 1440 for a in found for minute in a.minutes)
