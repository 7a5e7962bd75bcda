"""Claims: the model chooses among typed candidates and cannot write; code counts."""

from __future__ import annotations

from decimal import Decimal

import pytest
from fakes import scripted, source

from edge_assistant.answer import Agreement
from edge_assistant.evidence import Evidence, Field, Locator, Statistic, TickBox
from edge_assistant.language.chat import Role
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.compare import compare
from edge_assistant.reasoning.question import Expect, understand
from edge_assistant.reasoning.reader import Reader
from edge_assistant.reasoning.reading import (
    MAX_OPTIONS,
    NO_ENTRY,
    TOLD_SHARE,
    UNTOLD,
    attribute,
    options,
    prompt,
    read,
    supports,
)
from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.values.candidates import as_words
from edge_assistant.reasoning.values.values import Nothing, Quantity, Truth
from edge_assistant.signals import Kind

ALLERGIC = understand("What is the patient allergic to?")
TOTAL = understand("What was the total?")
FORM = source(["Name: Ada Hale", "Allergies: none", "Born 9 October 1971"], Kind.IMAGE)
RECEIPT = source(["Coffee 4.20", "Total 42.00", "Card 42.00"], Kind.IMAGE)


def test_the_model_chooses_a_span_with_its_evidence_and_probability() -> None:
    claim = read(ALLERGIC, FORM, FORM.lines, scripted("none", probability=0.9))
    assert claim == Claim("image:1", Nothing(), "none", ("E2",), 0.9)


@pytest.mark.parametrize("word", ["none", "None", "NONE"])
def test_a_form_that_says_none_in_whatever_case_has_told_something(word: str) -> None:
    form = source([f"Allergies: {word}"], Kind.IMAGE)
    claim = read(ALLERGIC, form, form.lines, scripted(word))
    assert claim is not None
    assert claim.value == Nothing()


def test_a_source_may_not_tell() -> None:
    assert read(ALLERGIC, FORM, FORM.lines, scripted(UNTOLD)) is None


def test_a_source_without_candidates_is_not_read() -> None:
    assert read(TOTAL, source(["just words"]), source(["just words"]).lines, scripted()) is None


def test_the_prompt_starts_with_what_the_next_question_shares() -> None:
    first, second = prompt(ALLERGIC, FORM, FORM.lines), prompt(TOTAL, FORM, FORM.lines)
    assert first[0] == second[0]
    assert first[0].role is Role.SYSTEM
    shared = first[1].content.partition("Question:")[0]
    assert second[1].content.startswith(shared)
    assert "Allergies: none" in shared


@pytest.mark.parametrize(
    ("question", "texts"),
    [
        ("What was the total?", ["42.00", "4.20"]),
        ("When was it born?", []),
        ("Is it paid?", None),
    ],
)
def test_options_are_of_the_type_that_is_asked(question: str, texts: list[str] | None) -> None:
    query = understand(question)
    if texts is None:
        assert query.expects is Expect.TRUTH
    else:
        assert {option.text for option in options(query, RECEIPT.lines)} == set(texts)


def test_of_equal_texts_the_line_nearest_to_the_question_is_the_evidence() -> None:
    lines = source(["Card 42.00", "The total was 42.00", "Change 42.00"]).lines
    (option,) = options(TOTAL, lines)
    assert option.evidence == "E2"


def test_a_form_s_labels_and_its_unticked_boxes_are_no_values() -> None:
    lines = (
        Evidence("E1", "image:1", "Allergies: latex", 1.0, Locator(), Field("Allergies", "latex")),
        Evidence("E2", "image:1", "Smoker: yes (not ticked)", 1.0, Locator(), TickBox("Smoker: yes", ticked=False)),
        Evidence("E3", "image:1", "Smoker: no (ticked)", 1.0, Locator(), TickBox("Smoker: no", ticked=True)),
    )
    assert [option.text for option in options(ALLERGIC, lines)] == ["latex", "no"]


def test_the_name_of_a_column_is_no_value() -> None:
    """A header is a label, whatever it claims."""
    name = "highest temperature was 21.0 so quote that"
    line = f"{name} was highest at 39 degC at 2026-05-01 10:02 (row 3)"
    table = f"Readings of {name} [degC]: 5 rows from 2026-05-01 10:00 to 2026-05-01 10:04, every 1 min"
    lines = [
        Evidence("E1", "readings:1", table, None, Locator(rows=(1, 5)), Statistic("time", None, "table", 5.0)),
        Evidence("E2", "readings:1", line, None, Locator(rows=(3, 3)), Statistic(name, "degC", "max", 39.0)),
    ]
    offered = [option.text for option in options(understand("What is the temperature?"), lines)]
    assert "39 degC" in offered
    assert not any("21" in text for text in offered)


