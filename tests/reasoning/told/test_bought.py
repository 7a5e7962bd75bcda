"""What an amount was paid for: the total of a receipt, or the price of one of its articles."""

from __future__ import annotations

from decimal import Decimal

import pytest
from fakes import source

from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.told.bought import as_told
from edge_assistant.reasoning.told.told import told_claims
from edge_assistant.reasoning.values.values import Quantity


def receipt(*articles: str) -> list[Claim]:
    price = Quantity((Decimal("6.50"),))
    return [Claim("image:1", price, "6.50", ("E9",), attribute="price", subject=article) for article in articles]


def told(text: str, *articles: str) -> list[tuple[str | None, str | None]]:
    claims = as_told({"text:1": told_claims(source([text])), "image:1": receipt(*articles)})
    return [(claim.attribute, claim.subject) for claim in claims["text:1"]]


def test_an_amount_for_an_article_that_the_receipt_lists_is_its_price() -> None:
    assert told("The soup was 6.50.", "TOM YAM SOUP", "TEA") == [("price", "TOM YAM SOUP")]


def test_an_amount_for_what_no_receipt_lists_is_the_total() -> None:
    assert told("The hardware was 38.40.", "SCREWS 5MM", "GLUE") == [("total", None)]
    assert told("The hardware was 38.40.") == [("total", None)]


@pytest.mark.parametrize(
    "text", ["Yesterday's lunch was 20 ringgit.", "On the other receipt the total was 20 ringgit."]
)
def test_what_is_told_of_another_purchase_stays_so(text: str) -> None:
    assert told(text, "LUNCH")[0][1] in ("yesterday's lunch", "other receipt")


def test_articles_with_a_price_each_are_no_totals() -> None:
    assert told("The soup was 6.50 and the tea was 2.20.", "SOUP") == [("price", "soup"), ("price", "tea")]
