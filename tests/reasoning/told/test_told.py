"""What is said becomes claims: each sentence of told_sentences.txt, and what must hold for any text."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import signal, source
from hypothesis import given
from hypothesis import strategies as st
from told_sentences import cases, rendered

from edge_assistant.evidence import Evidence, Line, Locator, Speech
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.told.clauses import clauses, plain, sentences
from edge_assistant.reasoning.told.corrections import corrected
from edge_assistant.reasoning.told.told import told_claims
from edge_assistant.signals import Kind

CASES = [
    case
    for name in ("told_sentences.txt", "told_care.txt", "told_photos.txt")
    for case in cases(Path(__file__).with_name(name))
]
UNRELATED = ["Thank you very much.", "The weather is nice.", "We met in the corridor.", "Okay.", "Nothing to report."]
HOSTILE = [
    "no ", "no, sorry, 5 ", "5, no, ", "not 5, ", "I take ", "allergic to a, ", "a, ", "and ", "if ", "will ",
    "my son ", "the other pump ", "Mr. ", "(", "5 mg ", "ramipril ", "total ", "the soup was ", "6.50 ", "um, ",
    ". ", "\n", "? ", "a dog ", "three ", "of them ", "the old ", "until ", "x", " ", ",", "pump 2 ", "this is A ",
    "120/80 ", "or ", "between ", "is ", "for the ", "lady in bed ", "'", "’s ",
]  # fmt: skip


def said(segments: Sequence[str], number: int = 1) -> Source:
    """A recording of some segments."""
    given_ = signal(Kind.AUDIO, number)
    return Source(
        given_,
        tuple(
            Evidence(f"E{i + 1}", given_.id, text, 0.9, Locator(seconds=(i, i + 1)), Speech((), "en"))
            for i, text in enumerate(segments)
        ),
    )


def told(text: str) -> list[str]:
    return sorted(rendered(claim) for claim in told_claims(said([text])))


@pytest.mark.parametrize(("sentence", "claims"), CASES, ids=[sentence[:60] for sentence, _ in CASES])
def test_a_sentence_makes_its_claims(sentence: str, claims: list[str]) -> None:
    assert told(sentence) == claims


@pytest.mark.parametrize(("sentence", "claims"), CASES[::7], ids=[sentence[:60] for sentence, _ in CASES[::7]])
def test_a_typed_sentence_makes_the_claims_of_a_spoken_one(sentence: str, claims: list[str]) -> None:
    assert sorted(rendered(claim) for claim in told_claims(source([sentence]))) == claims


@given(st.sampled_from(CASES), st.sampled_from(UNRELATED), st.booleans())
def test_an_unrelated_sentence_changes_nothing(case: tuple[str, list[str]], other: str, before: bool) -> None:
    sentence, claims = case
    ended = sentence if sentence[-1] in ".?!" else sentence + "."
    assert told(f"{other} {ended}" if before else f"{ended} {other}") == claims


@given(st.sampled_from([case for case in CASES if " " in case[0]]), st.data())
def test_where_the_recogniser_cuts_changes_the_evidence_only(case: tuple[str, list[str]], data: st.DataObject) -> None:
    sentence, claims = case
    blanks = [match.start() for match in re.finditer(r"(?<=\S) (?=\S)", sentence)]
    at = data.draw(st.sampled_from(blanks))
    halves = said([sentence[:at], sentence[at + 1 :]])
    cut = told_claims(halves)
    assert sorted(map(rendered, cut)) == claims
    for claim in cut:
        held = " ".join(e.text for e in halves.evidence if e.id in claim.evidence)
        assert claim.text in held


@given(st.sampled_from(CASES))
def test_a_claim_quotes_its_source(case: tuple[str, list[str]]) -> None:
    given_ = said([case[0]])
    for claim in told_claims(given_):
        assert claim.text
        assert claim.text in " ".join(case[0].split())
        assert claim.evidence == ("E1",)
        assert claim.signal == "audio:1"


@given(st.lists(st.sampled_from(HOSTILE + [sentence for sentence, _ in CASES]), max_size=12).map("".join) | st.text())
def test_any_text_can_be_read(text: str) -> None:
    for given_ in (said([text]), source([text])):
        for claim in told_claims(given_):
            assert isinstance(claim, Claim)
            assert claim.evidence == ("E1",)


@pytest.mark.parametrize("piece", [*HOSTILE, *(f"{sentence} " for sentence, _ in CASES[::40])])
def test_hostile_text_takes_linear_time(piece: str) -> None:
    def seconds(text: str) -> float:
        began = time.process_time()
        told_claims(said([text]))
        return time.process_time() - began

    half = piece * (2_000 // len(piece))
    seconds(half)
    for _ in range(3):  # noise is never on one side only
        if seconds(half + half) < 3 * seconds(half) + 0.02:
            return
    pytest.fail("four times the work for twice the text")


@given(st.lists(st.sampled_from(HOSTILE), max_size=12).map("".join) | st.text())
def test_what_is_searched_is_as_long_as_what_was_said(text: str) -> None:
    ready = corrected(plain(text))
    assert len(ready) == len(text)
    spans = [(clause.start, clause.end) for clause in clauses(ready)]
    assert spans == sorted(spans)
    assert all(ready[a:b] for a, b in spans)
    assert all(a < b for a, b in sentences(ready))


def test_the_text_is_as_it_was_said_though_what_is_searched_is_not() -> None:
    claims = told_claims(said(["I’m, um, allergic to, well, penicillin."]))
    assert [claim.text for claim in claims] == ["penicillin"]


def test_what_is_said_late_in_a_long_recording_is_corrected_too() -> None:
    weather = "The weather was fine and we talked for a while. " * 200
    assert told(f"{weather}The total was 65, no, sorry, 63.") == ["total = 63"]


def test_a_sentence_over_two_segments_rests_on_both() -> None:
    claims = told_claims(said(["Hello.", "The alarm limit of this machine", "is one hundred degrees."]))
    assert [(rendered(claim), claim.evidence) for claim in claims] == [("limit = 100 deg", ("E2", "E3"))]


def test_what_is_told_of_another_time_or_denied_is_not_present() -> None:
    past, denied, now = told_claims(
        said(["Last year she weighed 80 kilos. She does not take aspirin. She weighs 75 kilos."])
    )
    assert [past.present, denied.present, now.present] == [False, False, True]


def test_a_source_without_sentences_tells_nothing() -> None:
    assert told_claims(said([])) == []
    form = source(["I take ramipril."])
    line = replace(form.evidence[0], detail=Line(("I take ramipril.",)))
    assert told_claims(replace(form, evidence=(line,))) == []


@pytest.mark.parametrize("table", ["words", "extremes", "bounds", "units", "relations"])
def test_every_entry_is_a_phrase_in_lower_case(table: str) -> None:
    for name, entries in vocabulary().telling[table].items():
        assert entries, name
        assert len(set(entries)) == len(entries), name
        for entry in entries:
            assert entry == " ".join(entry.split()) != "", (name, entry)
            assert table == "units" or name == "doses" or entry == entry.lower(), (name, entry)
            assert "’" not in entry


def test_every_unit_and_attribute_of_the_tables_is_known() -> None:
    attributes = {attribute.name: attribute for attribute in vocabulary().attributes.values()}
    for name, units in vocabulary().telling["units"].items():
        assert set(units) <= attributes[name].units, name
