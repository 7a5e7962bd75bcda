"""Figures and decisions in words."""

from __future__ import annotations

import math
import re

from edge_assistant_models.transfer import mebibytes
from edge_assistant_quantize.record import Interval, Measure, Record, Variant, Verdict
from edge_assistant_quantize.report import reading
from edge_assistant_quantize.report.escaped import plain

NOTHING = "–"
_NUMBER = Measure(lower_is_better=True, unit="")


def number(measure: Measure, value: float) -> str:
    """A value of a metric.

    >>> number(Measure(True), 0.0791), number(Measure(True, ""), 12.3456), number(Measure(True, "dB"), 31)
    ('7.9 %', '12.35', '31 dB')
    """
    if not math.isfinite(value):
        return NOTHING
    if measure.unit == "share":
        return f"{100 * value:.1f} %"
    return f"{value:.4g} {measure.unit}".rstrip()


def change(measure: Measure, difference: float) -> str:
    """A difference, with its sign.

    >>> change(Measure(True), 0.002), change(Measure(True, ""), -0.25)
    ('+0.2 points', '-0.25')
    """
    if measure.unit == "share":
        return f"{100 * difference:+.1f} points"
    return f"{difference:+.3g} {measure.unit}".rstrip()


def within(measure: Measure, found: Interval) -> str:
    """A difference and where it lies."""
    low, high = change(measure, found.low).removesuffix(" points"), change(measure, found.high)
    return f"{change(measure, found.difference)}, {100 * found.level:g} % interval {low} to {high}"


def shortly(measure: Measure, found: Interval) -> str:
    """The same for a cell of a table.

    >>> shortly(Measure(True), Interval(0.002, -0.001, 0.005, 0.95))
    '+0.2 (-0.1 to +0.5)'
    """
    told = (change(measure, value).removesuffix(" points") for value in (found.difference, found.low, found.high))
    return "{} ({} to {})".format(*told)


def measure_of(record: Record, metric: str) -> Measure:
    """How a metric is read; a plain number where the record does not say."""
    return record.measures.get(metric, _NUMBER)


def times(ratio: float | None) -> str:
    """Its time as a share of the reference's.

    >>> times(0.5), times(None)
    ('0.50', '–')
    """
    return NOTHING if ratio is None else f"{ratio:.2f}"


def memory(variant: Variant) -> str:
    """The most memory that it took."""
    return NOTHING if variant.peak_mib is None else f"{variant.peak_mib:,.0f} MiB"


def of_size(record: Record, variant: Variant) -> str:
    """Its size as a share of the reference's."""
    return f"{100 * variant.bytes / record.reference.bytes:.0f} %" if record.reference.bytes else NOTHING


def verdict(record: Record, found: Verdict) -> str:
    """What a criterion came to, such as `wer 8.1 % against 7.9 % (+0.2 points, ...; asked: at most 0.005 worse)`."""
    measure = measure_of(record, found.metric)
    text = f"{plain(found.metric)} {number(measure, found.value)}"
    if found.reference is not None:
        text += f" against {number(measure, found.reference)}"
    known = f"{within(measure, found.interval)}; " if found.interval else ""
    return f"{text} ({known}asked: {plain(found.criterion)})"


def standing(record: Record, variant: Variant) -> str:
    """Whether a form was accepted, or why not; for a cell of a table."""
    state = reading.state(record, variant)
    if state is reading.State.REFUSED:
        failed = (item for item in variant.verdicts if not item.accepted)
        return f"**{state}**: " + "; ".join(f"{plain(item.metric)} is not {plain(item.criterion)}" for item in failed)
    note = f": {plain(variant.note)}" if variant.note else ""
    return (f"**{state}**" if state is reading.State.CHOSEN else str(state)) + note


def decision(record: Record) -> str:
    """The decision in one sentence, with the figures that it rests on."""
    taken = reading.chosen(record)
    if taken is not None:
        return _taken(record, taken)
    judged = [variant for variant in record.variants if variant.verdicts]
    if not judged:
        return _undecided(record)
    accepted = [variant for variant in judged if variant.accepted]
    if accepted:
        names = ", ".join(plain(variant.name) for variant in accepted)
        return f"None is chosen yet; what was asked holds for {names}."
    what = "The only form" if len(judged) == 1 else f"Each of the {len(judged)} forms"
    return (
        f"Take **none**: {what[0].lower()}{what[1:]} misses a criterion, so {plain(record.reference.name)} "
        f"({mebibytes(record.reference.bytes)}) stays. {_nearest(record, judged)}"
    )


def spoken(markdown: str) -> str:
    r"""A sentence of the page as it is printed on a terminal: without its marks.

    >>> spoken(r"Take **a\*b**.")
    'Take a*b.'
    """
    return re.sub(r"\\(.)|\*\*", lambda found: found.group(1) or "", markdown)


def _taken(record: Record, taken: Variant) -> str:
    size = f"{mebibytes(taken.bytes)} instead of {mebibytes(record.reference.bytes)} ({of_size(record, taken)})"
    facts = [size, *(verdict(record, item) for item in taken.verdicts)]
    ratio = reading.time_ratio(record, taken)
    facts += [] if ratio is None else [f"{times(ratio)} of the reference's time"]
    facts += [] if taken.peak_mib is None else [f"at most {memory(taken)} of memory"]
    if not taken.accepted:
        facts.append("which no criterion was asked of" if taken.accepted is None else "which was not accepted")
    return f"Take **{plain(taken.name)}**: {', '.join(facts)}."


def _undecided(record: Record) -> str:
    count = len(record.variants)
    text = f"Nothing was decided, as no criterion was asked: {count} form{'s' * (count != 1)} measured"
    known = reading.metrics(record)
    if not known:
        return f"{text}."
    names = ", ".join(f"{plain(form.name)} ({mebibytes(form.bytes)})" for form in reading.front(record, known[0]))
    return f"{text}; no other is both smaller and better in {plain(known[0])} than {names}."


def _nearest(record: Record, judged: list[Variant]) -> str:
    """Which form failed least: the fewest criteria, then the smallest."""
    nearest = min(judged, key=lambda form: (sum(not item.accepted for item in form.verdicts), form.bytes))
    failed = "; ".join(verdict(record, item) for item in nearest.verdicts if not item.accepted)
    return f"Nearest is {plain(nearest.name)} ({mebibytes(nearest.bytes)}): {failed}."