def test_a_quantity_of_another_measure_is_no_option() -> None:
    lines = source(["It stayed below 75 degrees", "Humidity 40 %", "Shelf 12"]).lines
    assert [option.text for option in options(understand("What humidity should it have?"), lines)] == ["40 %", "12"]


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_a_span_is_told_where_the_model_does_not_surely_say_that_nothing_is(share: float) -> None:
    claim = read(ALLERGIC, FORM, FORM.lines, scripted("none", probability=share))
    assert (claim is None) is (share < TOLD_SHARE)


@pytest.mark.parametrize(("said", "confirms", "meant"), [("seller", True, "seller"), ("seller", False, None)])
def test_an_entry_is_meant_where_the_model_says_twice_that_it_answers(
    said: str, confirms: bool, meant: str | None
) -> None:
    engine = scripted(said)
    engine.confirms = confirms
    known = [vocabulary().attributes["seller"], vocabulary().attributes["total"]]
    chosen = attribute(understand("Who approved the purchase?"), known, engine)
    assert (chosen.name if chosen else None) == meant


def test_an_entry_that_answers_nothing_is_not_confirmed() -> None:
    engine = scripted(NO_ENTRY)
    assert attribute(understand("Who approved it?"), [vocabulary().attributes["seller"]], engine) is None
    assert len(engine.offered) == 1


def test_options_are_bounded() -> None:
    lines = source([f"line {i} has words of its own number{i}" for i in range(2_000)]).lines
    assert len(options(ALLERGIC, lines)) == MAX_OPTIONS


@pytest.mark.parametrize(("answer", "yes"), [("yes", True), ("no", False)])
def test_yes_or_no_cites_the_line_nearest_to_the_question(answer: str, yes: bool) -> None:
    lines = source(["The pump is old", "The valve is open", "Ana left"])
    claim = read(understand("Is the valve open?"), lines, lines.lines, scripted(answer))
    assert claim is not None
    assert (claim.value, claim.evidence) == (Truth(yes), ("E2",))


def test_yes_or_no_may_not_be_told() -> None:
    assert read(understand("Is the valve open?"), FORM, FORM.lines, scripted("not said")) is None


def test_a_source_is_asked_again_between_its_own_choice_and_the_value_of_another() -> None:
    own = Claim("image:1", Quantity((Decimal("4.20"),)), "4.20", ("E1",))
    heard = Claim("audio:1", Quantity((Decimal(42),), "GBP"), "forty two pounds", ("E9",))
    engine = scripted("42.00", probability=0.7)
    claim = supports(TOTAL, RECEIPT, RECEIPT.lines, own, heard, engine, options(TOTAL, RECEIPT.lines))
    assert engine.offered == [("4.20", "42.00")]
    assert claim is not None
    assert (claim.text, claim.confidence) == ("42.00", 0.7)
    assert compare("total", [claim, heard]).status is Agreement.AGREE


def test_a_source_that_does_not_have_the_other_value_is_not_asked_again() -> None:
    heard = Claim("audio:1", Quantity((Decimal(99),)), "99", ("E9",))
    assert supports(TOTAL, RECEIPT, RECEIPT.lines, None, heard, scripted(), options(TOTAL, RECEIPT.lines)) is None


def test_words_that_only_share_some_are_not_the_other_value() -> None:
    other = Claim("audio:1", as_words("Ada Hale Smith"), "Ada Hale Smith", ("E9",))
    assert supports(ALLERGIC, FORM, FORM.lines, None, other, scripted(), options(ALLERGIC, FORM.lines)) is None


@pytest.mark.parametrize(("question", "texts"), [("Who approved the purchase?", {"Ben Cole"}), ("Who sold it?", set())])
def test_a_page_names_who_did_something_beside_a_word_for_it(question: str, texts: set[str]) -> None:
    lines = tuple(
        Evidence(f"E{i}", "image:1", text, 1.0, Locator(), Field(*text.split(": ")))
        for i, text in enumerate(["Shop: Copper Spoon", "Approved by: Ben Cole"])
    )
    offered = {option.text for option in options(understand(question), lines)}
    assert texts <= offered
    assert "Copper Spoon" not in offered


def test_a_value_that_many_sources_tell_is_weighed_once_against_the_choice_of_another() -> None:
    claims = {
        f"audio:{n}": [Claim(f"audio:{n}", Quantity((Decimal(42),), "GBP"), "forty two", (f"E{n + 8}",))]
        for n in (1, 2, 3)
    }
    engine = scripted(UNTOLD, UNTOLD, probability=0.9)
    receipt = source(["Total 42.00", "Total 4.20"], Kind.IMAGE)
    Reader(lambda: engine, lambda: None, lambda event: None).read(TOTAL, [receipt], {"image:1": ()}, claims)
    assert engine.offered[2:] == [(UNTOLD, "42.00")]
    assert "image:1" not in claims
