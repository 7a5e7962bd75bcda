"""Whole answers by code alone: what must not change a verdict does not, and what must make a conflict does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from fakes import scripted
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tellings import TOPICS, Topic, form, measured, note, typed

from edge_assistant.answer import Agreement, Status
from edge_assistant.language.engine import Engine
from edge_assistant.reasoning.question import understand
from edge_assistant.reasoning.reading import UNTOLD
from edge_assistant.reasoning.reason import Outcome, Reasoner
from edge_assistant.reasoning.sources import Source

EXAMPLES = settings(max_examples=5, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
UNRELATED = (
    typed("It rained all morning and the wind came from the west.", number=7, first=700),
    form([], number=7, first=710),
    note("Please water the plants in the hall and lock the door.", number=7, first=720),
    measured("cellar", "cellar humidity [%]", [51, 52, 50, 53] * 8, number=7, first=730),
)


@dataclass(frozen=True)
class Came:
    """What does not depend on the order of the signals."""

    status: Status
    verdicts: frozenset[tuple[str, str, Agreement, frozenset[frozenset[str]]]]
    citations: frozenset[str]


def came(outcome: Outcome) -> Came:
    return Came(
        outcome.status,
        frozenset(
            (v.attribute, (v.subject or "").lower(), v.status, frozenset(frozenset(t.evidence) for t in v.values))
            for v in outcome.verdicts
        ),
        frozenset(outcome.citations),
    )


def nobody() -> Engine:
    """No language model: code alone must answer."""
    pytest.fail("the language model is asked")


def answer(question: str, sources: Sequence[Source], *, model: bool = False) -> Outcome:
    """The outcome of a question; a model that is asked where it may be knows nothing."""
    never = scripted(reply=lambda content, options: UNTOLD)
    outcome = Outcome()
    reasoner = Reasoner((lambda: never) if model else nobody, lambda: None, lambda event: None)
    assert list(reasoner.answer(understand(question), sources, outcome))
    return outcome


def check(sources: Sequence[Source]) -> Outcome:
    outcome = Outcome()
    assert list(Reasoner(nobody, lambda: None, lambda event: None).check(sources, outcome))
    return outcome


def drawn(topic: Topic, data: st.DataObject, *, same: bool) -> tuple[Source, Source]:
    """A form and a note that tell the same value, or two."""
    value, other = data.draw(topic.values)
    detail = data.draw(st.sampled_from(topic.written(value)))
    text = data.draw(st.sampled_from(topic.spoken(value if same else other)))
    return form([detail]), note(topic.sentence.format(text))


def cited(outcome: Outcome, *sources: Source) -> bool:
    return all(set(outcome.citations) & {item.id for item in source.evidence} for source in sources)


@pytest.mark.parametrize("topic", TOPICS, ids=str)
@EXAMPLES
@given(st.data())
def test_a_value_in_another_writing_or_unit_agrees(topic: Topic, data: st.DataObject) -> None:
    sources = drawn(topic, data, same=True)
    for outcome in (answer(topic.question, sources), check(sources)):
        assert outcome.status is Status.SUPPORTED
        assert Agreement.AGREE in {verdict.status for verdict in outcome.verdicts}
        assert cited(outcome, *sources)


@pytest.mark.parametrize("topic", TOPICS, ids=str)
@EXAMPLES
@given(st.data())
def test_another_value_conflicts(topic: Topic, data: st.DataObject) -> None:
    sources = drawn(topic, data, same=False)
    for outcome in (answer(topic.question, sources), check(sources)):
        assert outcome.status is Status.CONFLICT
        assert cited(outcome, *sources)
    conflicts = [v.attribute for v in check(sources).verdicts if v.status is Agreement.CONFLICT]
    assert conflicts == [topic.attribute]


@pytest.mark.parametrize("topic", TOPICS, ids=str)
@EXAMPLES
@given(st.data())
def test_the_order_of_the_signals_changes_nothing(topic: Topic, data: st.DataObject) -> None:
    sources = [*drawn(topic, data, same=data.draw(st.booleans())), data.draw(st.sampled_from(UNRELATED))]
    other = data.draw(st.permutations(sources))
    assert came(answer(topic.question, sources, model=True)) == came(answer(topic.question, other, model=True))
    assert came(check(sources)) == came(check(other))


@pytest.mark.parametrize("topic", TOPICS, ids=str)
@EXAMPLES
@given(st.data())
def test_an_unrelated_signal_changes_nothing(topic: Topic, data: st.DataObject) -> None:
    sources = drawn(topic, data, same=data.draw(st.booleans()))
    extra = data.draw(st.lists(st.sampled_from(UNRELATED), min_size=1, max_size=4, unique_by=lambda s: s.signal.id))
    assert came(answer(topic.question, [*sources, *extra], model=True)) == came(answer(topic.question, sources))
    assert came(check([*sources, *extra])) == came(check(sources))


CORRECTIONS = ("{}, no, sorry, {}", "{}, I mean {}", "{}, no wait, {}", "{}, sorry, {}")


@pytest.mark.parametrize("topic", [topic for topic in TOPICS if topic.attribute != "smoker"], ids=str)
@EXAMPLES
@given(st.data())
def test_a_correction_replaces(topic: Topic, data: st.DataObject) -> None:
    value, other = data.draw(topic.values)
    assume(topic.attribute != "allergy" or len(other) == 1)  # of several items, any may be meant
    wrong, right = (data.draw(st.sampled_from(topic.spoken(v))) for v in (other, value))
    said = note(topic.sentence.format(data.draw(st.sampled_from(CORRECTIONS)).format(wrong, right)))
    sources = (form([data.draw(st.sampled_from(topic.written(value)))]), said)
    for outcome in (answer(topic.question, sources, model=True), check(sources)):
        assert outcome.status is Status.SUPPORTED


@pytest.mark.parametrize("topic", TOPICS, ids=str)
@EXAMPLES
@given(st.data())
def test_what_is_told_of_others_or_of_another_time_conflicts_with_nothing(topic: Topic, data: st.DataObject) -> None:
    value, other = data.draw(topic.values)
    detail = data.draw(st.sampled_from(topic.written(value)))
    aside = data.draw(st.sampled_from(topic.others)).format(data.draw(st.sampled_from(topic.spoken(other))))
    told = topic.sentence.format(data.draw(st.sampled_from(topic.spoken(value))))
    for sentences in ([aside], [told, aside], [aside, told]):
        sources = (form([detail]), note(*sentences))
        assert answer(topic.question, sources, model=True).status is Status.SUPPORTED
        assert check(sources).status is not Status.CONFLICT


@st.composite
def courses(draw: st.DrawFn) -> tuple[list[int], int]:
    """Temperatures every ten minutes with one peak, and the row of it."""
    values = draw(st.lists(st.integers(40, 80), min_size=12, max_size=30))
    at = draw(st.integers(2, len(values) - 3))
    values[at] = draw(st.integers(90, 120))
    return values, at


def moment(row: int) -> str:
    return f"{row // 6:02d}:{row % 6 * 10:02d}"


@EXAMPLES
@given(courses(), st.data())
def test_what_a_remark_says_of_readings_is_held_against_them(
    course: tuple[list[int], int], data: st.DataObject
) -> None:
    values, at = course
    table = measured("oven", "oven temperature [degC]", values)
    cellar = measured("cellar", "cellar temperature [degC]", [v + 50 for v in reversed(values)], number=2, first=400)
    other = at + data.draw(st.sampled_from((-2, 2)))
    peaked, highest = "The oven temperature peaked at {} degrees.", "The oven temperature was highest at {}."
    for question, told, right, wrong in (
        ("What was the highest oven temperature?", peaked, f"{values[at]}", "85"),
        ("When was the oven temperature highest?", highest, moment(at), moment(other)),
    ):
        for said, status in ((right, Status.SUPPORTED), (wrong, Status.CONFLICT)):
            remark = typed(told.format(said))
            outcomes = [answer(question, order) for order in ([table, remark], [remark, table])]
            outcomes += [check([table, remark]), check([remark, table]), check([table, remark, cellar])]
            assert {outcome.status for outcome in outcomes} == {status}, told.format(said)
            assert all(cited(outcome, remark) for outcome in outcomes)


@EXAMPLES
@given(courses(), st.data())
def test_a_remark_about_other_readings_or_another_day_conflicts_with_none(
    course: tuple[list[int], int], data: st.DataObject
) -> None:
    values, _ = course
    table = measured("oven", "oven temperature [degC]", values)
    aside = data.draw(
        st.sampled_from(
            (
                "The freezer temperature peaked at 12 degrees.",
                "If the oven temperature peaks at 130 degrees, call me.",
                "The oven temperature must not go above 85 degrees.",
                "On the 10th of March the oven temperature peaked at 85 degrees.",
                "Last week the oven temperature peaked at 85 degrees.",
                "The humidity was highest at 20 percent.",
            )
        )
    )
    assert check([table, typed(aside)]).status is not Status.CONFLICT, aside
