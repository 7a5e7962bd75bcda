"""What a picture shows: claims of the objects that were found and counted in it, made without the language model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from edge_assistant.evidence import Scene, Thing
from edge_assistant.reasoning.candidates import as_words
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.values import Quantity, Truth, Words
from edge_assistant.reasoning.vocabulary import vocabulary

COUNT = "count"  # attribute: how many there are of the subject, an object's label
PRESENCE = "presence"  # attribute: whether the subject is there


def seen_claims(source: Source) -> Iterator[Claim]:
    """The number of each object in a picture, and that it is there."""
    for scene in source.evidence:
        if isinstance(scene.detail, Scene):
            for name, number in scene.detail.counts:
                evidence = (scene.id, *_things(source, name))
                count = Quantity((Decimal(number),))
                yield Claim(source.signal.id, count, str(number), evidence, attribute=COUNT, subject=name)
                yield Claim(source.signal.id, Truth(True), name, evidence, attribute=PRESENCE, subject=name)


def label(noun: str) -> str:
    """The detector's label that a noun means: kitten -> cat."""
    return vocabulary().synonyms.get(noun, noun)


def counted(noun: str, claims: Sequence[Claim]) -> list[Claim]:
    """The claims of how many there are of a noun."""
    return [c for c in claims if c.attribute == COUNT and c.present and c.subject == label(noun)]


def member(category: str, claims: Sequence[Claim]) -> list[Claim]:
    """The object of a category, where a source shows or tells of a single one."""
    labels = vocabulary().categories[category]
    found = {c.subject: c for c in claims if _is_there(c) and c.subject in labels}
    if len(found) != 1:
        return []
    (claim,) = found.values()
    return [Claim(claim.signal, as_words(claim.subject or ""), claim.text, claim.evidence, claim.confidence)]


def confirms(source: Source, value: Words) -> Claim | None:
    """Whether a picture shows what another signal says in words, also where it would not say so alone."""
    wanted = {label(token) for token in value.tokens}
    for item in source.evidence:
        if isinstance(item.detail, Thing) and item.detail.label in wanted:
            name = item.detail.label
            return Claim(source.signal.id, as_words(name), name, (item.id,), item.confidence or 1.0)
    return None


def _is_there(claim: Claim) -> bool:
    return claim.attribute == PRESENCE and claim.present and claim.value == Truth(True)


def _things(source: Source, name: str) -> tuple[str, ...]:
    """Ids of the objects with a label."""
    found = (e for e in source.evidence if isinstance(e.detail, Thing) and e.detail.sure and e.detail.label == name)
    return tuple(e.id for e in found)
