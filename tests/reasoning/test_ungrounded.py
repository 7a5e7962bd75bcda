"""The walk over a whole answer: what it says and its evidence does not is found, in any writing; nothing else is."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_assistant.core.answer import Agreement, Answer, Computation, Route, Status, Verdict
from edge_assistant.core.evidence import (
    Code,
    Detail,
    Evidence,
    Field,
    Line,
    Locator,
    Passage,
    Scene,
    Speech,
    Statistic,
    TickBox,
    Word,
)
from edge_assistant.core.signals import Kind, Origin, take_bytes
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.compose import compose
from edge_assistant.reasoning.guard import ungrounded
from edge_assistant.reasoning.values.clocks import clocks
from edge_assistant.reasoning.values.days import days
from edge_assistant.reasoning.values.quantities import quantities
from edge_assistant.reasoning.values.spans import Candidate
from edge_assistant.reasoning.values.words import as_words, nothings


def answer(
    text: str, *told: str | Detail, computed: tuple[Computation, ...] = (), cites: tuple[str, ...] = ()
) -> Answer:
    """An answer over evidence of two signals: a detail has a text of its own that tells nothing."""
    signals = tuple(take_bytes(b"x", Kind.IMAGE, n, origin=Origin.USER, name=f"p{n}") for n in (1, 2))
    evidence = tuple(
        Evidence(
            f"E{number}",
            signals[number % 2].id,
            item if isinstance(item, str) else "seen",
            None,
            Locator(),
            Passage() if isinstance(item, str) else item,
        )
        for number, item in enumerate(told, 1)
    )
    route = Route("cross-signal", (), "why")
    return Answer("?", text, Status.SUPPORTED, route, signals, (), evidence, computed, (), cites)


SPOKEN = Speech(tuple(Word(word, 7.25, 9.75, 0.61) for word in ("thirty-eight", "forty")), "en")
PEAK = Statistic("motor temperature", "degC", "max", 105.59, datetime(2014, 4, 10, 1, 55))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("38.40 [E1]", "Total 38.40"),
        ("38.40 [E1]", "Total 38.4"),
        ("1450 rpm [E1]", "1,450 rpm"),
        ("38.40 [E1]", "we paid thirty-eight forty"),
        ('38.40 ("3840") [E1]', "we paid 3840"),
        ("Thirty-eight forty [E1]", "38.40"),
        ("38.40 [E1]", SPOKEN),
        ("120/80 mmHg [E1]", "BP 120/80"),
        ("On 9 October 1971 [E1]", "born 09/10/1971"),
        ("June 2027 [E1]", "EXP 06/2027"),
        ("In June 2027 [E1]", "use before 14.06.2027"),
        ("In June [E1]", "EXP 2027-06"),
        ("It was built in 2027 [E1]", "EXP 06/2027"),
        ("120 over 80 [E1]", "BP 120/80"),
        ("128/82 [E1]", "one twenty eight over eighty two"),
        ("The upper one is 128 [E1]", "128 over 82"),
        ("On 09/10/1971 [E1]", "born the ninth of October, nineteen seventy one"),
        ("The ninth of October [E1]", "born 1971-10-09"),
        ("In 1971 [E1]", "born 1971-10-09"),
        ("At 1:55 am [E1]", "2014-04-10T01:55:00 rose"),
        ("It peaked at 105.59 degC at 01:55 on 10 April 2014 [E1]", PEAK),
        ("Three dogs and 2 cats [E1]", Scene((("dog", 3), ("cat", 2)))),
        ("Latex [E1]", Field("Allergies", "latex")),
        ("Latex [E1]", TickBox("Allergies: Latex", True)),
        ("ABC-123 [E1]", Code("ABC-123", "QR")),
        ("It says Peter Lim's [E1]", Line(("Patient", "LIM, PETER"))),
        ("Heating failed [E1]", "the heater failed"),
        ("None of the pictures tells that. [E1]", "nothing"),
        ("No, the two pictures differ: the first picture says 5, the second picture says 10 [E1]", "5 and 10 mg"),
        ("The picture 12 shows it [E1]", "it"),
    ],
)
def test_what_the_evidence_yields(text: str, told: str | Detail) -> None:
    assert ungrounded(answer(text, told)) == []


@pytest.mark.parametrize(
    ("text", "told", "found"),
    [
        ("38.50 [E1]", "Total 38.40", ["38.50"]),
        ("3840 [E1]", "Total 38.40", ["3840"]),
        ("120/90 [E1]", "BP 120/80", ["120/90"]),
        ("120 over 90 [E1]", "BP 120/80", ["120 over 90"]),
        ("June 2027 [E1]", "EXP 07/2027", ["June 2027"]),
        ("June 2027 [E1]", "in June", ["June 2027"]),
        ("06/2027 [E1]", "EXP 06/2028", ["06/2027"]),
        ("Eleven dogs [E1]", Scene((("dog", 3),)), ["Eleven"]),
        ("On 9 October 1971 [E1]", "born 08/10/1971", ["9 October 1971"]),
        ("On 9 October 1971 [E1]", "born on the ninth of October", ["9 October 1971"]),
        ("At 2:55 pm [E1]", "at 14:50", ["2:55 pm"]),
        ("It took 7.25 s [E1]", SPOKEN, ["7.25 s"]),
        ("10 [E1]", "on 19/10/2018", ["10"]),
        ("It says Peter [E1]", "I take latex", ["Peter"]),
        ("Peter takes it [E1]", "I take latex", ["Peter"]),
        ("37 C [E1]", "98.6 F", ["37 C"]),
    ],
)
def test_what_it_does_not_yield(text: str, told: str | Detail, found: list[str]) -> None:
    assert ungrounded(answer(text, told)) == found


def test_only_what_is_cited_counts() -> None:
    assert ungrounded(answer("It was 38.40 [E2].", "Total 38.40", "Thank you")) == ["38.40"]
    assert ungrounded(answer("It was 38.40 [E2].", "Total 38.40", "Thank you", cites=("E1",))) == []
    unread = "Of log.csv 3 rows with more cells than the header could not be read; the rest may say otherwise."
    assert ungrounded(answer(f"It was 39.40 [E1]. {unread}", "Total 38.40")) == ["39.40"]


def test_a_computation_yields_its_formula_its_value_and_its_evidence() -> None:
    mean = (Computation("C1", "mean(t) over 35 rows", "80.3", ("E1",)),)
    assert ungrounded(answer("80.3 [C1], of 35 rows of the Pump", "pump", computed=mean)) == []
    assert ungrounded(answer("80.3, of 35 rows", "pump", computed=mean)) == ["80.3", "35"]


def test_what_was_asked_for_may_be_named() -> None:
    asked = (Verdict("INR 5", None, Agreement.SINGLE, ()),)
    assert ungrounded(replace(answer("The INR is 2.1 [E1]", "2.1"), verdicts=asked)) == []
    assert ungrounded(replace(answer("The INR is 5 [E1]", "2.1"), verdicts=asked)) == ["5"]


TOLD = (
    "Total RM 38.40", "we paid thirty-eight forty", "paid 3840", "1450 rpm", "BP 120/80", "born 09/10/1971",
    "born the ninth of October, nineteen seventy one", "at 14:05", "about twelve ringgit", "No known allergies",
    "Peter Lim has a Latex allergy [E9]", "37.2 C", "-4 degC", "2 to 8 degrees",
)  # fmt: skip
_WORDED = re.compile(r"[^\W\d_]+(?: [^\W\d_]+)?")
QUESTIONS = (None, "Do they agree on the total?", "Do they differ?")


def _has_number(text: str) -> bool:
    return bool([*quantities(text), *days(text), *clocks(text)])


@settings(max_examples=60)
@given(
    st.lists(st.sampled_from(TOLD), min_size=1, max_size=3),
    st.sampled_from(QUESTIONS),
    st.sampled_from(Agreement),
    st.data(),
)
def test_all_that_code_says_is_grounded(
    told: list[str], question: str | None, status: Agreement, data: st.DataObject
) -> None:
    """Whatever the verdict: `compose` says nothing but what stands in the evidence of its claims."""
    base = answer("", *told)
    claims = []
    for item in base.evidence:
        candidates = [one for finder in (quantities, days, clocks, nothings) for one in finder(item.text)]
        worded = (one for one in _WORDED.finditer(item.text) if not _has_number(one[0]))  # it can cut one
        candidates += [Candidate(one[0], as_words(one[0]), *one.span()) for one in worded]
        chosen = data.draw(st.sampled_from(candidates))
        claims.append(Claim(item.signal, chosen.value, chosen.text, (item.id,)))
    verdict = Verdict("total", None, status, ())
    text = compose(question, verdict, claims, base.signals)
    assert ungrounded(replace(base, text=text, verdicts=(verdict,))) == []
