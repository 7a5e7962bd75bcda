"""The gate: what a look at a candidate decides. Publishing decides again from the results that lie in the record.

A criterion holds by the end of the interval, at the level that the number of the look leaves it; candidate and
reference reach the floor of each result; there are enough independent items; and something says that the reference is
no damaged model itself: its floor, the catalog, or an acceptance of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from edge_assistant_quantize.acceptance.intervals import interval, spent
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.metrics.metric import metric, standard
from edge_assistant_quantize.record import AcceptanceLook, Criterion, CriterionVerdict, Measured

_CONFIDENCE = 0.95  # of the interval that a floor is held with, and of a search


def decide(look: AcceptanceLook) -> list[CriterionVerdict]:
    """Decide the criteria of a look, in their order.

    Raises:
        UsageError: a result is missing, or both were not measured on the same items.
    """
    alike = (look.files, look.options) == (look.reference_files, look.reference_options)
    same = "it is compared with itself" if alike else ""
    unsound = "" if sound(look) else f"nothing says that {look.reference} is not damaged itself"
    found = []
    for asked in look.criteria:
        result = _result(asked, look.of_candidate)
        other = _compared(asked, look.of_reference)
        reason = same if metric(asked.metric).relative else ""
        reason = reason or _too_few(result) or _below(look.form, result)
        reason = reason or (_below(look.reference, other) if other else "") or unsound
        level = 1 - 2 * spent(look.numbers[asked.metric])
        found.append(_verdict(asked, result, other, level, reason))
    return found


def sound(look: AcceptanceLook) -> bool:
    """Whether the reference counts: by itself, or as every result that needs no reference reaches its floor."""
    held = [not _below(look.reference, found) for found in look.of_reference.values() if not _too_few(found)]
    compares = any(asked.compares or metric(asked.metric).relative for asked in look.criteria)
    return bool(look.sound) or not compares or (bool(held) and all(held))


def searched(criteria: list[Criterion], candidate: Mapping[str, Measured], reference: Mapping[str, Measured]) -> bool:
    """Whether a form that a search tries holds the criteria; it decides nothing, as other items judge what it finds."""
    return all(
        _verdict(asked, _result(asked, candidate), _compared(asked, reference), _CONFIDENCE, "").accepted
        for asked in criteria
    )


def _verdict(asked: Criterion, result: Measured, other: Measured | None, level: float, reason: str) -> CriterionVerdict:
    within = interval(result, other if asked.compares else None, level=level)
    margin = standard(result.metric).margin
    holds = asked.holds(within.low, within.high, lower_is_better=result.lower_is_better, margin=margin)
    value = None if other is None else other.value
    accepted = holds and not reason
    return CriterionVerdict(asked.metric, result.value, value, within, asked.text, accepted, reason, asked.compares)


def _result(asked: Criterion, results: Mapping[str, Measured]) -> Measured:
    if (found := results.get(asked.metric)) is None:
        raise UsageError(f"nothing was measured that says '{asked.metric}'", "take data that it can be measured on")
    return found


def _compared(asked: Criterion, of_reference: Mapping[str, Measured]) -> Measured | None:
    """The reference's result; None for one that compares with the reference by itself, and where nothing compares."""
    if metric(asked.metric).relative:
        return None
    return _result(asked, of_reference) if asked.compares else of_reference.get(asked.metric)


def _too_few(result: Measured) -> str:
    count, least = len(result.independent), standard(result.metric).least
    return "" if least and count >= least else f"{count} independent items, and at least {least} decide"


def _below(name: str, result: Measured) -> str:
    """Why a model does not reach the floor of a result; empty where it does."""
    floor, within = standard(result.metric).floor, interval(result, None, level=_CONFIDENCE)
    reached = within.high <= floor if result.lower_is_better else within.low >= floor
    bound = "at most" if result.lower_is_better else "at least"
    return "" if reached else f"{name} has {result.value:.3g}, and a working model surely {bound} {floor:g}"
