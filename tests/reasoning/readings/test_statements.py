"""What remarks and recordings say of readings, as people say it and recognisers write it, and whether it is so."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logged import archive, furnace, pumps, read

from edge_assistant.reasoning.readings.measured import statistic
from edge_assistant.reasoning.readings.statements import answers, stated, verify
from edge_assistant.reasoning.values.values import Clock, Quantity, Truth

TABLES = {"furnace": furnace, "archive": archive, "pumps": pumps}


@pytest.mark.parametrize(
    ("table", "remark", "found"),
    [
        (
            "furnace",
            "Shift log 9 Jan 2014: maximum temperature 96.9 at 02:10",
            [("maximum", "value", False), ("maximum", "moment", True)],
        ),
        ("furnace", "Maximum temperature 99.9 at 02:10.", [("maximum", "value", True), ("maximum", "moment", True)]),
        ("furnace", "It peaked at ninety nine point nine.", [("maximum", "value", True)]),
        ("furnace", "It peaked at ninety six point nine.", [("maximum", "value", False)]),
        ("furnace", "It peaked at about a hundred.", [("maximum", "value", True)]),
        ("furnace", "Peak was 99.9 at 2.10 a.m.", [("maximum", "value", True), ("maximum", "moment", True)]),
        ("furnace", "The furnace got up to 99.9 degrees in the night.", [("maximum", "value", True)]),
        (
            "furnace",
            "The hottest was 99.9, at ten past two in the morning.",
            [("maximum", "value", True), ("maximum", "moment", True)],
        ),
        ("furnace", "It was hottest at ten past three.", [("maximum", "moment", False)]),
        (
            "furnace",
            "The low was 82.5 at eight in the evening.",
            [("minimum", "value", True), ("minimum", "moment", True)],
        ),
        ("furnace", "The temperature dropped to 82.5 at 8 p.m.", [("at", "value", True)]),
        ("furnace", "Lowest temperature today 84 degrees.", [("minimum", "value", False)]),
        ("furnace", "It never went over 100.", [("stayed within", "truth", True)]),
        ("furnace", "It never went over ninety nine.", [("stayed within", "truth", False)]),
        ("furnace", "It did not exceed 100 degrees all day.", [("stayed within", "truth", True)]),
        ("furnace", "The temperature stayed below one hundred degrees.", [("stayed within", "truth", True)]),
        ("furnace", "It stayed above 85 the whole shift.", [("stayed within", "truth", False)]),
        ("furnace", "It didn't stay below 95.", [("stayed within", "truth", True)]),
        ("furnace", "It never fell below eighty.", [("stayed within", "truth", True)]),
        ("furnace", "The temperature was always above 82 degrees.", [("stayed within", "truth", True)]),
        ("furnace", "No higher than 98 overnight.", [("stayed within", "truth", False)]),
        ("furnace", "It went over 95 at half past one.", [("first beyond", "moment", True)]),
        ("furnace", "It went over ninety five at twenty past four.", [("first beyond", "moment", False)]),
        ("furnace", "The temperature first exceeded 95 at 01:30.", [("first beyond", "moment", True)]),
        ("furnace", "It came back below 95 at three.", [("back within", "moment", True)]),
        ("furnace", "It was above 95 for about two hours.", [("time beyond", "duration", True)]),
        ("furnace", "It was above 95 for four hours in total.", [("time beyond", "duration", False)]),
        ("furnace", "It was over 95 for two hours.", [("time beyond", "duration", True)]),
        ("furnace", "It exceeded 95 twice.", [("excursions", "count", True)]),
        ("furnace", "It went over 95 three times.", [("excursions", "count", False)]),
        ("furnace", "At ten past two it was 99.9.", [("at", "value", True)]),
        ("furnace", "At 10:00 we read 90 degrees.", [("at", "value", True)]),
        ("furnace", "It read ninety degrees at 10 a.m.", [("at", "value", True)]),
        ("furnace", "At two in the afternoon it was eighty nine.", [("at", "value", True)]),
        ("furnace", "At 14:00 the gauge showed 95.", [("at", "value", False)]),
        ("furnace", "It averaged 89 degrees over the day.", [("mean", "value", True)]),
        ("furnace", "The average was 92 degrees.", [("mean", "value", False)]),
        ("furnace", "In the first hour it averaged ninety.", [("mean", "value", True)]),
        ("furnace", "It has been falling since noon.", [("trend", "truth", True)]),
        ("furnace", "It has been rising since noon.", [("trend", "truth", False)]),
        ("furnace", "The temperature kept climbing all afternoon.", [("trend", "truth", False)]),
        ("furnace", "It went over 210 Fahrenheit at five past two.", [("first beyond", "moment", False)]),
        ("furnace", "Maximum 211.9 degrees Fahrenheit.", [("maximum", "value", True)]),
        ("furnace", "Now it is at 84 degrees.", []),
        ("furnace", "It started at 90.", [("first", "value", True)]),
        ("furnace", "It was above 95 at two.", [("was beyond", "truth", True)]),
        ("furnace", "It was above 95 at eight in the morning.", [("was beyond", "truth", False)]),
        (
            "furnace",
            "By noon it was back below 95, and after that it never went above 90.",
            [("went beyond", "truth", True)],
        ),
        ("furnace", "The alarm limit is 85 degrees.", []),
        ("furnace", "It must never go over 95.", []),
        ("furnace", "If it gets above 90 call me.", []),
        ("furnace", "Did it go over 95?", []),
        ("furnace", "I changed 3 filters at 10:30.", []),
        ("furnace", "Nothing to report.", []),
        ("furnace", "Humidity peaked at 60 percent.", []),
        ("furnace", "The boiler peaked at 120 degrees.", [("maximum", "value", False)]),
        ("furnace", "Temperature varied by 17.4 degrees.", [("spread", "value", True)]),
        ("furnace", "It was hotter than 95 at midnight.", [("was beyond", "truth", False)]),
        (
            "furnace",
            "Sorry, it peaked at 99.9 and not at 02:20 but at 02:10.",
            [("maximum", "value", True), ("maximum", "moment", True)],
        ),
        ("furnace", "It peaked at 96.9, no, sorry, 99.9.", [("maximum", "value", True)]),
        ("furnace", "After the break it stayed below 90.", []),
        ("furnace", "Peaked at ninety nine point nine and then stayed below 95.", [("maximum", "value", True)]),
        ("furnace", "We saw 99.9 at ten past two.", [("at", "value", True)]),
        (
            "furnace",
            "The thermometer read 89 at 2 p.m. and 88 at 4 p.m.",
            [("at", "value", True), ("at", "value", True)],
        ),
        ("furnace", "It stayed between 80 and 100 degrees all day.", [("stayed within", "truth", True)]),
        ("furnace", "The temperature never left the range of 85 to 100 degrees.", [("went beyond", "truth", False)]),
        ("furnace", "It was up and down, but at 02:10 it was 99.9 degrees.", [("at", "value", True)]),
        ("furnace", "Around two o'clock it went over 99.", [("first beyond", "moment", True)]),
        ("furnace", "It ran at ninety degrees at noon.", [("at", "value", True)]),
        ("furnace", "It's been cooling down since lunchtime.", [("trend", "truth", True)]),
        ("furnace", "Temp. at 14:00 89 C", [("at", "value", True)]),
        (
            "furnace",
            "Highest 99.93, lowest 82.5, average 89.2.",
            [("maximum", "value", True), ("minimum", "value", True), ("mean", "value", True)],
        ),
        ("furnace", "It might have gone over 100.", []),
        ("furnace", "Yesterday it peaked at 120.", []),
        ("furnace", "It dropped below 85 at about eight in the evening.", [("first beyond", "moment", True)]),
        (
            "furnace",
            "The temperature was over 95 for a good hour and a half between one and three.",
            [("went beyond", "truth", True)],
        ),
        ("archive", "The archive stayed below seventy five degrees all the time.", [("stayed within", "truth", False)]),
        ("archive", "The archive never got warmer than 77.", [("stayed within", "truth", True)]),
        ("archive", "On the third the archive peaked at 74 degrees.", [("maximum", "value", True)]),
        (
            "archive",
            "It was hottest on 2 August at seven in the evening, 76.57 degrees.",
            [("maximum", "value", True), ("maximum", "moment", True)],
        ),
        ("archive", "Humidity was 52 percent on the third at noon.", [("at", "value", True)]),
        ("archive", "The humidity stayed below 50 percent.", [("stayed within", "truth", False)]),
        ("archive", "The humidity never went over fifty five.", [("stayed within", "truth", True)]),
        ("archive", "On Friday it reached 76.6.", [("maximum", "value", True)]),
        ("archive", "It stayed under 25 degrees Celsius.", [("stayed within", "truth", True)]),
        ("archive", "The office stayed below 70.", []),
        ("archive", "On the first it was never above 75.", [("stayed within", "truth", True)]),
        (
            "archive",
            "The lowest was 69.4 on Sunday at three in the morning.",
            [("minimum", "value", True), ("minimum", "moment", True)],
        ),
        ("archive", "The humidity averaged 46.4 percent.", [("mean", "value", True)]),
        ("archive", "Humidity peaked at 61 on the third.", [("maximum", "value", False)]),
        ("pumps", "Pump two ran at 95.", []),
        ("pumps", "Pump one peaked at 64.", [("maximum", "value", True)]),
        ("pumps", "Pump 2 never went over 60 degrees.", [("stayed within", "truth", True)]),
        ("pumps", "Pump three went over 90 at ten.", []),
        ("pumps", "The pressure was at 5.6 bar at nine in the morning.", [("at", "value", True)]),
        ("pumps", "Pressure dropped to 3.1 bar at noon.", [("at", "value", True)]),
        (
            "pumps",
            "The pressure went over 5 bar at nine o'clock and came back at ten to ten.",
            [("first beyond", "moment", True)],
        ),
        ("pumps", "Pressure stayed above 4 bar all morning.", [("stayed within", "truth", True)]),
        ("pumps", "The pressure never fell below 3 bar.", [("stayed within", "truth", True)]),
        ("pumps", "Pump 1 has been heating up since six.", [("trend", "truth", True)]),
        ("pumps", "The pressure peaked at 81 psi.", [("maximum", "value", True)]),
        ("pumps", "The boiler was at 90 at nine.", []),
    ],
)
def test_a_remark_is_compared_with_the_readings(table, remark, found):
    readings = TABLES[table]()
    verified = [verify(statement, readings) for statement in stated(remark, readings)]
    assert [(v.statement.kind, v.statement.computing.wants, v.agrees) for v in verified] == found


def test_a_statement_stands_at_its_characters():
    text = "All quiet.\nIt peaked at 99.9, and the lowest was 82.5."
    for statement in stated(text, furnace()):
        assert text[statement.start : statement.end].rstrip(" .,") == statement.text
    assert len(stated(text, furnace())) == 2


def test_a_pronoun_goes_on_about_the_column_before():
    first, second = stated("The pressure peaked at 5.6, and it never went over 6.", pumps())
    assert first.column == second.column == "pressure"
    assert verify(second, pumps()).agrees


def test_a_limit_that_something_else_tells():
    (statement,) = stated("It went over the limit at half past one.", furnace())
    assert verify(statement, furnace()) is None
    assert verify(statement, furnace(), number("95")).agrees
    assert not verify(statement, furnace(), number("99")).agrees
    (statement,) = stated("It was above the limit for about two hours.", furnace())
    assert verify(statement, furnace(), number("95")).agrees
    (statement,) = stated("The limit of 95 was exceeded at half past one.", furnace())
    assert verify(statement, furnace()).agrees
    assert stated("The alarm limit for this furnace is one hundred degrees.", furnace()) == []
    assert stated("The limit of 95 degrees is for the furnace.", furnace()) == []
    (statement,) = stated("The limit was never exceeded.", furnace())
    assert verify(statement, furnace(), number("100")).agrees
    assert not verify(statement, furnace(), number("95")).agrees


def test_a_period_outside_of_the_readings_is_not_compared():
    assert stated("On 12 January it peaked at 120.", furnace()) == []
    assert stated("At 10:10 it was 90 degrees.", furnace()) != []
    assert verify(stated("At 10:10 it was 90 degrees.", furnace())[0], furnace()) is None  # there is a gap


@pytest.mark.parametrize(
    "remark",
    [
        "I paid 38.40 for lunch.",
        "He weighs 82 kilos.",
        "She takes 5 mg twice a day.",
        "The plate says 400 volts and twenty one amps.",
        "He had three coffees on average.",
        "Max 8 items.",
        "The highest shelf is 2 m.",
        "The total came to 38.40.",
        "Ran at 1450 rpm all day.",
        "It took over two hours to fix.",
        "More than 20 people came.",
        "Over 90 boxes went out.",
        "Tank level fell below 20 percent.",
        "We stayed under budget, below 500 euros.",
        "Output rose since noon.",
        "Sales have been falling.",
        "The price dropped to 95.",
        "Keep below 25 degrees.",
        "Store between 2 and 8 degrees.",
        "Temperature alarm at 85.",
        "Filled in 20 litres at noon.",
        "Stopped at 14:00, 5 minutes later than planned.",
    ],
)
def test_a_remark_that_is_not_about_the_readings(remark):
    assert stated(remark, furnace()) == []


@pytest.mark.parametrize(
    ("about", "count"), [("", 1), ("furnace.csv", 0), ("pump_2.csv", 1), ("pump 1 temperatures", 0), ("machine.csv", 1)]
)
def test_what_the_readings_are_of_may_be_told_by_their_file(about, count):
    assert len(stated("Pump two peaked at 95.", furnace(), about)) == count


@pytest.mark.parametrize(
    ("question", "remark", "values"),
    [
        ("How hot did the machine get on the ninth?", "Maximum temperature 96.9 at 02:10", ["96.9"]),
        ("At what time was it hottest?", "Maximum temperature 96.9 at 02:10", [Clock((130,))]),
        ("Did the furnace stay below 75 all the time?", "It stayed below seventy five all day.", [Truth(True)]),
        ("Did it stay below 75?", "It stayed below 70.", [Truth(True)]),
        ("Did it stay below 75?", "It stayed below 80.", []),
        ("Did it stay below 75?", "It never went over 75.", [Truth(True)]),
        ("Did it ever go over 75?", "It never went over 75.", [Truth(False)]),
        ("Did it stay below 75?", "It peaked at 76.", [Truth(False)]),
        ("Did it stay below 75?", "It went over 80 twice.", [Truth(False)]),
        ("Did it stay above 60?", "The lowest was 65.", [Truth(True)]),
        ("Did it fall below 60?", "It dropped below 50 at noon.", [Truth(True)]),
        ("How long was it above 90?", "It was above 90 for two hours.", ["7200"]),
        ("How long was it above 90?", "It was above 95 for two hours.", []),
        ("When was the limit first exceeded?", "It went over the limit at twenty past four.", [Clock((260, 980))]),
        ("When was the limit first exceeded?", "It went over 80 at twenty past four.", []),
        ("What was the average?", "It peaked at 96.9, the average was 90.", ["90"]),
        ("How hot was it at 14:00?", "At two in the afternoon it was 89.", ["89"]),
        ("How hot was it at 14:00?", "At three in the afternoon it was 88.", []),
        ("How hot did it get in the first hour?", "It peaked at 99.", []),
        ("Is it rising?", "It has been falling.", [Truth(False)]),
        ("What was the highest humidity?", "It peaked at 96.9.", []),
    ],
)
def test_a_statement_answers_a_question_of_the_same(question, remark, values):
    table = furnace()
    told = [value for _, value in answers(statistic(question), stated(remark, table), table)]
    assert [str(v.readings[0]) if isinstance(v, Quantity) else v for v in told] == values


def number(text):
    from decimal import Decimal

    return Quantity((Decimal(text),))


START = datetime(2024, 5, 1, 0, 0)
COLUMN = st.lists(st.integers(200, 999), min_size=4, max_size=60)  # tenths of a degree, every 10 min


def table_of(tenths):
    rows = [f"{(START + timedelta(minutes=10 * i)).isoformat()},{t / 10:.1f}" for i, t in enumerate(tenths)]
    return read("time,temperature [degC]\n" + "\n".join(rows) + "\n")


def clock(minutes):
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def sentences(tenths, shift):
    """True sentences about readings, or false ones where they are shifted by some tenths."""
    high, low, first = max(tenths), min(tenths), tenths[0]
    at = 10 * tenths.index(high)
    yield f"The maximum was {(high + shift) / 10:.1f} degrees."
    yield f"It peaked at {(high + shift) / 10:.1f}."
    yield f"The lowest temperature was {(low - shift) / 10:.1f} degrees."
    yield f"At 00:00 it was {(first + shift) / 10:.1f} degrees."
    yield f"The hottest it got was {(high + shift) / 10:.1f} degrees at {clock(at)}."
    yield f"It never went over {(high - shift) / 10:.1f} degrees."
    yield f"It stayed above {(low + shift - 1) / 10:.1f} degrees."
    yield f"It was {(tenths[-1] + shift) / 10:.1f} at {clock(10 * len(tenths) - 10)}."


@settings(max_examples=60, deadline=None)
@given(COLUMN)
def test_what_is_said_of_the_readings_themselves_is_true(tenths):
    table = table_of(tenths)
    for sentence in sentences(tenths, 0):
        verified = [verify(statement, table) for statement in stated(sentence, table)]
        assert verified, sentence
        assert all(v is not None and v.agrees for v in verified), sentence


@settings(max_examples=60, deadline=None)
@given(COLUMN, st.integers(2, 90))
def test_what_is_off_by_more_than_the_tolerance_is_false(tenths, shift):
    table = table_of(tenths)
    for sentence in sentences(tenths, shift):
        verified = [verify(statement, table) for statement in stated(sentence, table)]
        assert any(v is not None and not v.agrees for v in verified), sentence


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(200, 998), min_size=8, max_size=60), st.data())
def test_a_wrong_time_of_the_maximum_is_found(tenths, data):
    at = data.draw(st.integers(0, len(tenths) - 1))
    wrong = data.draw(st.integers(0, len(tenths) - 1).filter(lambda other: other != at))
    tenths[at] = 999
    table = table_of(tenths)
    (right,) = stated(f"It was hottest at {clock(10 * at)}.", table)
    assert verify(right, table).agrees
    (statement,) = stated(f"It was hottest at {clock(10 * wrong)}.", table)
    assert not verify(statement, table).agrees


VOCABULARY = """the temperature peaked at over under never 95 ninety point nine degrees two hours on ninth monday
02:10 noon between and a.m. . , pump 2 limit until when first last rising twice 9 January half past ? ! day to from
per % it was stayed"""
WORDS = st.sampled_from(VOCABULARY.split())


@settings(max_examples=150, deadline=None)
@given(st.lists(WORDS, max_size=25))
def test_no_words_break_it(words):
    text = " ".join(words)
    for table in (furnace(), archive(), pumps()):
        for statement in stated(text, table):
            verify(statement, table, number("95"))


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=200))
def test_no_text_breaks_it(text):
    for statement in stated(text, furnace()):
        verify(statement, furnace())


def test_a_long_text_is_read_to_a_limit():
    text = "It peaked at 99.9. " * 5_000
    assert 0 < len(stated(text, furnace())) <= 200
    assert re.match("It peaked", stated(text, furnace())[0].text)
