"""What a comparison without a question finds: in the examples, as they were perceived, and in what they do not hold."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import signal
from hypothesis import given
from hypothesis import strategies as st
from tellings import form, measured, note, typed

from edge_assistant.answer import Agreement, Status
from edge_assistant.bench import gold
from edge_assistant.evidence import Field, Scene
from edge_assistant.language.engine import Engine
from edge_assistant.perception.readings import Readings
from edge_assistant.perception.sense import Request
from edge_assistant.perception.text import Text
from edge_assistant.reasoning.reason import Outcome, Reasoner
from edge_assistant.reasoning.sources import Source
from edge_assistant.runtime import Runtime
from edge_assistant.signals import Kind, take_file

ROOT = Path(__file__).parents[2]
PERCEIVED = json.loads((ROOT / "tests" / "fixtures" / "examples_evidence.json").read_text("utf-8"))
KINDS = {".jpg": Kind.IMAGE, ".wav": Kind.AUDIO, ".csv": Kind.READINGS, ".txt": Kind.TEXT}


def example(*names: str) -> list[Source]:
    """The sources of an example: pictures and recordings as they were perceived, readings and texts read now."""
    sources: list[Source] = []
    taken = 0
    for name in names:
        path = ROOT / "examples" / name
        given, table = take_file(path, KINDS[path.suffix], 1), None
        if name in PERCEIVED:
            items = gold.from_json(PERCEIVED[name], given.id)
        else:
            sense = Readings if given.kind is Kind.READINGS else Text
            percept = sense({}, Runtime(1)).perceive(given, Request())
            items, table = tuple(percept.evidence), percept.table
        evidence = tuple(replace(e, id=f"E{taken + n}", signal=given.id) for n, e in enumerate(items, 1))
        taken += len(evidence)
        sources.append(Source(given, evidence, table))
    return sources


def nobody() -> Engine:
    """No language model."""
    pytest.fail("the language model is asked")


def compared(*sources: Source) -> Outcome:
    outcome = Outcome()
    assert list(Reasoner(nobody, lambda: None, lambda event: None).check(sources, outcome))
    return outcome


def rows(*sources: Source) -> set[tuple[str, str | None, str]]:
    """Attribute, subject and status of each verdict."""
    found = [(v.attribute, v.subject, v.status.value) for v in compared(*sources).verdicts]
    assert len(found) == len(set(found)), "a row is there twice"
    return set(found)


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (
            ("clinic/form.jpg", "clinic/note.wav", "clinic/vitals.csv"),
            {("patient", None, "agree"), ("allergy", None, "conflict")},
        ),
        (("line/camera.jpg", "line/motor.csv", "line/remark.txt"), set()),
        (("expense/receipt.jpg", "expense/claim.wav"), {("total", None, "agree"), ("date", None, "agree")}),
    ],
    ids=["clinic", "line", "expense"],
)
def test_in_the_examples_is_found_what_is_in_them_and_nothing_else(
    names: tuple[str, ...], wanted: set[tuple[str, str | None, str]]
) -> None:
    outcome = compared(*example(*names))
    assert {(v.attribute, v.subject, v.status.value) for v in outcome.verdicts} == wanted
    assert {v.attribute for v in outcome.verdicts if v.status is Agreement.CONFLICT} == {
        attribute for attribute, _, status in wanted if status == "conflict"
    }


def test_the_clinics_contradiction_is_none_against_penicillin() -> None:
    outcome = compared(*example("clinic/form.jpg", "clinic/note.wav", "clinic/vitals.csv"))
    (verdict,) = [v for v in outcome.verdicts if v.status is Agreement.CONFLICT]
    assert {told.value for told in verdict.values} == {"none", "penicillin"}
    assert outcome.status is Status.CONFLICT


FORM = form([Field("Name", "Ada Hale"), Field("Temperature", "37.2 °C"), Field("Weight", "70 kg")])


@pytest.mark.parametrize(
    ("sources", "wanted"),
    [
        ((FORM, note("Her temperature is 37.2 degrees.")), {("temperature", "agree")}),
        ((FORM, note("Her body temperature is 38.5 degrees.")), {("body temperature", "conflict")}),
        ((form([Field("Temperature", "80 °C")]), typed("The temperature is 80 degrees.")), {("temperature", "agree")}),
        (
            (form([Scene((("dog", 2), ("bench", 1)))]), note("There are two dogs.")),
            {("count", "agree"), ("animal", "agree")},
        ),
        ((form([Scene((("bottle", 5), ("person", 2)))]), form([Scene((("dog", 1),))], 2, 50)), set()),
        ((FORM, form([Field("Weight", "154 lb")], 2, 50)), {("weight", "agree")}),
        ((FORM, typed("It rained."), note("Thank you very much.")), set()),
        ((FORM, note("My brother weighs 90 kg.")), set()),
        (
            (
                measured("oven", "oven temperature [degC]", [60, 70, 80, 99, 70, 60]),
                typed("The oven temperature peaked at 99 degrees."),
            ),
            {("maximum oven temperature", "agree")},
        ),
        (
            (
                measured("oven", "oven temperature [degC]", [60, 70, 80, 99, 70, 60]),
                typed("The oven temperature peaked at 91 degrees. It was highest at 00:30."),
            ),
            {("maximum oven temperature", "conflict"), ("maximum oven temperature", "agree")},
        ),
    ],
)
def test_the_rows_of_a_comparison(sources: tuple[Source, ...], wanted: set[tuple[str, str]]) -> None:
    assert {(v.attribute, v.status.value) for v in compared(*sources).verdicts} == wanted


RECEIPT = [Field("Total", "42.00"), Field("Receipt no.", "A8 7805"), Field("Date", "14/03/2025"), Field("VAT", "7.00")]
ANOTHER = [Field("Total", "52.58"), Field("Receipt no.", "R6 5331"), Field("Date", "25/11/2024"), Field("VAT", "8.76")]


def test_two_receipts_do_not_contradict_each_other() -> None:
    assert compared(form(RECEIPT), form(ANOTHER, 2, 50)).status is Status.NOT_IN_EVIDENCE


@given(st.permutations([form(RECEIPT), form(ANOTHER, 2, 50), note("The total was 52.58.")]))
def test_a_note_is_compared_with_the_receipt_that_it_is_about(sources: list[Source]) -> None:
    assert rows(*sources) == {("total", None, "agree")}


def test_two_copies_of_a_receipt_are_compared() -> None:
    copy = [Field("Total", "24.00"), *RECEIPT[1:]]
    assert ("total", None, "conflict") in rows(form(RECEIPT), form(copy, 2, 50))


def test_signals_that_tell_nothing_are_no_contradiction() -> None:
    outcome = compared(Source(signal(Kind.IMAGE), ()), Source(signal(Kind.TEXT), ()))
    assert (outcome.status, outcome.verdicts) == (Status.NOT_IN_EVIDENCE, [])


def test_what_is_said_of_readings_rests_on_the_sentence_that_says_it_alone() -> None:
    oven = measured("oven", "oven temperature [degC]", [60, 70, 80, 99, 70, 60])
    said = note("Ada ran the machine.", "The oven temperature peaked at 91 degrees.")
    (verdict,) = compared(oven, said).verdicts
    assert [(told.value, told.evidence) for told in verdict.values][1:] == [
        ("The oven temperature peaked at 91 degrees", ("E101",))
    ]
