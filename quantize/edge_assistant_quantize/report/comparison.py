"""Two models side by side: size, precision, and what was measured of each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge_assistant_models.transfer import mebibytes
from edge_assistant_quantize.record import Interval, Measure, Record, Variant
from edge_assistant_quantize.report import precision, reading, told
from edge_assistant_quantize.report.escaped import code, plain
from edge_assistant_quantize.report.precision import Precision

Row = tuple[str, str, str, str]  # what, the one, the other, how they relate


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two.

    Attributes:
        name: for people.
        files: paths by key.
        sums: the sha256 of each.
        precisions: how its numbers are stored.
        form: what a record says of it; None without one.
        record: that record.
        metrics: measured now, by name.
    """

    name: str
    files: Mapping[str, Path]
    sums: Mapping[str, str]
    precisions: Sequence[Precision]
    form: Variant | None = None
    record: Record | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Size of all its files."""
        return sum(path.stat().st_size for path in self.files.values())


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models, and how what was measured now is read.

    Attributes:
        one: on the left.
        other: on the right.
        measures: of `metrics` of both sides.
        differences: the other minus the one, of metrics that were measured on the same items.
        speed: the other's time over the one's, measured now; None where it was not.
    """

    one: Side
    other: Side
    measures: Mapping[str, Measure] = field(default_factory=dict)
    differences: Mapping[str, Interval] = field(default_factory=dict)
    speed: float | None = None


def rows(compared: Comparison) -> list[Row]:
    """What is compared, line by line, as plain text."""
    one, other = compared.one, compared.other
    ratio = f"{100 * other.bytes / one.bytes:.0f} %" if one.bytes else told.NOTHING
    found: list[Row] = [("size", mebibytes(one.bytes), mebibytes(other.bytes), ratio)]
    found += [_file(key, one, other) for key in dict.fromkeys((*one.files, *other.files))]
    if one.precisions and other.precisions:
        of_one, of_other = precision.bits(one.precisions), precision.bits(other.precisions)
        found.append(("bits per weight", f"{of_one:.2f}", f"{of_other:.2f}", f"{100 * of_other / of_one:.0f} %"))
    kinds = dict.fromkeys(each.kind for side in (one, other) for each in side.precisions)
    found += [(f"weights as {kind}", _stored(one, kind), _stored(other, kind), "") for kind in kinds]
    return found + _measured(compared) + _recorded(one, other)


def _file(key: str, one: Side, other: Side) -> Row:
    def size(side: Side) -> str:
        return mebibytes(side.files[key].stat().st_size) if key in side.files else told.NOTHING

    same = "the same" if one.sums.get(key) == other.sums.get(key) else ""
    return f"file {key}", size(one), size(other), same


def _stored(side: Side, kind: str) -> str:
    """The tensors of a type, such as `31 tensors, 134.5 M at 4.50 bits`."""
    found = next((each for each in side.precisions if each.kind == kind), None)
    if found is None:
        return told.NOTHING
    numbers = f"{found.weights / 1e6:,.1f} M" if found.weights >= 1e5 else f"{found.weights:,}"
    return f"{found.tensors} tensor{'s' * (found.tensors != 1)}, {numbers} at {found.bits:.2f} bits"


def _measured(compared: Comparison) -> list[Row]:
    """What was measured now."""
    found = []
    for name, measure in compared.measures.items():
        values = [side.metrics.get(name, math.nan) for side in (compared.one, compared.other)]
        within = compared.differences.get(name)
        change = told.within(measure, within) if within else told.change(measure, values[1] - values[0])
        found.append((f"{name}, now", *(told.number(measure, value) for value in values), change))
    if compared.speed is not None:
        found.append(("time, now", "1.00", told.times(compared.speed), "of the one's time"))
    return [(what, one, other, relation) for what, one, other, relation in found]


def _recorded(one: Side, other: Side) -> list[Row]:
    """What records say of both; figures of two records are side by side, but were taken in two runs."""
    found: list[Row] = []
    names = dict.fromkeys(name for side in (one, other) if side.record for name in reading.metrics(side.record))
    found += [(f"{name}, recorded", _value(one, name), _value(other, name), "") for name in names]
    for what, tell in (("time of the reference's", _time), ("peak memory", _memory), ("decided", _decided)):
        values = tell(one), tell(other)
        found += [(what, *values, "")] if any(value != told.NOTHING for value in values) else []
    return found


def _value(side: Side, metric: str) -> str:
    if side.record is None or side.form is None:
        return told.NOTHING
    return told.number(told.measure_of(side.record, metric), reading.value(side.form, metric))


def _time(side: Side) -> str:
    return told.times(reading.time_ratio(side.record, side.form)) if side.record and side.form else told.NOTHING


def _memory(side: Side) -> str:
    return told.memory(side.form) if side.form else told.NOTHING


def _decided(side: Side) -> str:
    if side.record is None or side.form is None:
        return told.NOTHING
    return str(reading.state(side.record, side.form))


def page(compared: Comparison) -> str:
    """The comparison as a page of Markdown."""
    one, other = compared.one, compared.other
    head = ["", plain(one.name), plain(other.name), "how they relate"]
    lines = [head, ["---"] * 4, *([plain(cell) for cell in row] for row in rows(compared))]
    sums = [
        f"- {plain(side.name)}: {plain(key)} {code(side.files[key].name)} {code(digest)}"
        for side in (one, other)
        for key, digest in side.sums.items()
    ]
    parts = [
        f"# {plain(title(compared))}",
        sentence(compared),
        "## Side by side",
        "\n".join(f"| {' | '.join(row)} |" for row in lines),
        "What is marked as recorded was measured in the run of each model's record, and not in one run of both.",
        "## Files",
        "\n".join(sums),
    ]
    return "\n\n".join(parts) + "\n"


def title(compared: Comparison) -> str:
    """Of the page."""
    return f"{compared.one.name} and {compared.other.name} side by side"


def sentence(compared: Comparison) -> str:
    """The difference in one sentence, in Markdown."""
    one, other = compared.one, compared.other
    facts = [f"{mebibytes(other.bytes)} instead of {mebibytes(one.bytes)}"]
    for name, measure in compared.measures.items():
        values = other.metrics.get(name, math.nan), one.metrics.get(name, math.nan)
        facts.append(f"{plain(name)} {told.number(measure, values[0])} instead of {told.number(measure, values[1])}")
    facts += [] if compared.speed is None else [f"{told.times(compared.speed)} of the time"]
    return f"**{plain(other.name)}** against {plain(one.name)}: {', '.join(facts)}."
