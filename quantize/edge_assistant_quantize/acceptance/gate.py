"""The gate: what a look at a candidate decides. Publishing decides again from the results that lie in the record.

A criterion holds by the end of the interval (non-inferiority: ICH E9, 1998, section 3.3.2), at the level that the
number of the look leaves it; candidate and reference reach the floor of each result and of those beside it; there are
enough independent items; and something says that the reference is no damaged model itself: its floor, the catalog, or
an acceptance of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from edge_assistant_quantize.acceptance.intervals import interval, spent
from edge_assistant_quantize.errors import CalibrationInvalid, NotAccepted, RecipeInvalid, UsageError
from edge_assistant_quantize.metrics.metric import SKEWED, metric, standard
from edge_assistant_quantize.record import AcceptanceLook, Bound, Criterion, CriterionVerdict, Measured

_RARE = 0.03  # of the items: a large loss in so many is in none of n with a probability of 0.97 ** n
_CONFIDENCE = 0.95  # of the interval that a floor is held with, and of a search


def decide(look: AcceptanceLook) -> list[CriterionVerdict]:
    """Decide the criteria of a look, in their order.

    Raises:
        UsageError: a result is missing, or both were not measured on the same items.
    """
    same = "it is compared with itself" if look.candidate.id == look.reference.id else ""
    unsound = "" if sound(look) else f"nothing says that {look.reference.name} is not damaged itself"
    found = []
    for asked in look.criteria:
        result, other = _result(asked, look.of_candidate), _compared(asked, look.of_reference)
        number = look.numbers[asked.metric]
        reason = (
            (same if metric(asked.metric).relative else "")
            or _hollow(asked.metric, look.candidate.name, look.of_candidate, number)
            or (_hollow(asked.metric, look.reference.name, look.of_reference, number) if other else "")
            or unsound
        )
        found.append(_verdict(asked, result, other, number, reason))
    return found


def in_task(look: AcceptanceLook, verdicts: Sequence[CriterionVerdict]) -> bool:
    """Whether a look shows that the candidate does the product's task as the reference does.

    All that was asked holds, and a loss in a result of the task, and in those of the task beside it, is within the
    result's own margin, whatever was asked.
    """

    def within(name: str, level: float) -> bool:
        result = look.of_candidate[name]
        found = interval(result, look.of_reference[name], level=level)
        own = Criterion(name, Bound.AT_MOST_WORSE, standard(name).margin)
        return own.holds(found.low, found.high, lower_is_better=result.lower_is_better)

    return all(each.accepted for each in verdicts) and any(
        all(
            within(name, each.interval.level)
            for name in (each.metric, *standard(each.metric).beside)
            if standard(name).task
        )
        for each in verdicts
        if each.compares and each.interval is not None and standard(each.metric).task
    )


def check(asked: Criterion) -> None:
    """Say that a criterion can be decided, before hours of measuring.

    Raises:
        UsageError: see `standard`.
        RecipeInvalid: it decides nothing, holds on no data, or a metric that is the comparison already is compared.
    """
    found = metric(asked.metric)
    if not standard(asked.metric).least:
        deciding = [name for name, each in found.gives.items() if each.least]
        raise RecipeInvalid(f"{asked.metric} is measured and decides nothing", f"ask {' or '.join(deciding)}")
    if found.relative and asked.compares:
        hint = "bound its own value: at_least, or at_most where less is better"
        raise RecipeInvalid(f"{asked.metric} says by itself how far both agree", hint)
    if needed(asked) == math.inf:
        what = f"{asked.metric}: '{asked.text}' holds on no data, as an interval always has a width"
        raise RecipeInvalid(what, "allow some loss")


def check_count(criteria: Sequence[Criterion], counts: Mapping[str, int]) -> None:
    """Say that there are enough independent items to decide criteria by.

    Args:
        criteria: what must hold.
        counts: the items by result: before anything is measured, the most that the data can give.

    Raises:
        CalibrationInvalid: there are not.
    """
    for asked in criteria:
        least = needed(asked)
        if (count := counts.get(asked.metric, least)) < least:
            what = f"{count} independent items cannot show '{asked.metric} {asked.text}', which takes at least {least}"
            raise CalibrationInvalid(what, "take more data; of a recipe that searches, half of it decides")


def counted(results: Mapping[str, Measured]) -> dict[str, int]:
    """The independent items of each result."""
    return {name: len(found.independent) for name, found in results.items()}


def check_reference(name: str, criteria: Sequence[Criterion], results: Mapping[str, Measured]) -> None:
    """Say of a reference that was measured that it counts, before anything is compared with it.

    Args:
        name: of the reference.
        criteria: what will be asked of candidates.
        results: the reference's.

    Raises:
        CalibrationInvalid: see `check_count`.
        NotAccepted: it surely does not, whatever a candidate does.
    """
    check_count(criteria, counted(results))
    there = {name for name, found in results.items() if math.isfinite(found.value) and not metric(name).relative}
    asked = there.intersection(each.metric for each in criteria)
    for each in sorted(asked):
        if reason := _hollow(each, name, results):
            what = f"nothing can be compared with {name}: {reason}"
            raise NotAccepted(what, "take a reference that works, or more data")


def needed(asked: Criterion) -> float:
    """How many independent items a criterion takes at least; infinite where none would do.

    Where an item is right or wrong, no loss in n of them leaves `spent(1) ** (1 / n)` of the share that is right sure
    (Clopper & Pearson 1934), and any loss less.
    """
    of = standard(asked.metric)
    sure = {Bound.AT_MOST: 0.0, Bound.AT_LEAST: asked.limit}.get(asked.bound, 1 - asked.limit)
    if not of.whole or sure <= 0:
        return of.least
    return math.inf if sure >= 1 else max(of.least, math.ceil(math.log(spent(1)) / math.log(sure)))


def sound(look: AcceptanceLook) -> bool:
    """Whether the reference counts: by itself, or as every result that needs no reference reaches its floor."""
    held = [not _below(look.reference.name, found) for found in look.of_reference.values() if not _too_few(found)]
    compares = any(asked.compares or metric(asked.metric).relative for asked in look.criteria)
    return bool(look.reference.sound) or not compares or (bool(held) and all(held))


def searched(criteria: list[Criterion], candidate: Mapping[str, Measured], reference: Mapping[str, Measured]) -> bool:
    """Whether a form that a search tries holds the criteria; it decides nothing, as other items judge what it finds."""
    return all(_verdict(asked, _result(asked, candidate), _compared(asked, reference)).accepted for asked in criteria)


def _verdict(
    asked: Criterion, result: Measured, other: Measured | None, look: int = 0, reason: str = ""
) -> CriterionVerdict:
    level = 1 - 2 * spent(look) if look else _CONFIDENCE
    within = interval(result, other if asked.compares else None, level=level)
    holds = asked.holds(within.low, within.high, lower_is_better=result.lower_is_better)
    return CriterionVerdict(
        metric=asked.metric,
        value=result.value,
        reference=other.value if other else None,
        interval=within,
        criterion=asked.text,
        accepted=holds and not reason,
        reason=reason,
        compares=asked.compares,
        look=look,
    )


def _result(asked: Criterion, results: Mapping[str, Measured]) -> Measured:
    if (found := results.get(asked.metric)) is None:
        raise UsageError(f"nothing was measured that says '{asked.metric}'", "take data that it can be measured on")
    return found


def _compared(asked: Criterion, of_reference: Mapping[str, Measured]) -> Measured | None:
    """The reference's result; None for one that compares with the reference by itself, and where nothing compares."""
    if metric(asked.metric).relative:
        return None
    return _result(asked, of_reference) if asked.compares else of_reference.get(asked.metric)


