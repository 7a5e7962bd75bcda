"""What written pages claim - forms, receipts, invoices, plates, labels, codes - without a question and without a model.

Code decides over typed claims, so a claim with a wrong attribute is worse than none: what is not found here, the
language model reads when it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

from edge_assistant import limits
from edge_assistant.evidence import Code, Evidence
from edge_assistant.reasoning.attributes import phrase
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.written import receipts
from edge_assistant.reasoning.written.amounts import ROLES
from edge_assistant.reasoning.written.coded import code_claims
from edge_assistant.reasoning.written.fields import field_claims, line_claims
from edge_assistant.reasoning.written.heads import head_claims
from edge_assistant.reasoning.written.medicines import named_medicines
from edge_assistant.reasoning.written.plates import plate_claims
from edge_assistant.reasoning.written.rows import Row, rows
from edge_assistant.reasoning.written.stacked import unstacked
from edge_assistant.reasoning.written.tabled import table_claims
from edge_assistant.reasoning.written.ticked import tick_claims

MAX_CLAIMS = limits.CLAIMS.value


def written_claims(source: Source) -> list[Claim]:
    """The claims of the fields, tick boxes, lines and codes of a source.

    Args:
        source: evidence with ids.

    Returns:
        Claims whose attribute is the name of one of the vocabulary's, or the label itself in lower case where that
        names none. Several of one attribute where the page states several.
    """
    claims = [claim for part in _parts(source.evidence) for claim in _of_page(part, source.signal.id)]
    return _once(claims)[:MAX_CLAIMS]


def _parts(evidence: Sequence[Evidence]) -> list[list[Evidence]]:
    """The evidence of each page of a document, and of each moment of a video: two receipts are not one."""
    parts: dict[tuple[object, ...], list[Evidence]] = {}
    for item in evidence:
        parts.setdefault((item.locator.page, item.locator.seconds), []).append(item)
    return list(parts.values())


def _of_page(evidence: Sequence[Evidence], signal: str) -> list[Claim]:
    page = unstacked(rows(evidence))
    receipt = receipts.read(page, signal)
    claims = _of_receipt(page, receipt, signal) if receipt else _of_form(page, signal)
    claims += tick_claims(evidence, signal)
    return [*claims, *(c for item in evidence if isinstance(item.detail, Code) for c in code_claims(item, signal))]


def _of_receipt(page: Sequence[Row], receipt: receipts.Receipt, signal: str) -> list[Claim]:
    """Amounts and articles, and of the rest what labels state and what stands at the head."""
    rest = [row for index, row in enumerate(page) if index not in receipt.used]
    stated = [*field_claims(rest, signal), *line_claims(rest, signal)]
    stated = [claim for claim in stated if _on_receipt(claim)]
    told = frozenset(claim.attribute for claim in stated if claim.attribute)
    return [*receipt.claims, *stated, *head_claims(page, receipt.body, signal, told)]


def _on_receipt(claim: Claim) -> bool:
    """Whether a receipt can tell what a label names: an amount is told already, and a lot is part of an address."""
    words = vocabulary().written
    known = {attribute.name for attribute in vocabulary().attributes.values()}
    if claim.attribute in known:
        return claim.attribute in words["on_receipts"] and claim.attribute not in ROLES
    header = {*phrase(claim.attribute or ""), *phrase(claim.text)}
    return not header <= words["columns"]


def _of_form(page: Sequence[Row], signal: str) -> list[Claim]:
    """Fields, tables and lines with names, and quantities that only their units name where nothing else does."""
    claims = [*field_claims(page, signal), *table_claims(page, signal), *line_claims(page, signal)]
    claims += named_medicines(page, signal)
    told = {claim.attribute for claim in claims}
    rated = [claim for claim in plate_claims(page, signal) if claim.attribute not in told]
    known = {attribute.name for attribute in vocabulary().attributes.values()}
    measured = {id for claim in rated for id in claim.evidence}  # "U: 400 V" is a voltage, and nothing else
    return [c for c in claims if c.attribute in known or not measured.intersection(c.evidence)] + rated


def _once(claims: Sequence[Claim]) -> list[Claim]:
    """Claims without those that say again what one says of the same evidence."""
    kept: dict[tuple[object, ...], Claim] = {}
    for claim in claims:
        key = (claim.attribute, claim.subject, claim.when, claim.value, claim.evidence)
        kept.setdefault(key, claim)
    return list(kept.values())
