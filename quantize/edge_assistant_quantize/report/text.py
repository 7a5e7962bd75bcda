"""Figures, verdicts and decisions as text."""

from __future__ import annotations

import math
from collections.abc import Iterable

from edge_assistant.core.signals import printable
from edge_assistant_models.transfer import mebibytes
from edge_assistant_quantize.record import CriterionVerdict, Interval, Measure, Record, Variant

NOTHING = "–"
PLAIN = Measure(lower_is_better=True, unit="")  # of a metric of which a record says nothing


def number(measure: Measure, value: float | None) -> str:
    """A value of a metric; of none, and of what is no number, a dash.

    >>> number(Measure(True), 0.0791), number(Measure(True, ""), 12.3456), number(Measure(True, "dB"), 31)
    ('7.91 %', '12.35', '31 dB')
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{100 * value:.4g} %" if measure.unit == "share" else f"{value:.4g} {measure.unit}".rstrip()


def change(measure: Measure, difference: float) -> str:
    """A difference with its sign.

    >>> change(Measure(True), 0.002), change(Measure(True, ""), -0.25)
    ('+0.2 points', '-0.25')
    """
    value, unit = (round(100 * difference, 4), "points") if measure.unit == "share" else (difference, measure.unit)
    return f"{value:+z.3g} {unit}".rstrip()


def within(measure: Measure, found: Interval, *, compares: bool) -> str:
    """A difference and its interval, or the interval of a value, for a cell of a table.

    >>> within(Measure(True), Interval(0.002, -0.001, 0.005, 0.95), compares=True)
    '+0.2 (-0.1 to +0.5)'
    >>> within(Measure(True), Interval(0.98, 0.97, 0.99, 0.95), compares=False)
    '(97 % to 99 %)'
    """
    show = change if compares else number
    difference, low, high = (
        show(measure, value).removesuffix(" points") for value in (found.difference, found.low, found.high)
    )
    return f"{difference} ({low} to {high})" if compares else f"({low} to {high})"


def times(ratio: float) -> str:
    """Time as a share of the reference's, or bits a weight; of what is no number, a dash.

    >>> times(0.5), times(math.nan)
    ('0.50', '–')
    """
    return f"{ratio:.2f}" if math.isfinite(ratio) else NOTHING


def share(part: float, whole: float) -> str:
    """A part in per cent of a whole."""
    return f"{100 * part / whole:.0f} %" if whole else NOTHING


def line(text: object) -> str:
    """A text of unknown origin as one printable line."""
    return printable(" ".join(str(text).split()))


def look(found: CriterionVerdict) -> str:
    """Which look at its data a verdict is of, and the confidence of the end that decides; empty for no look's."""
    if not found.look or found.interval is None:
        return ""
    return f"look {found.look} at this data, decided at {50 * (1 + found.interval.level):.2f} %"


def verdict(measure: Measure, found: CriterionVerdict) -> str:
    """A decided criterion, such as `wer 8.1 % against 7.9 % (+0.2 points, ...; asked: at most 0.005 worse)`."""
    against = "" if found.reference is None else f" against {number(measure, found.reference)}"
    said = []
    if (inside := found.interval) is not None:
        show = change if found.compares else number
        low, high = (show(measure, value) for value in (inside.low, inside.high))
        difference = f"{change(measure, inside.difference)}, " if found.compares else ""
        low = low.removesuffix(" points")
        said += [f"{difference}{100 * inside.level:.3g} % interval {low} to {high}", look(found)]
    said += [f"asked: {found.criterion}", found.reason]
    return f"{found.metric} {number(measure, found.value)}{against} ({'; '.join(filter(None, said))})"


def decision(record: Record) -> str:
    """The decision in one sentence, with the figures that it depends on."""

    def told(found: Iterable[CriterionVerdict]) -> list[str]:
        return [line(verdict(record.measures.get(item.metric, PLAIN), item)) for item in found]

    def sized(form: Variant) -> str:
        return f"{line(form.name)} ({mebibytes(form.bytes)})"

    judged, whole = [form for form in record.variants if form.verdicts], record.reference.bytes
    if form := next((form for form in record.variants if form.name == record.chosen), None):
        said = [f"{mebibytes(form.bytes)} instead of {mebibytes(whole)} ({share(form.bytes, whole)})"]
        said += told(form.verdicts)
        said += [f"{times(ratio)} of the reference's time"] if (ratio := form.speed.get("ratio")) else []
        said += [] if form.peak_mib is None else [f"at most {form.peak_mib:,.0f} MiB of memory"]
        return f"Take {line(form.name)}: {', '.join(said)}."
    if judged:
        form = min(judged, key=lambda form: (sum(not item.accepted for item in form.verdicts), form.bytes))
        missed = "; ".join(told(item for item in form.verdicts if not item.accepted))
        stays = f"{sized(record.reference)} stays, as no form of {len(judged)} holds every criterion"
        return f"Take none: {stays}. Nearest is {sized(form)}: {missed}."
    return f"Nothing was decided, as no criterion was asked: {1 + len(record.variants)} forms compared."