def _hollow(name: str, model: str, results: Mapping[str, Measured], look: int = 1) -> str:
    """Why a result of a model decides nothing, by itself or by what stands beside it; empty where it decides."""

    def reasons() -> Iterator[str]:
        for each in (name, *standard(name).beside):
            never, found = not standard(each).least, results.get(each)
            if found is None:
                yield ("" if never else f"nothing says '{each}', without which '{name}' decides nothing")
            else:
                yield ("" if never and each != name else _too_few(found, look)) or _below(model, found)

    return next(filter(None, reasons()), "")


def _too_few(result: Measured, look: int = 1) -> str:
    """Why the items of a result are too few for a look; of what is skewed, a loss in `_RARE` of them has to be seen."""
    count, least = len(result.independent), standard(result.metric).least
    if least >= SKEWED:
        least = max(least, math.ceil(math.log(spent(look)) / math.log1p(-_RARE)))
    few = f"'{result.metric}' was measured on {count} independent items, and at least {least} decide at look {look}"
    return "" if least and count >= least else few


def _below(name: str, result: Measured) -> str:
    """Why a model does not reach the floor of a result; empty where it does."""
    floor, within = standard(result.metric).floor, interval(result, None, level=_CONFIDENCE)
    end, bound, far = (within.high, "most", "high") if result.lower_is_better else (within.low, "least", "low")
    reached = end <= floor if result.lower_is_better else end >= floor
    what = f"'{result.metric}' of {name} is {result.value:.3g} and may be as {far} as {end:.3g}"
    return "" if reached else f"{what}; that of a working model is at {bound} {floor:g}"
