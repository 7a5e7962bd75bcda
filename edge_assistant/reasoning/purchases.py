"""Receipts of different purchases: each tells its own total, and a note is compared with the one that it is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from edge_assistant.reasoning.align import Told
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.pointing import NAMED, likeness
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.values.values import comparable, same
from edge_assistant.signals import Kind

_IDENTITY = ("receipt number", "seller")  # tell purchases apart, the surest first
_WRITTEN = (Kind.IMAGE, Kind.VIDEO)  # the kinds of signals that a receipt is; what is said is of one


def parts(told: Told, sources: Sequence[Source]) -> list[Told]:
    """The sources in parts that are compared within themselves; one part where no two are of different purchases.

    Args:
        told: what code found in each source, by the id of its signal.
        sources: all of them.

    Returns:
        Receipts of one purchase together, each with the notes about it; what is about none of them alone is the last.
    """
    purchases: list[list[str]] = []
    for source in sources:
        id = source.signal.id
        if source.signal.kind in _WRITTEN and any(claim.attribute in _IDENTITY for claim in told[id]):
            home = next((ids for ids in purchases if not any(_differ(told[id], told[other]) for other in ids)), None)
            if home is None:
                purchases.append([id])
            else:
                home.append(id)
    if len(purchases) < 2:
        return [told]
    receipts = {id for ids in purchases for id in ids}
    others = {s.signal.id: _about(s, told, purchases) for s in sources if s.signal.id not in receipts}
    groups = [{*ids, *(id for id, about in others.items() if about == at)} for at, ids in enumerate(purchases)]
    rest = {id for id, about in others.items() if about is None}
    return [{id: told[id] for id in told if id in group} for group in (*groups, rest)]


def _differ(a: Sequence[Claim], b: Sequence[Claim]) -> bool:
    """Whether two receipts are of different purchases, by the surest that both tell."""
    for attribute in _IDENTITY:
        mine, theirs = ([c.value for c in claims if c.attribute == attribute] for claims in (a, b))
        if mine and theirs:
            return not any(same(x, y) for x in mine for y in theirs)
    return False


def _about(source: Source, told: Told, purchases: Sequence[Sequence[str]]) -> int | None:
    """The purchase that a note is about: whose seller it names, else that it agrees with most; None for none alone."""
    scores = [_score(source, told, ids) for ids in purchases]
    best = max(scores)
    return scores.index(best) if best > (False, 0) and scores.count(best) == 1 else None


def _score(source: Source, told: Told, ids: Iterable[str]) -> tuple[bool, int]:
    receipts = [claim for id in ids for claim in told[id]]
    sellers = [claim.text for claim in receipts if claim.attribute == "seller"]
    named = any(likeness(seller, line.text) >= NAMED for seller in sellers for line in source.lines)
    return named, _agreement(told[source.signal.id], receipts)


def _agreement(note: Iterable[Claim], receipts: Sequence[Claim]) -> int:
    """How many more claims of a note agree with receipts than differ from them."""
    beside = ((a, b) for a in note for b in receipts if a.present and a.attribute == b.attribute)
    votes: Mapping[bool, int] = {True: 1, False: -1}
    return sum(
        votes[same(a.value, b.value)]
        for a, b in beside
        if (a.subject is None) == (b.subject is None) and comparable(a.value, b.value)
    )
