"""What holds of every text: nothing else is lost, places are in order, redacting again changes nothing, and steps."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_assistant.governance.redaction.redactor import Redactor
from edge_assistant.governance.redaction.rules import shipped
from evals.personal.lines import lines
from evals.redaction import HOSTILE

KEY = bytes(32)
# fmt: off
PARTS = [
    "MRN ", "DOB ", "born ", "Mr ", "Dr. ", "Name: ", "my name is ", "Patient ", "Tel: ", "call ", "card ", "IBAN ",
    "account ", "NHS ", "SSN: ", "address: ", "lives at ", "email ", "number is ", "Anna ", "Smith", "O'Brien", "12 ",
    "Acacia ", "Street", ", ", ". ", "\n", " ", "oh ", "seven ", "double ", "four ", "twenty ", "plus ", "dash ",
    "07700 900123", "4111 1111 1111 1111", "GB82WEST12345698765432", "12/03/1980", "12 March ", "1980", "078-05-1120",
    "943 476 5919", "a.b@example.com", " at example dot com", "SW1A 1AA", "AB 12 34 56 C", "[PHONE-1]", "[", "]", "-",
    "+44", "(", ")", "1", "0", "9", "a", "Z", "é", "\u200b", "٣", "＠", ":", "=", '"', "|", ";", "/",
]
# fmt: on
TEXTS = st.lists(st.sampled_from(PARTS), max_size=12).map("".join) | st.text(max_size=60)


@settings(max_examples=100)
@given(TEXTS)
def test_what_is_around_is_kept_and_places_are_in_order(text: str) -> None:
    redacted = Redactor(KEY).redact(text)
    place, pieces = 0, []
    for found in redacted.found:
        assert place <= found.start < found.end <= len(text)
        pieces += [text[place : found.start], found.pseudonym]
        place = found.end
    assert "".join((*pieces, text[place:])) == redacted.text


@settings(max_examples=200)
@given(TEXTS)
def test_redacting_again_changes_nothing(text: str) -> None:
    redactor = Redactor(KEY)
    once = redactor.redact(text).text
    assert redactor.redact(once).text == once
    assert Redactor(KEY).redact(once).found == ()


@settings(max_examples=50)
@given(TEXTS, TEXTS)
def test_one_value_has_one_pseudonym(first: str, second: str) -> None:
    redactor = Redactor(KEY)
    redactor.redact(first)
    known = redactor.redact(second).text
    assert redactor.redact(second).text == known


def test_the_lines_of_the_bench_stay_as_they_are_the_second_time() -> None:
    for line in lines(150, 1):
        redactor = Redactor(KEY)
        once = redactor.redact(line.text).text
        assert redactor.redact(once).text == once, line.text


@pytest.mark.parametrize("rule", shipped().rules, ids=lambda rule: str(rule.kind))  # the same in every process
def test_no_pattern_repeats_without_limit(rule: Any) -> None:
    parser: Any = re._parser  # type: ignore[attr-defined] - it knows the width of a pattern
    assert parser.parse(rule.pattern.pattern).getwidth()[1] < 1000


def steps(work: Callable[[], object]) -> int:
    """How many functions are called, of Python and of C."""
    count = 0

    def called(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("part", HOSTILE.values(), ids=HOSTILE)
def test_twice_the_text_is_twice_the_steps(part: str) -> None:
    Redactor(KEY).redact(part * 40)  # what is loaded and remembered once
    counts = []
    for length in (4_000, 8_000):
        redactor, text = Redactor(KEY), (part * length)[:length]
        counts.append(steps(lambda redactor=redactor, text=text: redactor.redact(text)))  # type: ignore[misc]
    assert counts[1] < 2.1 * counts[0] + 1_000
