"""Labels that the vocabulary does not know: they mean what the names of attributes that are most like them mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.meaning import Likely, Meaning, surely
from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.values.candidates import Candidate, whole
from edge_assistant.reasoning.values.units import fits
from edge_assistant.reasoning.values.values import Quantity, Words

# Mean cosine of the nearest names from which on a label means their attribute, and how far the next must be behind.
LABEL_LIKENESS = 0.58
LABEL_MARGIN = 0.06
_MAX_LABELS = 40  # unknown labels of one source that are compared; a page of a form has fewer
_MAX_WORDS = 8  # of a label


def likened(claims: Sequence[Claim], meaning: Meaning) -> list[Claim]:
    """Written claims, those under unknown labels with the attribute that names like the label have.

    Args:
        claims: of one source.
        meaning: compares with the names of attributes.
    """
    known = {attribute.name for attribute in vocabulary().attributes.values()}
    told = {claim.attribute for claim in claims if claim.subject is None}
    unknown = [c for c in claims if c.attribute and c.attribute not in known and _may_mean(c)][:_MAX_LABELS]
    meant = {id(claim): _meant(claim, meaning) for claim in unknown}
    return [_as_meant(claim, meant.get(id(claim)), told) for claim in claims]


def _may_mean(claim: Claim) -> bool:
    label = claim.attribute or ""
    return (
        claim.present and claim.subject is None and isinstance(claim.value, Words) and len(label.split()) <= _MAX_WORDS
    )


def _meant(claim: Claim, meaning: Meaning) -> tuple[Likely, Candidate] | None:
    typed: dict[str, Candidate | None] = {}
    ranked = []
    for likely in meaning.labelled(claim.attribute or ""):
        attribute = likely.attribute
        if attribute is None or attribute.per or attribute.general:
            continue
        if attribute.value not in typed:
            typed[attribute.value] = whole(attribute.value, claim.text)
        value = typed[attribute.value]
        if value is not None and _in_unit(value, attribute.units):
            ranked.append(likely)
    best = surely(ranked, LABEL_LIKENESS, LABEL_MARGIN)
    if best is None or best.attribute is None:
        return None
    value = typed[best.attribute.value]
    return (best, value) if value is not None else None


def _in_unit(candidate: Candidate, units: frozenset[str]) -> bool:
    value = candidate.value
    if not isinstance(value, Quantity):
        return True
    return fits(value.unit, units) if value.unit else not units


def _as_meant(claim: Claim, meant: tuple[Likely, Candidate] | None, told: set[str | None]) -> Claim:
    """A claim under the attribute that its label means, unless the source tells that under its own name."""
    if meant is None or meant[0].attribute is None or meant[0].attribute.name in told:
        return claim
    likely, value = meant
    assert likely.attribute is not None
    confidence = min(claim.confidence, likely.likeness)
    return replace(claim, attribute=likely.attribute.name, value=value.value, text=value.text, confidence=confidence)
