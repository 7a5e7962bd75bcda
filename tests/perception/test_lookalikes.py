from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.perception.lookalikes import as_digits


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        ("(C115) 496 O908", "(0115) 496 0908"),
        ("12C/76 mmHg", "120/76 mmHg"),
        ("084.5C", "084.50"),
        ("I0 pcs", "10 pcs"),
        ("INV-22C1", "INV-2201"),
        ("2O24-1l-30", "2024-11-30"),
    ],
)
def test_a_letter_among_digits_is_the_digit_that_was_probable(read: str, expected: str) -> None:
    assert as_digits(read, lambda index, digit: 0.3) == expected


@pytest.mark.parametrize("text", ["DOCILE", "OIL 5 l", "A4 I/O", "B12", "5 DL", "C", "SN-BOX", "mmol/l"])
def test_words_and_other_codes_stay(text: str) -> None:
    assert as_digits(text, lambda index, digit: 1.0) == text


@pytest.mark.parametrize("text", ["38C", "22C1", "7O", "(C115)"])
def test_what_is_printed_clearly_stays(text: str) -> None:
    assert as_digits(text, lambda index, digit: 0.01) == text


@given(st.text(), st.floats(0, 1))
def test_any_text_keeps_its_length(text: str, probability: float) -> None:
    assert len(as_digits(text, lambda index, digit: probability)) == len(text)
