"""Every entry of readings.toml: the phrase makes the sentence that it stands for."""

from __future__ import annotations

import re
from datetime import date

import pytest
from logged import furnace, read

from edge_assistant.reasoning.readings.columns import column_of, measures
from edge_assistant.reasoning.readings.comparing import direction
from edge_assistant.reasoning.readings.lengths import seconds
from edge_assistant.reasoning.readings.measured import Kind, Wants, statistic
from edge_assistant.reasoning.readings.moments import period
from edge_assistant.reasoning.readings.statements import stated
from edge_assistant.reasoning.readings.subjects import subjects
from edge_assistant.reasoning.readings.when import masked, whens
from edge_assistant.reasoning.rules.phrasing import found
from edge_assistant.reasoning.rules.vocabulary import shipped

DATA = shipped().measuring


def entries(table, *names):
    return [(name, phrase) for name in names or DATA[table] for phrase in DATA[table][name]]


def filled(phrase):
    """A phrase with words in place of its gap."""
    return phrase.replace("...", "did it")


@pytest.mark.parametrize(
    ("table", "name"), [(table, name) for table in ("words", "asks", "statistics", "told") for name in DATA[table]]
)
def test_each_phrase_is_found_as_a_whole(table, name):
    for phrase in DATA[table][name]:
        assert found(f"yes {filled(phrase).upper()} no", table, name), phrase
        assert phrase == phrase.lower().strip()
        assert len(DATA[table][name]) == len(set(DATA[table][name]))


@pytest.mark.parametrize(("name", "phrase"), entries("words", "over", "under"))
def test_a_word_of_a_limit_tells_its_side(name, phrase):
    assert direction(f"it was {phrase} 95 degrees") is (name == "over")


@pytest.mark.parametrize("phrase", DATA["words"]["reach"])
def test_what_reaches_a_number_goes_up_to_it(phrase):
    assert direction(f"when did it {phrase} 95 degrees") is True


@pytest.mark.parametrize("phrase", DATA["words"]["sink"])
def test_what_sinks_to_a_number_goes_down_to_it(phrase):
    assert direction(f"when did it {phrase} 85 degrees") is False


@pytest.mark.parametrize("phrase", DATA["words"]["stay"])
def test_a_word_of_staying_asks_whether_it_was_so_all_the_time(phrase):
    computing = statistic(f"Was the temperature {phrase} below 95?")
    assert computing is not None
    assert (computing.kind, computing.wants) == (Kind.STAYED, Wants.TRUTH)


@pytest.mark.parametrize("phrase", DATA["words"]["norm"])
def test_a_rule_is_no_statement(phrase):
    assert stated(f"The temperature {phrase} never over 95.", furnace()) == []


@pytest.mark.parametrize("phrase", DATA["words"]["never"])
def test_a_word_of_negation_denies_it(phrase):
    assert all(s.kind is Kind.STAYED for s in stated(f"It {phrase} over 95.", furnace()))


@pytest.mark.parametrize(("name", "phrase"), [e for e in entries("asks") if e[0] not in ("excess", "day", "other")])
def test_a_question_word_wants_its_sort_of_answer(name, phrase):
    wants = {"times": Wants.COUNT, "readings": Wants.COUNT}.get(name) or Wants(name)
    computing = statistic(f"{phrase} was the temperature above 95")
    assert computing is not None
    assert computing.wants is wants


@pytest.mark.parametrize("phrase", DATA["asks"]["other"])
def test_a_question_that_no_computation_answers(phrase):
    assert statistic(f"{phrase} was hottest?") is None


@pytest.mark.parametrize("phrase", DATA["asks"]["day"])
def test_a_question_for_the_day(phrase):
    assert statistic(f"{phrase} was it hottest").wants is Wants.DAY


@pytest.mark.parametrize("phrase", DATA["asks"]["excess"])
def test_a_question_for_the_distance_to_the_limit(phrase):
    beyond = "" if found(phrase, "words", "over", "under") else " above"
    assert statistic(f"{phrase}{beyond} the limit was it").kind is Kind.EXCESS


