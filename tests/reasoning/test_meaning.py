"""Meaning by example over the real embedder: questions, sentences and labels in words of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from fakes import source

from edge_assistant.language.embedder import Embedder
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.inventory import inventory
from edge_assistant.reasoning.meaning import Likely, Meaning, by_example, surely, told_of
from edge_assistant.reasoning.question import admitted, bare, understand
from edge_assistant.reasoning.rules import domain
from edge_assistant.reasoning.rules.vocabulary import vocabulary, within
from edge_assistant.reasoning.told.told import told_in
from edge_assistant.reasoning.values.values import Words
from edge_assistant.reasoning.written.likened import likened
from edge_assistant.runtime import Runtime
from edge_assistant.signals import Kind
from edge_assistant_models.installed import InstalledModel


@pytest.fixture(scope="module")
def embedder(models: Callable[[str], InstalledModel]) -> Embedder:
    return Embedder(models("embedder"), Runtime.detect())


@pytest.fixture
def meaning(embedder: Embedder) -> Meaning:
    return Meaning(lambda: embedder)


@pytest.mark.parametrize(
    ("question", "attribute"),
    [
        ("What figure did the bathroom scales land on for Mrs Novak?", "weight"),
        ("What does she get of the ramipril each day?", "dose"),
        ("How did the blood pressure reading turn out?", "blood pressure"),
        ("Whom should we alert if Peter takes a turn for the worse?", "emergency contact"),
        ("On which date do we have her back in the practice?", "appointment"),
        ("How much did the whole shop set them back?", "total"),
        ("How much VAT is hidden in there?", "tax"),
        ("Which cost centre project gets the bill?", "project"),
        ("Until when is the stuff still good?", "expiry date"),
        ("Which lot did this carton come out of?", "batch"),
        ("How many pieces sit in that carton?", "quantity"),
        ("When was the compressor put into service?", "installation date"),
        ("How many hertz does the drive want?", "frequency"),
        ("Who was minding the line that night?", "operator"),
    ],
)
def test_a_question_in_other_words(question: str, attribute: str, meaning: Meaning) -> None:
    query = by_example(understand(question), meaning.among({attribute}))
    assert query.attributes
    assert query.attributes[0].name == attribute


@pytest.mark.parametrize(
    "question",
    [
        "Which football club does he follow?",
        "What caused the accident?",
        "Which courier brought the crate?",
        "How is the weather?",
        "Who invented the telephone?",
        "What is the meaning of life?",
    ],
)
def test_a_question_for_none_of_them(question: str, meaning: Meaning) -> None:
    query = understand(question)
    assert surely(meaning.asked(bare(question), admitted(query)), 0.6, 0.04) is None


@pytest.mark.parametrize(
    ("text", "attribute", "value"),
    [
        ("We popped him on the scales and the needle stopped at 76 kg.", "weight", "76 kg"),
        ("The fellow came into this world on 3 May 1961.", "birth date", "3 May 1961"),
        ("Her next check with us is pencilled in for 12 March 2025.", "appointment", "12 March 2025"),
        ("All in all the evening relieved me of 48.20 euros.", "total", "48.20 euros"),
        ("The lady at the till pressed 3.80 euros back into my palm.", "change", "3.80 euros"),
        ("Don't eat it any more after 4 June 2025.", "expiry date", "4 June 2025"),
        ("The motor was bolted down on 7 October 2019.", "installation date", "7 October 2019"),
    ],
)
def test_a_sentence_in_other_words(text: str, attribute: str, value: str, meaning: Meaning) -> None:
    found = told_in(text, meaning.among({attribute}))
    told = [f for f in found if f.attribute == attribute]
    assert [text[f.start : f.end] for f in told] == [value], found


def test_what_rules_know_stays(meaning: Meaning) -> None:
    text = "My weight is 76 kg and I was born on 3 May 1961. The dose of ramipril is 5 mg."
    rules, both = told_in(text), told_in(text, meaning)
    assert {(f.attribute, f.value) for f in rules} <= {(f.attribute, f.value) for f in both}


def test_small_talk_tells_nothing(meaning: Meaning) -> None:
    text = "The bus came 20 minutes late. I have lived in this street since 1998. We were 4 in the lift."
    assert {f.attribute for f in told_in(text, meaning)} <= {"quantity", "count"}


@pytest.mark.parametrize(
    ("label", "value", "attribute"),
    [
        ("mobile telephone number", "0116 496 0405", "telephone"),
        ("person to be notified in an emergency", "Grace Marsh", "emergency contact"),
        ("best consumed before", "4 June 2025", "expiry date"),
    ],
)
def test_a_label_in_other_words(label: str, value: str, attribute: str, meaning: Meaning) -> None:
    claim = Claim("image:1", Words(frozenset(value.lower().split())), value, ("E1",), attribute=label)
    (meant,) = likened([claim], meaning)
    assert meant.attribute == attribute
    assert not isinstance(meant.value, Words)


def test_a_label_that_is_told_under_its_own_name_stays(meaning: Meaning) -> None:
    own = inventory(source(["Telephone: 0116 496 0404"], Kind.TEXT))
    claim = Claim("text:1", Words(frozenset({"0116"})), "0116 496 0405", ("E1",), attribute="mobile telephone number")
    assert claim in likened([*own, claim], meaning)


def test_the_value_does_not_change_what_a_sentence_means(meaning: Meaning) -> None:
    sentences = [f"The scales in the hall showed {value} today." for value in ("76 kg", "151 pounds", "101.5 kg")]
    told = [meaning.told(s, s.index("showed") + 7, s.index(" today"), "quantity", ("kg",)) for s in sentences]
    assert told[0] == told[1] == told[2]


def test_names_and_things_do_not_change_what_a_question_means(meaning: Meaning) -> None:
    asked = [meaning.asked(f"How heavy is {name}?")[0].likeness for name in ("Ada Hale", "Peter Lund", "Maria Gomez")]
    assert asked[0] == asked[1] == asked[2]
    things = [meaning.asked(f"How heavy is the {thing}?")[0].likeness for thing in ("pump", "crate", "boiler")]
    assert things[0] == things[1] == things[2]


def test_what_the_signals_tell_is_likelier(meaning: Meaning) -> None:
    plain, around = (
        {likely.attribute.name: likely.likeness for likely in each.asked("When is she due?") if likely.attribute}
        for each in (meaning, meaning.among({"appointment"}))
    )
    assert around["appointment"] > plain["appointment"]
    assert {name for name in plain if around[name] != plain[name]} == {"appointment"}


def test_without_an_embedder_nothing_is_like_anything() -> None:
    nothing = Meaning(lambda: None)
    assert nothing.asked("How heavy is she?") == []
    assert nothing.labelled("mobile") == []
    assert told_in("The needle stopped at 76 kg.", nothing) == told_in("The needle stopped at 76 kg.")
    query = understand("What figure did the scales land on?")
    assert by_example(query, nothing) == query


def test_two_that_are_as_likely_are_no_answer() -> None:
    weight, height = (vocabulary().attributes[key] for key in ("weight", "height"))
    assert surely([Likely(weight, 0.9), Likely(height, 0.88)], 0.6, 0.04) is None
    assert surely([Likely(weight, 0.9), Likely(height, 0.8)], 0.6, 0.04) == Likely(weight, 0.9)
    assert surely([Likely(None, 0.9), Likely(height, 0.5)], 0.6, 0.04) is None
    assert surely([Likely(weight, 0.5)], 0.6, 0.04) is None
    assert surely([], 0.6, 0.04) is None


def test_a_domain_brings_examples(embedder: Embedder) -> None:
    tables = {
        "attributes": {"ultrafiltration": {"value": "quantity", "names": ["ultrafiltration"]}},
        "examples": {
            "ultrafiltration": {
                "asked": ["How much water was taken off {name}?", "What volume came off?", "How much fluid was pulled?"]
            }
        },
    }
    with within(domain.merged(tables, "ward.toml")):
        query = by_example(understand("How much water was pulled off her today?"), Meaning(lambda: embedder))
        assert query.attribute == "ultrafiltration"


def test_what_a_signal_tells_counts_only_where_it_is_so_now() -> None:
    now = Claim("text:1", Words(frozenset({"x"})), "x", ("E1",), attribute="weight")
    claims = {"text:1": [now, replace(now, attribute="height", when="last year"), replace(now, attribute=None)]}
    assert told_of(claims) == {"weight"}
