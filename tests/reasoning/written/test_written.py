"""Claims of whole pages: receipts typeset and as a reader read them, forms, and what must hold for any page."""

from __future__ import annotations

import json
import random
import re
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from fakes import signal
from hypothesis import example, given
from hypothesis import strategies as st
from written_pages import Receipt, numbered, receipt

from edge_assistant.bench import gold
from edge_assistant.evidence import Code, Detail, Evidence, Field, Line, TickBox
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.values.values import Clock, Day, Identifier, Items, Name, Nothing, Quantity, Truth, Value
from edge_assistant.reasoning.written.written import written_claims
from edge_assistant.signals import Kind

RECORDED = json.loads((Path(__file__).parents[2] / "fixtures" / "written_pages.json").read_text(encoding="utf-8"))


def claims(evidence: tuple[Evidence, ...]) -> list[Claim]:
    return written_claims(Source(signal(Kind.IMAGE), evidence))


@cache
def of_receipt(seed: int) -> list[Claim]:
    return claims(receipt(seed).evidence())


def recorded(name: str) -> tuple[Evidence, ...]:
    return numbered([(item.text, item.detail) for item in gold.from_json(RECORDED[name], "image:1")])


def told(found: list[Claim], attribute: str, subject: str | None = None) -> list[Value]:
    return [claim.value for claim in found if claim.attribute == attribute and claim.subject == subject]


def amount(number: str, unit: str | None = None) -> Quantity:
    return Quantity((Decimal(number),), unit)


def says(found: list[Claim], attribute: str, truth: Any) -> bool:
    """Whether claims of an attribute say what is true, or are absent where nothing is true."""
    values = [claim for claim in found if claim.attribute == attribute and claim.subject is None]
    if truth is None:
        return not values
    return bool(values) and all(_is(claim, truth) for claim in values)


def _is(claim: Claim, truth: Any) -> bool:
    match claim.value:
        case Quantity(readings=(number, *_)):
            return bool(number == truth)
        case Day(readings=readings):
            return truth in readings
        case Identifier(code=code):
            return bool(code == re.sub(r"\W", "", truth).upper())
        case _:
            return bool(claim.text.upper() == truth.upper())


@pytest.mark.parametrize("attribute", ["total", "cash", "change", "date", "seller", "receipt number"])
@pytest.mark.parametrize("layout", range(7))
def test_a_receipt_of_any_layout_says_what_is_on_it(layout: int, attribute: str) -> None:
    for seed in range(layout, 20 * 7, 7):
        assert says(of_receipt(seed), attribute, receipt(seed).truth.get(attribute)), (seed, attribute)


@pytest.mark.parametrize("layout", range(7))
def test_the_articles_of_a_receipt_have_their_prices(layout: int) -> None:
    right = wrong = 0
    for seed in range(layout, 20 * 7, 7):
        page = receipt(seed)
        found = [c for c in of_receipt(seed) if c.attribute == "price"]
        prices = [(c.subject, c.value.readings[0]) for c in found if isinstance(c.value, Quantity)]
        right += sum(article in prices for article in page.articles)
        wrong += sum(price not in page.articles for price in prices)
    assert wrong == 0
    assert right >= 0.9 * sum(len(receipt(seed).articles) for seed in range(layout, 20 * 7, 7))


@pytest.mark.parametrize("name", [name for name in RECORDED if name.startswith("receipt ")])
@pytest.mark.parametrize("attribute", ["total", "cash", "change", "date", "seller", "receipt number"])
def test_a_receipt_as_it_was_read_from_a_scan(name: str, attribute: str) -> None:
    truth = receipt(int(name.split()[1])).truth
    assert says(claims(recorded(name)), attribute, truth.get(attribute))


def test_the_example_receipt() -> None:
    found = claims(recorded("examples/expense/receipt.jpg"))
    assert told(found, "total") == [amount("42.00")]
    assert told(found, "tax") == [amount("7.00")]
    assert told(found, "price", "Tomato soup") == [amount("11.00")]
    assert told(found, "quantity", "Tomato soup") == [amount("2")]
    assert told(found, "date") == [Day(((2025, 3, 14),))]
    assert told(found, "time") == [Clock((12 * 60 + 52,))]
    assert told(found, "seller") == [Name(("the", "copper", "kettle"))]


def test_the_example_form() -> None:
    found = claims(recorded("examples/clinic/form.jpg"))
    assert told(found, "patient") == [Name(("martin", "hale"))]
    assert told(found, "birth date") == [Day(((1968, 11, 2),))]
    assert told(found, "medication") == [Items(("ramipril",))]
    assert told(found, "allergy") == [Nothing()]
    assert told(found, "emergency contact") == [Name(("joan", "hale"))]
    assert told(found, "smoker") == [Truth(False)]


@pytest.mark.parametrize("name", RECORDED)
def test_a_claim_is_a_span_of_its_evidence(name: str) -> None:
    evidence = recorded(name)
    texts = {item.id: item.text for item in evidence}
    for claim in claims(evidence):
        assert any(claim.text in texts[id] for id in claim.evidence), claim
        assert 0 < claim.confidence <= 1


