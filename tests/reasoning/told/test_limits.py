"""Limits as remarks tell them, what sounds like one and is none, and which of several is meant."""

from __future__ import annotations

import pytest
from logged import read

from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.question import understand
from edge_assistant.reasoning.told.limits import is_lower, limits_among, sentence_at, told_limit
from edge_assistant.reasoning.told.told import told_in
from edge_assistant.reasoning.values.candidates import find

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
Maximum allowed bearing temperature is 145.4 degrees Fahrenheit.|145.4
Maximum allowed furnace temperature is 1100 F.|1100
The permitted furnace temperature ends at 1240 °F.|1240
Limit of the bearing temperature, 132.8 F.|132.8
The tank level has a limit of 59 %.|59
They have set the limit for the oven temperature to two hundred degrees Celsius.|200
The permitted bearing temperature is 70 degrees.|70
Permitted: 70 degrees.|70
70 degrees is the permitted bearing temperature.|70
The allowed pressure is 5 bar.|5
The admissible pressure is 5 bar.|5
Admissible oil pressure: 5 bar.|5
The highest permissible temperature is 70 degrees.|70
The highest temperature allowed is 70 degrees.|70
The highest allowed temperature is 70 degrees.|70
The maximum temperature we may have is 70 degrees.|70
The rated maximum is 70 degrees.|70
The manual gives 70 degrees as the upper limit.|70
The data sheet allows 70 degrees.|70
The manual permits 70 degrees.|70
The manufacturer allows up to 70 degrees.|70
The manufacturer allows no more than 70 degrees.|70
Up to 70 degrees is allowed.|70
Up to 70 degrees is fine.|70
70 degrees is as hot as it may get.|70
70 degrees is the most it may have.|70
It may go up to 70 degrees.|70
It may rise to 70 degrees.|70
It can go to 70 degrees before the alarm.|70
It is allowed to reach 70 degrees.|70
It's allowed 70 degrees.|70
We allow 70 degrees at most.|70
We don't allow more than 70 degrees.|70
More than 70 degrees is not allowed.|70
Over 70 degrees is not permitted.|70
Above 70 degrees we have to stop.|70
Above 70 degrees it trips.|70
Beyond 70 degrees the alarm sounds.|70
If it goes above 70 degrees the alarm rings.|70
The alarm goes if it passes 70 degrees.|70
We have to shut down at 70 degrees.|70
The bearing must be under 70 degrees at all times.|70
Keep the bearing below 70 degrees.|70
Keep it at 70 degrees or less.|70
Must be kept at 70 degrees or below.|70
No more than 70 degrees, please.|70
It has to stay at or under 70 degrees.|70
It should not get hotter than 70 degrees.|70
70 degrees must not be exceeded.|70
The temperature is limited to 70 degrees.|70
The bearing temperature is capped at 70 degrees.|70
The ceiling for the bearing temperature is 70 degrees.|70
The upper bound is 70 degrees.|70
The threshold sits at 70 degrees.|70
The alarm threshold for the bearing is 70 degrees.|70
The alarm is at 70 degrees.|70
Our limit here is 70 degrees.|70
For the bearing the limit is 70 degrees.|70
For the bearing temperature the limit is 70 degrees.|70
The limit we run with is 70 degrees.|70
The limit that applies is 70 degrees.|70
The limit value for the oil pressure is 5 bar.|5
The limit, by the way, is 5 bar.|5
As limit we have 70 degrees.|70
The limit lies at 70 degrees.|70
The line must not run above 5 bar.|5
The pressure must stay above 2 bar.|2
The pressure must not drop below 2 bar.|2
The lower limit is 2 bar.|2
The minimum allowed pressure is 2 bar.|2
The lowest permitted level is 20 %.|20
It must not get colder than 2 degrees.|2
It has to be warmer than 2 degrees.|2
Never let it fall under 2 degrees.|2
It needs at least 2 bar.|2
The bearing may not exceed 70 degrees.|70
The red line is 70 degrees.|70
The warning lamp comes on at 70 degrees.|70
The old limit of sixty eight point seven degrees Celsius no longer counts.|
On the old press it is 1196 °F.|
The machine next door may go to 64.2 degrees Celsius.|
The bearing temperature maxed out at 136.4 F.|
It got up to 70 degrees.|
The maximum was 70 degrees.|
The maximum temperature was 70 degrees.|
The highest temperature was 70 degrees.|
It went above 70 degrees at 9.|
It was above 70 degrees.|
Up to 70 degrees were measured.|
I allowed 20 minutes for the filter.|
We are allowed 30 minutes of break.|
We had at most 70 degrees.|
We kept it below 70 degrees.|
It stayed under 70 degrees.|
It ran at 70 degrees, the gauge said.|
The room was 70 degrees.|
It never exceeded 70 degrees.|
70 degrees was as hot as it got.|
The alarm rang at 70 degrees.|
The gauge says 70 degrees.|
At 70 degrees I opened the valve.|
"""


@pytest.mark.parametrize(("remark", "limits"), [row.split("|") for row in TOLD.strip().splitlines()])
def test_a_remark_tells_its_limits(remark, limits):
    found = [f for f in told_in(remark) if f.attribute == "limit" and f.when is None and f.subject is None]
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


def on_page(attribute: str, sentence: str, value: str, signal: str = "image:1") -> Claim:
    return Claim(
        signal, next(iter(find("quantity", value))).value, value, ("E1",), attribute=attribute, sentence=sentence
    )


def test_a_label_tells_a_limit_where_nobody_else_does():
    label = on_page("temperature", "Max. storage temp.: 21 °C", "21 °C")
    told = on_page("limit", "the limit is 20 degrees", "20 °C", "text:1")
    plain = on_page("temperature", "Temperature: 21 °C", "21 °C")
    remark = on_page("temperature", "the maximum was 21 °C", "21 °C", "text:1")
    assert limits_among([label, told, plain, remark]) == [told, label]
    column = read("time,room temperature [degC]\n2025-03-14T14:00:00,20\n").columns[0]
    assert told_limit([label], "When was it too warm?", column) == [label]
    assert told_limit([label, told], "When was it too warm?", column) == [told]
