from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.perception.documents.ocr import as_digits


@pytest.mark.parametrize(
    ("read", "probability", "expected"),
    [
        ("(C115) 496 O908", 0.3, "(0115) 496 0908"),
        ("12C/76 mmHg", 0.3, "120/76 mmHg"),
        ("084.5C", 0.3, "084.50"),
        ("I0 pcs", 0.3, "10 pcs"),
        ("INV-22C1", 0.3, "INV-2201"),
        ("2O24-1l-30", 0.3, "2024-11-30"),
        *((text, 1.0, text) for text in ("DOCILE", "OIL 5 l", "A4 I/O", "B12", "5 DL", "C", "SN-BOX", "mmol/l")),
        *((text, 0.01, text) for text in ("38C", "22C1", "7O", "(C115)")),  # printed clearly
    ],
)
def test_a_letter_among_digits_is_the_digit_that_was_probable(read: str, probability: float, expected: str) -> None:
    assert as_digits(read, lambda index, digit: probability) == expected


@given(st.text(), st.floats(0, 1))
def test_any_text_keeps_its_length(text: str, probability: float) -> None:
    assert len(as_digits(text, lambda index, digit: probability)) == len(text)
