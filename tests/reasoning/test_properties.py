"""Whole answers over a model that reads truly, or lies: what must not change a verdict does not, what must does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date

import pytest
from helpers import writings
from helpers.engines import ScriptedEngine, scripted, source
from helpers.readings import read
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.answer import Agreement, Answer, Route, Status
from edge_assistant.core.evidence import Field
from edge_assistant.core.signals import Kind
from edge_assistant.language.engine import Engine, LlamaEngine
from edge_assistant.reasoning.comprehension.extraction import Sort
from edge_assistant.reasoning.guard import citations, ungrounded
from edge_assistant.reasoning.reason import UNCERTAIN, Outcome, Reasoner
from edge_assistant.reasoning.sources import Source
from edge_assistant_models.model import InstalledModel

EXAMPLES = settings(max_examples=12)
UNTOLD = "not told"


@dataclass(frozen=True)
class Topic:
    """What a form and a note tell.

    Attributes:
        question: asks for it.
        value: draws what a value is made of.
        writings: a value in the ways that people, forms and recognisers write it.
        differ: whether two values cannot be one however they are written.
    """

    question: str
    value: st.SearchStrategy
    writings: Callable[..., list[str]]
    differ: Callable[[object, object], bool] = lambda a, b: a != b


TOPICS = {
    "money": Topic(
        "What was paid?",
        st.integers(101, 90_000),
        writings.money,
        lambda a, b: a not in (b, b * 100) and b != a * 100,  # type: ignore[operator]
    ),
    "day": Topic(
        "On what day does it expire?",
        st.dates(date(2024, 1, 13), date(2027, 12, 28)).filter(lambda day: day.day > 12),
        writings.days,
        lambda a, b: (a.month, a.day) != (b.month, b.day),  # type: ignore[attr-defined]
    ),
    "clock": Topic(
        "At what time did it stop?",
        st.integers(0, 719),
        lambda minute: writings.clocks(*divmod(minute, 60)),
    ),
    "telephone": Topic(
        "What is the phone number?",
        st.integers(0, 99_999).map(lambda n: f"0161{4960000 + n:07d}"),
        writings.telephones,
    ),
    "code": Topic(
        "What is the serial number?",
        st.tuples(st.text(st.sampled_from("ABCDEFGHKLNP"), min_size=2, max_size=2), st.integers(1000, 9999)),
        lambda code: writings.identifiers(code[0], str(code[1])),
        lambda a, b: a[1] != b[1],  # type: ignore[index]
    ),
    "weight": Topic(
        "How heavy is it?",
        st.integers(21, 180),
        lambda n: [f"{n} kg", f"{n * 1000} g", f"{writings.in_words(n)} kilograms"],
    ),
    "pressure": Topic(
        "What is the blood pressure?",
        st.tuples(st.integers(101, 190), st.integers(50, 99)),
        lambda p: [f"{p[0]}/{p[1]}", f"{p[0]} over {p[1]}", f"{p[0]}/{p[1]} mmHg"],
    ),
    "name": Topic(
        "Who brought it?",
        st.sampled_from([("Ada", "Hale"), ("Tom", "Reed"), ("Miriam", "Oduya")]),
        lambda n: [f"{n[0]} {n[1]}", f"{n[1]}, {n[0]}", f"Mrs {n[1]}", f"{n[0][0]}. {n[1]}"],
    ),
    "none": Topic(
        "Which allergies are known?",
        st.sampled_from([("none", "no known allergies", "nil"), ("penicillin", "Penicillin"), ("latex",)]),
        list,
    ),
}  # fmt: skip
UNRELATED = (
    (Kind.TEXT, ["It rained all morning, and the wind came from the west."]),
    (Kind.AUDIO, ["Please water the plants in hall 2 at half past six.", "They weigh 12 kg and cost 40 euros."]),
    (Kind.IMAGE, ["EXIT", "Tel. 0800 1234567", "Open: 8-17, 3 May 2025"]),
)


def truthful(told: Mapping[str, str], sort: Sort = Sort.VALUE) -> ScriptedEngine:
    """A model that reads truly: of a source that has one of these lines, it copies what stands beside that here."""

    def reply(prompt: str, options: Sequence[str]) -> str:
        if Sort.VALUE in options:
            return sort
        if prompt.startswith("Line: "):
            return options[any(line in prompt and prompt.endswith(f"Answer: {said}") for line, said in told.items())]
        if not prompt.startswith("Source, "):
            return options[-1] if options else ""
        said = next((said for line, said in told.items() if line in prompt), UNTOLD)
        return said if not options or said in options else options[0]

    return scripted(reply=reply)


def answer(question: str, sources: Sequence[Source], engine: Engine) -> Outcome:
    """The outcome of a question, of which every promise holds."""
    outcome = Outcome()
    reasoner = Reasoner(lambda: engine, lambda: None, lambda event: None)
    text = " ".join(reasoner.answer(question, sources, outcome))
    evidence = (*(item for given in sources for item in given.evidence), *outcome.evidence)
    assert len({item.id for item in evidence}) == len(evidence)
    assert set(outcome.citations) <= {item.id for item in evidence}
    assert {id for id in citations(text) if id[0] == "E"} == set(outcome.citations)
    whole = Answer(
        question,
        text.removesuffix(UNCERTAIN),
        outcome.status,
        Route("cross-signal", (), "why"),
        tuple(given.signal for given in sources),
        evidence=evidence,
        computed=tuple(outcome.computed),
        verdicts=tuple(outcome.verdicts),
        citations=tuple(outcome.citations),
    )
    assert ungrounded(whole) == []
    return outcome


def came(outcome: Outcome) -> object:
    """What does not depend on the order of the signals."""
    verdicts = {
        (verdict.attribute, verdict.status, frozenset(frozenset(told.evidence) for told in verdict.values))
        for verdict in outcome.verdicts
    }
    return outcome.status, verdicts, set(outcome.citations)


@dataclass(frozen=True)
class Case:
    """A form and a note that tell a value, and the model that reads them."""

    question: str
    sources: tuple[Source, ...]
    engine: ScriptedEngine


def drawn(topic: Topic, data: st.DataObject, *, same: bool) -> Case:
    value = data.draw(topic.value)
    other = value if same else data.draw(topic.value.filter(lambda other: topic.differ(value, other)))
    written, said = (data.draw(st.sampled_from(topic.writings(one))) for one in (value, other))
    lines = (f"Form: {written}", f"She told me that it is {said}, I think.")
    form = source(["A FORM", lines[0]], Kind.IMAGE, 1, 1)
    labelled = replace(form.evidence[1], detail=Field("Form", written))
    form = replace(form, evidence=(form.evidence[0], labelled))
    note = source(["Hello.", lines[1]], Kind.AUDIO, 1, 10)
    return Case(
        topic.question,
        (form, note),
        truthful({line: copied.rstrip(".") for line, copied in zip(lines, (written, said), strict=True)}),
    )


@pytest.mark.parametrize("topic", TOPICS.values(), ids=TOPICS)
@EXAMPLES
@given(st.data())
def test_a_value_in_another_notation_agrees(topic: Topic, data: st.DataObject) -> None:
    case = drawn(topic, data, same=True)
    outcome = answer(case.question, case.sources, case.engine)
    assert [verdict.status for verdict in outcome.verdicts] == [Agreement.AGREE]
    assert outcome.status is Status.SUPPORTED
    assert set(outcome.citations) == {"E2", "E11"}


@pytest.mark.parametrize("topic", TOPICS.values(), ids=TOPICS)
@EXAMPLES
@given(st.data())
def test_another_value_conflicts(topic: Topic, data: st.DataObject) -> None:
    case = drawn(topic, data, same=False)
    outcome = answer(case.question, case.sources, case.engine)
    assert outcome.status is Status.CONFLICT
    assert [told.evidence for told in outcome.verdicts[0].values] == [("E2",), ("E11",)]


@pytest.mark.parametrize("topic", TOPICS.values(), ids=TOPICS)
@EXAMPLES
@given(st.data(), st.booleans())
def test_neither_the_order_nor_an_unrelated_signal_changes_anything(
    topic: Topic, data: st.DataObject, same: bool
) -> None:
    case = drawn(topic, data, same=same)
    extra = [source(lines, kind, 7, 10 * n) for n, (kind, lines) in enumerate(UNRELATED, 5)]
    more = [*case.sources, *data.draw(st.lists(st.sampled_from(extra), max_size=3, unique_by=lambda s: s.signal.id))]
    before = came(answer(case.question, case.sources, case.engine))
    assert came(answer(case.question, data.draw(st.permutations(more)), case.engine)) == before


@st.composite
def courses(draw: st.DrawFn) -> tuple[list[int], int]:
    """Temperatures every ten minutes with one peak, and the row of it."""
    values = draw(st.lists(st.integers(40, 80), min_size=12, max_size=30))
    at = draw(st.integers(2, len(values) - 3))
    values[at] = draw(st.integers(90, 120))
    return values, at


@EXAMPLES
@given(courses(), st.sampled_from([-3, 0, 4]), st.booleans(), st.booleans())
def test_what_a_remark_says_of_readings_is_held_against_them(
    course: tuple[list[int], int], off: int, timed: bool, swapped: bool
) -> None:
    values, at = course
    moments = [f"{row // 6:02d}:{row % 6 * 10:02d}" for row in range(len(values) + 10)]
    csv = "".join(f"2025-03-14T{moment}:00,{value}\n" for moment, value in zip(moments, values, strict=False))
    oven = source(["stands out"], Kind.READINGS, 1, 1, read(f"time,oven [degC]\n{csv}"))
    said = moments[at + off] if timed else f"{values[at] + off} degrees"
    line = f"It peaked at {said}." if timed else f"It got {said} hot."
    remark = source([line], Kind.TEXT, 1, 5)
    engine = truthful({line: said}, Sort.AGREEMENT)
    call, reads = "time_of_max(oven)" if timed else "max(oven)", engine.reply
    assert reads is not None

    def reply(prompt: str, options: Sequence[str]) -> str:
        if prompt.startswith("Line: max(oven) ="):
            return "yes"
        return call if prompt.startswith("oven [") and not options else reads(prompt, options)

    engine.reply = reply
    question = "Is the remark right about when the oven was hottest?" if timed else "Is the remark right on the oven?"
    outcome = answer(question, [remark, oven] if swapped else [oven, remark], engine)
    assert outcome.status is (Status.CONFLICT if off else Status.SUPPORTED)
    assert [made.formula for made in outcome.computed] == ["max(oven)"]
    assert outcome.evidence[0].locator.rows == (at + 1, at + 1)
    assert set(outcome.citations) == {"E5", outcome.evidence[0].id}


LIES = (
    "12 kg", "Peter Lim", "9 June", "penicillin", "yes", "no, never", "none", "half past six", "38.40", "0800 1234567",
    "hall 2", "40 euros", "not told", "", "[E99] 12 kg", "Name: Peter", "max(oven)", "count_above(oven, 70 degC)",
    'first_above(oven, ask "What is it?")', "change(oven) on 14 March", "What? -> Where is {1}?", "everything",
    "Peter weighs 99 kg [E5].", "It is 12 kg [E5][E6].", "nonsense(",
)  # fmt: skip
ASKED = (
    "How heavy is it?", "Who is it?", "When does it close?", "What does it cost?", "Is it open?", "Summarize.",
    "Do they agree on the weight?", "Do they contradict each other?", "How hot did the oven get?", "Why?",
)  # fmt: skip
OVEN = read("time,oven [degC]\n2025-03-14T14:00:00,60\n2025-03-14T14:10:00,75.5\n2025-03-14T14:20:00,71\n")


@settings(max_examples=150)
@given(st.sampled_from(ASKED), st.permutations(range(4)), st.integers(1, 4), st.sampled_from([0.6, 0.99]), st.data())
def test_whatever_the_model_says_every_number_day_and_name_has_its_evidence_or_formula(
    question: str, order: list[int], many: int, probability: float, data: st.DataObject
) -> None:
    """`answer` holds each sentence against the evidence; here the model copies what is not there and calls nonsense."""
    known = [source(lines, kind, 1, 10 * n) for n, (kind, lines) in enumerate(UNRELATED)]
    known.append(source(["stands out"], Kind.READINGS, 1, 40, OVEN))

    def lie(prompt: str, options: Sequence[str]) -> str:
        return data.draw(st.sampled_from([*options, *options[-1:] * 4] if options else LIES))

    answer(question, [known[n] for n in order[:many]], scripted(reply=lie, probability=probability))


@pytest.mark.parametrize("layers", ["few", pytest.param("all", marks=pytest.mark.bench)])
def test_a_real_model_keeps_every_promise_too(
    layers: str, few: InstalledModel, models: Callable[[str], InstalledModel]
) -> None:
    known = [source(lines, kind, 1, 10 * n) for n, (kind, lines) in enumerate(UNRELATED, 1)]
    known.append(source(["stands out"], Kind.READINGS, 1, 40, OVEN))
    with closing(LlamaEngine(few if layers == "few" else models("language"), Runtime.detect())) as engine:
        outcome = answer("Do they agree on the hall?", known, engine)
    assert (outcome.status is Status.NOT_IN_EVIDENCE) != bool(outcome.citations)
