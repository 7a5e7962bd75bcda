"""What a picture shows: claims of the objects that were found and counted in it, made without the language model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from edge_assistant.evidence import Scene, Thing
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.kinds import PERSON, is_activity, labels
from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.told.things import things
from edge_assistant.reasoning.values.candidates import as_words
from edge_assistant.reasoning.values.values import Nothing, Quantity, Truth

COUNT = "count"  # attribute: how many there are of the subject, an object's label
PRESENCE = "presence"  # attribute: whether the subject is there

Told = Mapping[str, Sequence[Claim]]
"""The claims that code found in each source, by the id of its signal."""


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
    """The claims of how many there are of a noun; those of a category are added up, and what is denied is none."""
    if noun != PERSON and label(noun) == PERSON:
        return []  # a picture shows no sex or age
    wanted = labels(label(noun))
    found = {c.subject: c for c in claims if c.attribute == COUNT and c.present and c.subject in wanted}
    if len(found) > 1:
        return [_sum(list(found.values()))]
    if found:
        return list(found.values())
    denied = [c for c in claims if _is_absent(c) and labels(c.subject or "") >= wanted]
    return [Claim(c.signal, Nothing(), "none", c.evidence, c.confidence) for c in denied[:1]]


def present(kind: str, claims: Sequence[Claim]) -> list[Claim]:
    """Whether a thing of a kind is there, as a source tells: yes where one is, no where all of them are denied."""
    there = [c for c in claims if _is_there(c) and c.subject in labels(kind)]
    absent = [c for c in claims if _is_absent(c) and labels(kind) == {c.subject}]
    return there[:1] or absent[:1]


def unseen(kind: str, source: Source) -> Claim | None:
    """That a picture, in which other things were found, shows nothing of a kind; None where it may."""
    scene = next((e for e in source.evidence if isinstance(e.detail, Scene) and e.detail.counts), None)
    wanted = labels(kind)
    if scene is None or any(isinstance(e.detail, Thing) and e.detail.label in wanted for e in source.evidence):
        return None
    return Claim(source.signal.id, Truth(False), "no", (scene.id,), attribute=PRESENCE, subject=kind)


def member(category: str, claims: Sequence[Claim]) -> list[Claim]:
    """The object of a category, where a source shows or tells of a single one."""
    found = _of_kind(category, claims)
    return [_named(list(found.values()))] if len(found) == 1 else []


def members(kind: str, told: Told) -> dict[str, list[Claim]]:
    """The objects of a kind in each source: the one that another source tells of too, else all of them.

    What somebody rides or holds is one thing; where a picture shows several that it could be, it does not tell which.
    """
    found = {id: _of_kind(kind, claims) for id, claims in told.items()}
    single = {next(iter(own)) for own in found.values() if len(own) == 1}
    chosen: dict[str, list[Claim]] = {}
    for id, own in found.items():
        common = [claim for name, claim in own.items() if name in single]
        if len(common) == 1:
            chosen[id] = [_named(common)]
        elif own and (len(own) == 1 or not is_activity(kind)):
            chosen[id] = [_named(list(own.values()))]
    return chosen


def confirms(source: Source, text: str) -> Claim | None:
    """Whether a picture shows what another signal says in words, also where it would not say so alone."""
    wanted = {name for name, _, _ in things(text)}
    for item in source.evidence:
        if isinstance(item.detail, Thing) and item.detail.label in wanted:
            name = item.detail.label
            return Claim(source.signal.id, as_words(name), name, (item.id,), item.confidence or 1.0)
    return None


def _of_kind(kind: str, claims: Sequence[Claim]) -> dict[str, Claim]:
    wanted = labels(kind)
    return {c.subject: c for c in claims if _is_there(c) and c.subject is not None and c.subject in wanted}


def _named(claims: Sequence[Claim]) -> Claim:
    """A claim in words for the things that are there."""
    first = claims[0]
    text = first.text if len(claims) == 1 else _listed([claim.text for claim in claims])
    evidence = tuple(dict.fromkeys(id for claim in claims for id in claim.evidence))
    value = as_words(" ".join(claim.subject or "" for claim in claims))
    return Claim(first.signal, value, text, evidence, min(claim.confidence for claim in claims))


def _sum(claims: Sequence[Claim]) -> Claim:
    """All the things of a category together."""
    numbers = [claim.value.readings[0] for claim in claims if isinstance(claim.value, Quantity)]
    evidence = tuple(dict.fromkeys(id for claim in claims for id in claim.evidence))
    total = sum(numbers, Decimal(0))
    return Claim(claims[0].signal, Quantity((total,)), str(total), evidence, min(c.confidence for c in claims))


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _is_there(claim: Claim) -> bool:
    return claim.attribute == PRESENCE and claim.present and claim.value == Truth(True)


def _is_absent(claim: Claim) -> bool:
    return claim.attribute == PRESENCE and claim.present and claim.value == Truth(False)


def _things(source: Source, name: str) -> tuple[str, ...]:
    """Ids of the objects with a label."""
    found = (e for e in source.evidence if isinstance(e.detail, Thing) and e.detail.sure and e.detail.label == name)
    return tuple(e.id for e in found)
