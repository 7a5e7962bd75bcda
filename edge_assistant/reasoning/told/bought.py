"""What an amount of money was paid for, and whether the total or an article's price is meant by it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from edge_assistant import patterns
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.pointing import NAMED, likeness
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary
from edge_assistant.reasoning.told.clauses import any_of, any_word
from edge_assistant.reasoning.values.candidates import Candidate

TOTAL, PRICE = "total", "price"
_BEFORE = 80  # characters before an amount in which what was bought is named
_BEHIND = 60
_NEAR = 12  # characters between an amount and a phrase behind it: "12 ringgit each"


def thing_bought(text: str, value: Candidate, span: tuple[int, int]) -> str | None:
    """What an amount was paid for: "the soup was 6.50", "12 ringgit for the soup", "a coffee for 4.20".

    Args:
        text: the clause.
        value: the amount.
        span: of what names the amount, or of the amount itself.
    """
    before, whole, behind = _patterns()
    begin = min(value.start, span[0])
    end = max(value.end, span[1]) if span[1] - value.end < _NEAR else value.end
    match = whole.match(text[:begin]) or before.search(text[max(0, begin - _BEFORE) : begin])
    match = match or behind.match(text[end : end + _BEHIND])
    return " ".join(match["what"].split()).lower() if match else None


@per_vocabulary
def _patterns(vocabulary: Vocabulary) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Its name right before the amount, at the head of the clause, behind the amount."""
    words = vocabulary.telling["words"]
    no = any_word((*words["not_things"], *words["spending"]))
    noun = rf"(?!{no})[^\W\d_][\w'-]*"
    what = rf"(?P<what>{noun}(?:\s+{noun}){{0,2}})"
    costing = any_word(words["costing"])
    hedges = r"(?:(?:about|around|roughly|only|just|nearly|almost|me|us)\s+)*"
    article = r"(?:the|an?|my|our|this|two|three|four|five|six|\d+|and|bought|buy|purchased|ordered|got)\s+(?:some\s+)?"
    whose = r"(?:from|at|of|for|in)\s+[^,;]*?\b(?:was|were|cost|costs|came\s+to)"
    return (
        patterns.compile(rf"(?:^\s*|\b{article}){what}\s*(?:\s{costing}\s+)?{hedges}$", re.I),
        patterns.compile(rf"\s*(?:and\s+)?(?:the|my|our|this|an?)\s+{what}\s+{whose}\s+{hedges}$", re.I),
        patterns.compile(rf"\s*(?:for|on)\s+(?:(?:the|an?|my|some)\s+)?{what}", re.I),
    )


def as_told(claims: Mapping[str, Sequence[Claim]]) -> dict[str, list[Claim]]:
    """Settle what "the soup was 6.50" means: an article's price where another source lists the article, else the total.

    Args:
        claims: what code found in each source, by the id of its signal.
    """
    return {id: [_settled(claim, claims) for claim in found] for id, found in claims.items()}


def _settled(claim: Claim, claims: Mapping[str, Sequence[Claim]]) -> Claim:
    if claim.attribute != TOTAL or claim.subject is None or not _is_article(claim.subject):
        return claim
    others = [c for id, found in claims.items() if id != claim.signal for c in found if c.attribute == PRICE]
    listed = max(others, key=lambda c: likeness(claim.subject or "", c.subject or ""), default=None)
    if listed is not None and likeness(claim.subject, listed.subject or "") >= NAMED:
        return replace(claim, attribute=PRICE, subject=listed.subject)
    return replace(claim, subject=None)


def _is_article(subject: str) -> bool:
    """Whether a subject is a thing, and no other receipt and nobody: "yesterday's lunch", "the old receipt"."""
    return not _others().search(subject)


@per_vocabulary
def _others(vocabulary: Vocabulary) -> re.Pattern[str]:
    words = vocabulary.telling["words"]
    people = (word for group in vocabulary.telling["relations"].values() for word in group)
    return any_of((*words["dated_subjects"], "receipt", "bill", "invoice", *words["apart"], *people))
