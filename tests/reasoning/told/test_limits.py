"""Limits as remarks tell them, what sounds like one and is none, and which of several is meant."""

from __future__ import annotations

import pytest
from logged import read

from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.question import understand
from edge_assistant.reasoning.told.limits import is_lower, sentence_at, told_limit
from edge_assistant.reasoning.told.told import told_in

TOLD = """
The alarm is set at 80 degrees.|80
We have the alarm set to 80 °C.|80
The alarm for the oil pressure comes at 4.2 bar.|4.2
Alarm at 4.2 bar.|4.2
Limit 80 °C, as always.|80
The limit on the oil pressure stands at 4.2 bar.|4.2
4.2 bar is the limit for the oil pressure.|4.2
At 80 degrees the alarm goes off.|80
It trips at 80 degrees.|80
The motor cuts out above 16 amps.|16
The oil pressure must not exceed 4.2 bar.|4.2
It mustn't go over 80 degrees.|80
The temperature must stay below 80 degrees.|80
It should never be hotter than 80 degrees.|80
The bearing may be 70 degrees at most.|70
According to the manual 35 l/min at most.|35
No more than 80 degrees is allowed.|80
5 bar at most are allowed.|5
Anything over 80 degrees is too hot.|80
Don't let it get over 80 degrees.|80
The maximum allowed temperature is 80 degrees.|80
Warning level 70 degrees, alarm level 80 degrees.|70 80
The warning comes at 70 degrees and the alarm at 80.|70 80
The pressure must not fall below 2 bar.|2
At least 2 bar is needed.|2
The limit is 80 degrees, the bearing temperature I mean.|80
The alarm limit used to be 85 degrees but now it's 90 degrees.|90
Last year the limit was 64.2 degrees.|
The temperature went over the limit by 3 degrees.|
It stayed below 80 degrees all day.|
The alarm went off at 78 degrees.|
When the alarm sounded it showed 78 degrees.|
There was an alarm at 78 degrees.|
The alarm lamp flickered at 10:30.|
It must have been 80 degrees in there.|
It was 5 degrees over the limit for 20 minutes.|
We changed the limit switch at 3 bar.|
Is the limit 80 degrees?|
"""


@pytest.mark.parametrize(("remark", "limits"), [row.split("|") for row in TOLD.strip().splitlines()])
def test_a_remark_tells_its_limits(remark, limits):
    found = [f for f in told_in(remark) if f.attribute == "limit" and f.when is None]
    assert [str(f.value.readings[0]) for f in found] == limits.split()


def test_a_number_that_is_a_limit_is_no_reading():
    assert {f.attribute for f in told_in("The oil pressure alarm comes at 4.2 bar.")} == {"limit"}


@pytest.mark.parametrize(
    ("remark", "subject"),
    [
        ("The old press has its alarm at 82 degrees.", "old press"),
        ("Shift log, line 3:\nThe limit for line 3 is 16 A.", None),
        ("Shift log, line 3:\nThe limit for line 7 is 20 A.", "line 7"),
        ("The limit for line 3 is 16 A.", None),
    ],
)
def test_the_limit_of_another_machine_is_not_the_one_at_hand(remark, subject):
    (found,) = [f for f in told_in(remark) if f.attribute == "limit"]
    assert found.subject == subject


SEVERAL = (
    "The alarm for the motor temperature is 80 degrees. The oil pressure limit is 5 bar. "
    "Warning level for the motor temperature is 70 degrees. The oil pressure must not fall below 2 bar."
)


def claims():
    return [
        Claim("text:1", f.value, "", ("E1",), attribute=f.attribute, sentence=sentence_at(SEVERAL, f.start))
        for f in told_in(SEVERAL)
    ]


@pytest.mark.parametrize(
    ("question", "limit"),
    [
        ("What is the limit for the oil pressure?", 5),
        ("How low may the oil pressure be?", 2),
        ("What is the alarm for the motor temperature?", 80),
        ("What is the warning level of the motor temperature?", 70),
    ],
)
def test_the_limit_of_several_that_a_question_means(question, limit):
    assert [claim.value.readings[0] for claim in told_limit(claims(), question)] == [limit]


def test_the_limit_of_a_column_is_the_one_of_its_quantity():
    table = read("time,oil pressure [bar],motor temperature [degC]\n2025-03-14T14:00:00,3,60\n")
    for column, limit in zip(table.columns, (5, 80), strict=False):
        (claim,) = told_limit(claims(), "When did it pass the alarm limit?", column)[:1]
        assert claim.value.readings[0] == limit


def test_a_limit_from_below_is_told_from_one_from_above():
    assert is_lower("The pressure must not fall below 2 bar.")
    assert not is_lower("The pressure must not rise above 5 bar.")


@pytest.mark.parametrize(
    "question",
    [
        "How high may the temperature be?",
        "What is the temperature limit?",
        "Where is the limit for the bearing temperature?",
        "What is the highest permitted pressure?",
        "What may the flow be at most?",
    ],
)
def test_a_question_for_a_limit_asks_for_it_first(question):
    query = understand(question)
    assert query.attributes[0].name == "limit"
    assert query.computing is None