# ---- what holds for any page

DETAILS = st.one_of(
    st.builds(Field, st.text(max_size=40), st.text(max_size=60)),
    st.builds(Line, st.lists(st.text(max_size=30), min_size=1, max_size=5).map(tuple)),
    st.builds(TickBox, st.text(max_size=30), st.booleans()),
    st.builds(Code, st.text(min_size=1, max_size=60), st.just("QRCode")),
)
NAMES = sorted({name for attribute in vocabulary().attributes.values() for name in attribute.names})
VALUES = [
    "12.00",
    "RM 5.00",
    "400 V",
    "2-8 °C",
    "none",
    "-",
    "19/10/2018",
    "a/b",
    "1/0 V",
    "0 mg",
    "½",
    "٣",
    "(",
    "x" * 300,
]
LIKELY = st.one_of(
    st.builds(Field, st.sampled_from(NAMES), st.sampled_from(VALUES)),
    st.builds(lambda a, b: Line((a, b)), st.sampled_from(NAMES), st.sampled_from(VALUES)),
    st.builds(lambda a, b: Line((f"{a} {b}",)), st.sampled_from(NAMES), st.sampled_from(VALUES)),
    st.builds(TickBox, st.builds("{}: {}".format, st.sampled_from(NAMES), st.sampled_from(VALUES)), st.booleans()),
)


@given(st.lists(st.one_of(DETAILS, LIKELY), max_size=12))
@example([Line(("",) * 5), Line(("", "", "", "", "0"))])  # a column without a header
def test_no_page_makes_it_fail(details: list[Detail]) -> None:
    evidence = numbered([(_text(detail), detail) for detail in details])
    for claim in claims(evidence):
        assert claim.attribute
        assert set(claim.evidence) <= {item.id for item in evidence}


def _text(detail: Detail) -> str:
    match detail:
        case Field(label=label, value=value):
            return f"{label}: {value or '(left blank)'}"
        case Line(cells=cells):
            return " ".join(cells)
        case _:
            return str(detail)


@given(st.integers(0, 700), st.randoms(use_true_random=False))
def test_other_lines_do_not_change_the_total(seed: int, chance: random.Random) -> None:
    page = receipt(seed)
    evidence = list(page.evidence())
    said = told(claims(tuple(evidence)), "total")
    for words in ("Have a nice day", "Follow us at example.org", "Register 4", "Served with a smile"):
        evidence.insert(chance.randint(len(evidence) - 1, len(evidence)), numbered([(words, Line((words,)))])[0])
    assert told(claims(numbered([(item.text, item.detail) for item in evidence])), "total") == said


@given(st.integers(0, 700), st.randoms(use_true_random=False))
def test_the_order_of_the_sums_does_not_change_the_total(seed: int, chance: random.Random) -> None:
    page = receipt(7 * (seed // 7))  # labels and amounts in the same row
    evidence = page.evidence()
    said = told(claims(evidence), "total")
    names = ("subtotal", "sub total", "tax", "total", "cash", "change", "card", "visa", "balance")
    places = [
        i for i, item in enumerate(evidence) if isinstance(item.detail, Field) and item.detail.value.count(".") == 1
    ]
    sums = [i for i in places if str(getattr(evidence[i].detail, "label", "")).lower().startswith(names)]
    shuffled = chance.sample(sums, len(sums))
    mixed = list(evidence)
    for to, source in zip(sums, shuffled, strict=True):
        mixed[to] = evidence[source]
    assert told(claims(tuple(mixed)), "total") == said


@given(st.integers(0, 700), st.integers(1, 99_999))
def test_one_more_article_and_its_price_on_the_total(seed: int, cents: int) -> None:
    price = Decimal(cents) / 100
    page = Receipt()
    page.centred("NORTH PIER FISH BAR")
    articles = receipt(seed).articles
    for name, number in articles:
        page.ends(name, f"{number:.2f}")
    before = list(page.rows)
    total = sum((number for _, number in articles), Decimal(0))
    page.ends("TOTAL", f"{total:.2f}")
    assert told(claims(page.evidence()), "total") == [Quantity((total,))]
    page.rows = before
    page.ends("One more thing", f"{price:.2f}")
    page.ends("TOTAL", f"{total + price:.2f}")
    assert told(claims(page.evidence()), "total") == [Quantity((total + price,))]


def test_a_long_page_takes_as_many_steps_as_it_has_rows() -> None:
    """Work grows with the page: a page ten times as long makes ten times the claims, and the longest is cut."""
    rows = [Field(f"Label {number}", f"value {number}") for number in range(5_000)]
    few, many = (len(claims(numbered([(_text(row), row) for row in rows[:n]]))) for n in (150, 1_500))
    assert (few, many) == (150, 1_500)
    assert len(claims(numbered([(_text(row), row) for row in rows]))) == 2_000
