"""Receipts typeset from a text, and the claims that are made of them."""

from __future__ import annotations

import re

from fakes import signal
from written_pages import Receipt

from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.written.written import written_claims
from edge_assistant.signals import Kind


def typeset(text: str) -> Receipt:
    """A page as it stands in a text: cells are apart by two spaces or more."""
    page = Receipt()
    for line in text.strip("\n").split("\n"):
        page.rows.append([(match.start(), match[0]) for match in re.finditer(r"\S+(?: \S+)*", line)])
    return page


def read(text: str) -> list[Claim]:
    """The claims of a page that is typeset."""
    return written_claims(Source(signal(Kind.IMAGE), typeset(text).evidence()))


def texts(found: list[Claim]) -> dict[str, str]:
    """What is told of the purchase, by attribute."""
    return {claim.attribute or "": claim.text for claim in found if claim.subject is None}


def prices(found: list[Claim]) -> dict[str | None, str]:
    """The prices of the articles, by name."""
    return {claim.subject: claim.text for claim in found if claim.attribute == "price"}
