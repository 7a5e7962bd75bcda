"""All the claims that code finds in a source, without a question and without a language model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.meaning import Meaning
from edge_assistant.reasoning.seen import seen_claims
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.told.entries import entry_claims
from edge_assistant.reasoning.told.told import told_claims
from edge_assistant.reasoning.values.values import Items
from edge_assistant.reasoning.written.fields import bodily
from edge_assistant.reasoning.written.likened import likened
from edge_assistant.reasoning.written.written import written_claims


def inventory(source: Source, meaning: Meaning | None = None) -> tuple[Claim, ...]:
    """What a source claims: in sentences, in writing, in a picture. Lists of one attribute are one list.

    Args:
        source: of any kind.
        meaning: compares with examples what the rules do not know; None to leave that out.
    """
    written = written_claims(source)
    if meaning is not None:
        written = likened(written, meaning)
    told = bodily(told_claims(source, meaning), written)
    entries = entry_claims(source, told)
    return tuple(_united([*written, *entries, *told, *seen_claims(source)]))


def _united(claims: Iterable[Claim]) -> Iterable[Claim]:
    """Put the lists that a source gives of one attribute together: "I am allergic to latex. And to nuts."."""
    lists: dict[tuple[str | None, str | None], Claim] = {}
    for claim in claims:
        if not isinstance(claim.value, Items) or not claim.present:
            yield claim
            continue
        key = (claim.attribute, claim.subject)
        lists[key] = _union(lists[key], claim) if key in lists else claim
    yield from lists.values()


def _union(a: Claim, b: Claim) -> Claim:
    assert isinstance(a.value, Items)
    assert isinstance(b.value, Items)
    new = [item for item in b.value.items if item not in a.value.items]
    if not new:
        return replace(a, evidence=tuple(dict.fromkeys((*a.evidence, *b.evidence))))
    return replace(
        a,
        value=Items((*a.value.items, *new)),
        text=f"{a.text}, {b.text}",
        evidence=tuple(dict.fromkeys((*a.evidence, *b.evidence))),
        confidence=min(a.confidence, b.confidence),
    )
