"""When something happened that a question means: what it says of it, and where another signal tells the time."""

from __future__ import annotations

from datetime import datetime

import pytest
from logged import archive, furnace

from edge_assistant.reasoning.readings.happened import happened
from edge_assistant.reasoning.readings.happenings import fronted, happening
from edge_assistant.reasoning.readings.measured import Kind, Wants, compared, statistic
from edge_assistant.reasoning.told.script import Script


@pytest.mark.parametrize(
    ("question", "clause"),
    [
        ("What was the temperature when the belt squeaked?", "the belt squeaked"),
        ("How hot was it at the moment when the lamp flickered?", "the lamp flickered"),
        ("How hot was it at the time of the knocking?", "the knocking"),
        ("What did it show the moment the alarm rang?", "the alarm rang"),
        ("Which temperature was there while they changed the filter?", "they changed the filter"),
        ("How hot was it as the pump stalled?", "the pump stalled"),
        ("How hot was it during the test run?", "the test run"),
        ("Do they agree on when it peaked?", None),
        ("What is the time of the peak?", None),
    ],
)
def test_a_question_tells_a_moment_by_what_happened(question, clause):
    found = happening(question)
    assert (found.clause if found else None) == clause


def test_what_happened_may_stand_in_front():
    question = fronted("When the belt squeaked, how hot was it?")
    assert happening(question).clause == "the belt squeaked"
    assert statistic("At the time of the knocking, what was the temperature?").kind is Kind.AT


@pytest.mark.parametrize(
    "remark",
    [
        "The belt squeaked at 9.30am.",
        "At half past nine in the morning the belt squeaked.",
        "It was 9:30 when the belt squeaked.",
        "We noticed at 9.30am that the belt was squeaking.",
        "Around noon nothing, but at 09:30 the belt squeaked.",
        "The belt squeaked, that was 9.30am.",
        "The belt squeaked. That was at 9.30am.",
        "It was 9:30. The belt squeaked.",
        "At 09:30 I walked past the line. Just then the belt squeaked.",
        "Shift log, compressor 2: At 09:30 a squeak of the belt. At 11:00 lunch.",
        "09:30 belt squeaked, 10:15 filter changed.",
    ],
)
def test_the_time_stands_in_the_sentence_or_beside_it(remark):
    found = happened("the belt squeaked", script(remark), furnace())
    assert found is not None
    assert found.moment == datetime(2014, 1, 9, 9, 30)
    assert found.evidence == ("E1",)


@pytest.mark.parametrize(
    "remark",
    [
        "The belt squeaked.",
        "The pump stalled at 9.30am.",
        "The belt did not squeak at 9.30am.",
        "Last week the belt squeaked at 9.30am.",
        "On the old press the belt squeaked at 9.30am.",
        "Shift log, line 3:\nAt 9.30am the belt of line 7 squeaked.",
        "",
    ],
)
def test_what_nobody_tells_has_no_time(remark):
    assert happened("the belt squeaked", script(remark), furnace()) is None


def test_of_several_days_one_has_to_be_told():
    assert happened("the belt squeaked", script("The belt squeaked at 10:00."), archive()) is None
    for remark in (
        "The belt squeaked at 10:00 on the 2nd.",
        "On 2 August: all fine. At 10:00 the belt squeaked.",
    ):
        found = happened("the belt squeaked", script(remark), archive())
        assert found is not None
        assert found.moment == datetime(2013, 8, 2, 10, 0)


@pytest.mark.parametrize(
    ("question", "kind", "wants"),
    [
        ("Is the log right about the highest temperature?", Kind.MAXIMUM, Wants.VALUE),
        ("Do the readings and the log agree on the minimum temperature?", Kind.MINIMUM, Wants.VALUE),
        ("Is there a difference between the log and the readings in the average temperature?", Kind.MEAN, Wants.VALUE),
        ("Is the time of the peak the same in the readings and the log?", Kind.MAXIMUM, Wants.MOMENT),
        ("Do they agree on when it peaked?", Kind.MAXIMUM, Wants.MOMENT),
        ("Do they agree on how long the limit was exceeded?", Kind.TIME_BEYOND, Wants.DURATION),
        ("Does the temperature at 07:10 in the log match the readings?", Kind.AT, Wants.VALUE),
        ("Does the note agree with the readings that it stayed below 95?", Kind.STAYED, Wants.TRUTH),
    ],
)
def test_a_question_for_agreement_asks_each_for_the_value(question, kind, wants):
    computing = compared(question)
    assert computing is not None
    assert (computing.kind, computing.wants) == (kind, wants)


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("When did the pressure reach its top?", Kind.MAXIMUM),
        ("What was the top temperature?", Kind.MAXIMUM),
        ("When did it bottom out?", Kind.MINIMUM),
        ("What time was it when the limit was passed?", Kind.FIRST_BEYOND),
        ("Was the temperature above 95 when the belt squeaked?", Kind.WAS_BEYOND),
        ("Which motor temperature was measured at 10:00?", Kind.AT),
        ("Which motor ran hottest?", None),
        ("How high may the temperature be?", None),
    ],
)
def test_what_a_question_over_readings_computes(question, kind):
    computing = statistic(question)
    assert (computing.kind if computing else None) == kind


def script(text: str) -> Script:
    return Script(text, (0,), ("E1",)) if text else Script("", (), ())
