"""Two models side by side: size, precision, and measurements of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge_assistant_models.transfer import mebibytes
from edge_assistant_quantize.acceptance.intervals import interval
from edge_assistant_quantize.record import Measure, Measured, Record, Variant
from edge_assistant_quantize.report import analysis, page, precision, text
from edge_assistant_quantize.report.precision import Precision
from edge_assistant_quantize.report.text import NOTHING

Row = tuple[str, ...]  # what, the one, the other, how they relate


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two.

    Attributes:
        name: for people.
        files: paths by key.
        sums: the sha256 of each.
        precisions: tensors by type.
        form: the form in a record, or None.
        record: that record.
    """

    name: str
    files: Mapping[str, Path]
    sums: Mapping[str, str]
    precisions: Sequence[Precision]
    form: Variant | None = None
    record: Record | None = None

    @property
    def bytes(self) -> int:
        """Size of all its files."""
        return sum(path.stat().st_size for path in self.files.values())


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models with measurements of both.

    Attributes:
        one: on the left.
        other: on the right.
        measured: results of both, measured now, by name.
        speed: the other's time over the one's, measured now, or None.
    """

    one: Side
    other: Side
    measured: Mapping[str, tuple[Measured, Measured]] = field(default_factory=dict)
    speed: float | None = None


def rows(compared: Comparison) -> list[Row]:
    """The comparison line by line."""
    one, other = compared.one, compared.other
    found: list[Row] = [("size", mebibytes(one.bytes), mebibytes(other.bytes), text.share(other.bytes, one.bytes))]
    for key in dict.fromkeys((*one.files, *other.files)):
        sizes = [mebibytes(side.files[key].stat().st_size) if key in side.files else NOTHING for side in (one, other)]
        found.append((f"file {key}", *sizes, "the same" if one.sums.get(key) == other.sums.get(key) else ""))
    if one.precisions and other.precisions:
        bits = precision.bits(one.precisions), precision.bits(other.precisions)
        found.append(("bits per weight", f"{bits[0]:.2f}", f"{bits[1]:.2f}", text.share(bits[1], bits[0])))
    kinds = dict.fromkeys(each.kind for side in (one, other) for each in side.precisions)
    found += [
        (kind if kind.endswith("scales") else f"weights as {kind}", _stored(one, kind), _stored(other, kind), "")
        for kind in kinds
    ]
    for name, (first, second) in compared.measured.items():
        measure = Measure(second.lower_is_better, second.unit)
        values = text.number(measure, first.value), text.number(measure, second.value)
        found.append((f"{name}, now", *values, text.within(measure, interval(second, first))))
    if compared.speed is not None:
        found.append(("time, now", "1.00", text.times(compared.speed), "of the one's time"))
    return found + _recorded(one, other)


def _stored(side: Side, kind: str) -> str:
    """The tensors of a type, such as `31 tensors, 134.5 M at 4.50 bits`."""
    found = next((each for each in side.precisions if each.kind == kind), None)
    if found is None:
        return NOTHING
    if not found.weights:
        return f"{found.tensors} tensor{'s' * (found.tensors != 1)}, {mebibytes(found.bytes)}"
    numbers = f"{found.weights / 1e6:,.1f} M" if found.weights >= 1e5 else f"{found.weights:,}"
    return f"{found.tensors} tensor{'s' * (found.tensors != 1)}, {numbers} at {found.bits:.2f} bits"


def _recorded(one: Side, other: Side) -> list[Row]:
    """Figures of the records of both, which were taken in two runs."""
    facts = [_facts(side) for side in (one, other)]
    return [(what, *(fact.get(what, NOTHING) for fact in facts), "") for what in {**facts[0], **facts[1]}]


def _facts(side: Side) -> dict[str, str]:
    """What the record of a model says of it."""
    record, form = side.record, side.form
    if record is None or form is None:
        return {}
    facts = {
        f"{name}, recorded": text.number(text.measure_of(record, name), analysis.value(form, name))
        for name in analysis.metrics(record)
    }
    facts["time of the reference's"] = text.times(analysis.time_ratio(record, form))
    facts["peak memory"] = text.memory(form.peak_mib)
    facts["decided"] = str(analysis.state(record, form))
    return {what: fact for what, fact in facts.items() if fact != NOTHING or what.endswith("recorded")}


def markdown(compared: Comparison, rows: Sequence[Row]) -> str:
    """The comparison as a page of Markdown, with its `rows`."""
    return page.markdown("comparison.md.j2", compared=compared, rows=rows, facts=facts(compared))


def title(compared: Comparison) -> str:
    """Of the page."""
    return f"{compared.one.name} and {compared.other.name} side by side"


def facts(compared: Comparison) -> list[str]:
    """The differences in short."""
    one, other = compared.one, compared.other
    found = [f"{mebibytes(other.bytes)} instead of {mebibytes(one.bytes)}"]
    for name, (first, second) in compared.measured.items():
        measure = Measure(second.lower_is_better, second.unit)
        found.append(f"{name} {text.number(measure, second.value)} instead of {text.number(measure, first.value)}")
    return found + ([] if compared.speed is None else [f"{text.times(compared.speed)} of the time"])


def sentence(compared: Comparison) -> str:
    """The same as one sentence."""
    return f"{compared.other.name} against {compared.one.name}: {', '.join(facts(compared))}."