@pytest.mark.parametrize(("name", "phrase"), [e for e in entries("statistics") if e[0] not in ("level", "reading")])
def test_a_statistic_is_named(name, phrase):
    computing = statistic(f"What was the {filled(phrase)}?" if "how" not in phrase else f"{filled(phrase)}?")
    assert computing is not None
    assert computing.kind is Kind(name)


@pytest.mark.parametrize("phrase", DATA["statistics"]["level"])
def test_a_level_is_the_highest_one_or_that_of_a_moment(phrase):
    assert statistic(f"{phrase} did it get?").kind is Kind.MAXIMUM
    assert statistic(f"{phrase} was it at 10:05?").kind is Kind.AT


@pytest.mark.parametrize("phrase", DATA["statistics"]["reading"])
def test_a_reading_is_asked_for_at_a_moment(phrase):
    assert statistic(f"{filled(phrase)} at 10:05?").kind is Kind.AT


@pytest.mark.parametrize(("name", "phrase"), [e for e in entries("told") if e[0] not in ("rising", "falling")])
def test_a_statistic_is_told(name, phrase):
    (statement,) = stated(f"The temperature {filled(phrase)} 95 degrees.", furnace())
    assert statement.kind is Kind(name)


@pytest.mark.parametrize(("name", "phrase"), entries("told", "rising", "falling"))
def test_a_trend_is_told(name, phrase):
    (statement,) = stated(f"The temperature has been {phrase}.", furnace())
    assert (statement.kind, statement.computing.over) == (Kind.TREND, name == "rising")


@pytest.mark.parametrize(("count", "word"), entries("counts"))
def test_how_often_is_told_in_a_word(count, word):
    (statement,) = stated(f"It went over 95 {word}.", furnace())
    assert statement.claimed.readings == (int(count),)


@pytest.mark.parametrize(("attribute", "word"), entries("columns"))
def test_a_word_means_a_column(attribute, word):
    table = read(f"time,other [lux],{attribute.replace('_', ' ')}\n2025-03-14T14:00:00,1,2\n")
    assert attribute.replace("_", " ") in measures(table.columns[1])
    assert column_of(f"how {word} was it", table).name == attribute.replace("_", " ")


@pytest.mark.parametrize("attribute", DATA["passing"]["attributes"])
def test_an_attribute_that_is_named_in_passing(attribute):
    assert attribute in shipped().attributes
    assert column_of(f"what was the highest {attribute.replace('_', ' ')}", furnace()) is not None


@pytest.mark.parametrize(("_", "noun"), entries("subjects"))
def test_a_thing_is_told_from_its_like(_, noun):
    assert subjects(f"{noun} two and {noun} B") == {(noun, "2"), (noun, "b")}


@pytest.mark.parametrize(("day", "name"), entries("weekdays"))
def test_a_weekday(day, name):
    (when,) = whens(f"on {name}")
    number = list(DATA["weekdays"]).index(day)
    assert when.first.day.fits(date(2024, 1, 1 + number))
    assert not when.first.day.fits(date(2024, 1, 2 + number))


@pytest.mark.parametrize(("part", "ends"), DATA["periods"].items())
def test_a_part_of_the_day(part, ends):
    start, end = period(f"during the {part}", furnace()).window
    assert [f"{at:%H:%M}" for at in (start, end)] == list(ends)


@pytest.mark.parametrize(("size", "unit"), entries("lengths"))
def test_a_length_of_time(size, unit):
    assert seconds(f"for 3 {unit}")[0] == 3 * int(size)


@pytest.mark.parametrize("phrase", DATA["whole"]["phrases"])
def test_what_says_no_limit_is_masked(phrase):
    text = f"the mean {phrase}, please"
    assert re.sub(r"\s+", " ", masked(text, whens(text))) == "the mean , please"
