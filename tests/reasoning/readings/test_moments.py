"""Days, times of day and periods of a text on the clock of the readings."""

from __future__ import annotations

import pytest
from helpers.readings import archive, furnace, pumps
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_assistant.reasoning.readings.moments import period
from edge_assistant.reasoning.readings.when import Relation, whens

TABLES = {"furnace": furnace, "archive": archive, "pumps": pumps}


def shown(moment):
    return "" if moment is None else f"{moment:%d %H:%M}"


def text_of(found):
    """A window as `09 14:00..09 16:00`, a moment as `@09 10:05`."""
    start, end = found.window
    window = "" if found.window == (None, None) else f"{shown(start)}..{shown(end)}"
    return " ".join([window] * bool(window) + [f"@{shown(moment)}" for moment in found.moments])


@pytest.mark.parametrize(
    ("table", "text", "expected"),
    [
        ("furnace", "on the ninth", "09 00:00..10 00:00"),
        ("furnace", "on January the ninth, twenty fourteen", "09 00:00..10 00:00"),
        ("furnace", "on 2014-01-09", "09 00:00..10 00:00"), ("furnace", "on Thursday", "09 00:00..10 00:00"),
        ("furnace", "between two and four pm", "09 14:00..09 16:00"),
        ("furnace", "from 02:00 to 03:00", "09 02:00..09 03:00"),
        ("furnace", "from 2 to 3 am on the ninth", "09 02:00..09 03:00"), ("furnace", "after ten", "09 10:00.."),
        ("furnace", "before noon", "..09 12:00"), ("furnace", "until four in the afternoon", "..09 16:00"),
        ("furnace", "in the morning", "09 06:00..09 12:00"), ("furnace", "overnight", "08 22:00..09 06:00"),
        ("furnace", "since the afternoon", "09 12:00.."), ("furnace", "in the first half hour", "09 00:00..09 00:30"),
        ("furnace", "in the last two hours", "09 21:55..09 23:55"),
        ("furnace", "in the first two and a half hours", "09 00:00..09 02:30"),
        ("furnace", "over the past 90 minutes", "09 22:25..09 23:55"),
        ("furnace", "in the hour before noon", "09 11:00..09 12:00"),
        ("furnace", "in the 20 minutes after 02:10", "09 02:10..09 02:30"), ("furnace", "after two hours", "@09 02:00"),
        ("furnace", "at ten past six in the evening", "@09 18:10"), ("furnace", "at 2:10", "@09 02:10 @09 14:10"),
        ("furnace", "at 10:05 on the ninth", "@09 10:05 @09 22:05"), ("archive", "on Friday", "02 00:00..03 00:00"),
        ("archive", "on the last day", "04 00:00..05 00:00"), ("archive", "on day two", "02 00:00..03 00:00"),
        ("archive", "from the first to the third", "01 00:00..04 00:00"),
        ("archive", "between Friday and Saturday", "02 00:00..04 00:00"), ("archive", "after the second", "03 00:00.."),
        ("archive", "before the second of August", "..02 00:00"),
        ("archive", "on Saturday morning", "03 06:00..03 12:00"),
        ("archive", "on the second between ten and noon", "02 10:00..02 12:00"),
        ("archive", "on 3 August at two in the afternoon", "@03 14:00"),
        ("archive", "on the fourth from 10 to 11 pm", "04 22:00..04 23:00"),
        ("archive", "overnight on the second", "02 22:00..03 06:00"), ("pumps", "at ten past six", "@14 06:10"),
        ("pumps", "between one and two", "14 13:00..14 14:00"), ("pumps", "at quarter to two", "@14 13:45"),
    ],
)  # fmt: skip
def test_a_period(table, text, expected):
    found = period(text, TABLES[table]())
    assert found is not None
    assert found.known
    assert text_of(found).endswith(expected)


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("furnace", "on the tenth"), ("furnace", "on Friday"), ("furnace", "on 9 January 2013"),
        ("furnace", "after thirty hours"), ("archive", "at ten"), ("archive", "between two and four"),
        ("archive", "in the morning"), ("archive", "on the fifth day"), ("pumps", "at four in the afternoon"),
        ("pumps", "in the evening"),
    ],
)  # fmt: skip
def test_a_period_that_the_readings_do_not_tell(table, text):
    found = period(text, TABLES[table]())
    assert found is not None
    assert not found.known


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("about two and a half hours", 9000), ("90 minutes", 5400), ("an hour", 3600), ("half an hour", 1800),
        ("a quarter of an hour", 900), ("two hours and ten minutes", 7800), ("2 h 10 min", 7800),
        ("three days", 259200), ("1.5 hours", 5400),
    ],
)  # fmt: skip
def test_a_length_of_time(text, length):
    (when,) = whens(f"after {text}")
    assert (when.relation, when.length) == (Relation.ELAPSED, length)


SAID = """on the ninth at ten past two between and four pm from 02:00 to 03:00 after before noon Friday first last hours
since until overnight 9 January half quarter day minutes in morning , . 95 degrees second"""
PIECES = st.sampled_from(SAID.split())


@settings(max_examples=80)
@given(st.lists(PIECES, max_size=14))
def test_a_window_starts_before_it_ends(words):
    text = " ".join(words)
    named = whens(text)
    assert all(0 <= when.start < when.end <= len(text) for when in named)
    for table in (furnace(), archive()):
        found = period(text, table)
        if found is not None and found.known and None not in found.window:
            assert table.maximum(table.columns[0].name, found.window) is None or found.window[0] < found.window[1]


@settings(max_examples=30)
@given(st.integers(0, 22), st.integers(1, 23))
def test_a_longer_window_is_never_cooler(start, hours):
    end = min(start + hours, 23)
    if end <= start:
        return
    table = furnace()
    inner = period(f"between {start:02d}:00 and {end:02d}:00", table)
    outer = period(f"after {max(start - 1, 0):02d}:00", table)
    assert inner.window[0] < inner.window[1]
    warm = table.maximum("temperature", inner.window)
    warmer = table.maximum("temperature", (outer.window[0].replace(microsecond=0), None))
    assert warm is not None
    assert warmer.value >= warm.value
