"""Amounts: how they are written, what labels call them, and which of several is to pay."""

from __future__ import annotations

from decimal import Decimal

import pytest
from written_receipts import read, texts, typeset

from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.values.values import Quantity
from edge_assistant.reasoning.written.amounts import amounts, role_of
from edge_assistant.reasoning.written.rows import Row, rows


@pytest.mark.parametrize(
    ("label", "role"),
    [
        ("TOTAL", "total"),
        ("Total (RM)", "total"),
        ("Total incl. 6% GST", "total"),
        ("Total Sales (Inclusive of GST)", "total"),
        ("TOTAL (GST INCLUDED)", "total"),
        ("Total Amt Payable", "total"),
        ("Net Total", "total"),
        ("ROUNDED TOTAL", "total"),
        ("Total after rounding", "total"),
        ("Total before discount", "total"),
        ("BALANCE DUE", "total"),
        ("Sub-Total", "subtotal"),
        ("(Excluded GST) Sub Total", "subtotal"),
        ("Total Sales (Excluding GST)", "subtotal"),
        ("Total before tax", "subtotal"),
        ("GST @6% included in total", "tax"),
        ("Bil1 Inclusive of 6% GST", "total"),
        ("Total GST", "tax"),
        ("Sales tax 8.25%", "tax"),
        ("VAT 20% included", "tax"),
        ("Total rounding", "rounding"),
        ("Rounding Adj.", "rounding"),
        ("Received Cash", "cash"),
        ("Paid Amount", "cash"),
        ("Visa **** 1234", "cash"),
        ("Cash change", "change"),
        ("Change due", "change"),
        ("TOTAL DISCOUNT", "discount"),
        ("Service charge 10%", "service charge"),
        ("Total Qty Tender", None),
        ("Tomato soup", None),
        ("T0TAL", "total"),
        ("SUBT0TAL", "subtotal"),
        ("CA5H", "cash"),
    ],
)
def test_what_a_label_calls_an_amount(label: str, role: str | None) -> None:
    found, rest = role_of(label)
    assert found == role
    if role is not None and role != "tax":
        assert not rest


@pytest.mark.parametrize("label", ["Gift card", "Oil change", "Cash box", "Total cereal", "Tax guide", "Tip jar"])
def test_an_article_that_is_called_like_a_sum_has_words_left(label: str) -> None:
    assert role_of(label)[1]


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        ("RM 34.80", "34.80", "MYR"),
        ("RM34.80", "34.80", "MYR"),
        ("$1,234.50", "1234.50", "USD"),
        ("1.234,50 EUR", "1234.50", "EUR"),
        ("34,80", "34.80", None),
        ("£6.00", "6.00", "GBP"),
        ("-0.02", "-0.02", None),
        ("(0.02)", "-0.02", None),
        ("0.02-", "-0.02", None),
        ("-RM 0.02", "-0.02", "MYR"),
        ("RMO.00", "0.00", "MYR"),
        ("11.60 SR", "11.60", None),
        ("6,70 A", "6.70", None),
        ("RM 5", "5", "MYR"),
    ],
)
def test_how_an_amount_is_written(text: str, number: str, unit: str | None) -> None:
    (found,) = amounts([Row("E1", ("Tea", text), (None, None), True, 1.0)])
    assert (found.number, found.unit, found.label) == (Decimal(number), unit, "Tea")
    assert found.text in text


@pytest.mark.parametrize(
    "text",
    ["12.05.2024", "18:04", "6.00%", "0.452 kg", "5.6600", "43300", "3-56131328", "G1.116A", "34.20 L", "RM20202#"],
)
def test_what_is_no_amount(text: str) -> None:
    assert amounts([Row("E1", ("Tea", text), (None, None), True, 1.0)]) == []


def test_columns_are_known_by_their_names() -> None:
    (_, row) = rows(
        typeset("""
    Item            Qty    Price   Amount
    Tea              2      1.50     3.00
    """).evidence()
    )
    assert row.columns == ("Item", "Qty", "Price", "Amount")
    assert amounts([row])[-1].value == Quantity((Decimal("3.00"),))


# ---- the words that ship

WRITTEN = vocabulary().written


@pytest.mark.parametrize("word", sorted(WRITTEN["fillers"]))
def test_a_filler_changes_nothing(word: str) -> None:
    assert not role_of(f"Total {word}")[1]


@pytest.mark.parametrize("word", sorted(WRITTEN["unsaid"]))
def test_a_word_that_is_not_heard_keeps_names_together(word: str) -> None:
    assert role_of(f"grand {word} total") == ("total", ())


@pytest.mark.parametrize("word", sorted(WRITTEN["inclusive"]))
def test_a_total_with_tax_is_a_total(word: str) -> None:
    assert role_of(f"Total Sales ({word} GST)") == ("total", ())


@pytest.mark.parametrize("word", sorted(WRITTEN["around"]))
def test_a_total_before_or_after_rounding_is_a_total(word: str) -> None:
    assert role_of(f"Total {word} rounding")[0] == "total"


@pytest.mark.parametrize("word", sorted(WRITTEN["counts"]))
def test_a_count_is_no_amount(word: str) -> None:
    assert role_of(f"Total {word}")[0] is None


@pytest.mark.parametrize("word", sorted(WRITTEN["final"]))
def test_a_word_that_says_which_total_is_to_pay(word: str) -> None:
    found = read(f"Corner Cafe\nTotal         10.00\nTotal {word}         9.00")
    if role_of(f"Total {word}") == ("total", ()):
        assert texts(found)["total"] == "9.00"


@pytest.mark.parametrize("word", sorted(WRITTEN["provisional"]))
def test_a_total_that_is_not_yet_to_pay(word: str) -> None:
    found = read(f"Corner Cafe\nTotal {word} rounding         10.02\nTotal         10.00")
    assert texts(found)["total"] == "10.00"


@pytest.mark.parametrize("words", sorted(WRITTEN["tax_table"]))
def test_a_table_of_taxes_is_known_by_its_head(words: str) -> None:
    found = read(f"Corner Cafe\nTea       2.00\nTotal       2.00\n{words}\nTotal        1.90")
    assert texts(found)["total"] == "2.00"
