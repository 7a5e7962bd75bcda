"""Pages for those who decide: report of a run, comparison and card, each one HTML file by the same template.

A page has no script and nothing from elsewhere, so it works offline and can be sent as it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from msgspec import to_builtins

from edge_assistant.core.signals import printable
from edge_assistant.storage import atomic
from edge_assistant_models.transfer import mebibytes
from edge_assistant_quantize.acceptance import gate, pairs
from edge_assistant_quantize.acceptance.pairs import PairedCounts
from edge_assistant_quantize.record import AcceptanceLook, CriterionVerdict, Measure, Record
from edge_assistant_quantize.report import forms, plots, precision, text
from edge_assistant_quantize.report.forms import ReportedForm
from edge_assistant_quantize.report.plots import Plot
from edge_assistant_quantize.report.text import NOTHING

HTML = "report.html"
MOST_METRICS = 3  # columns of the main table, and plots of each kind
Looks = Sequence[tuple[AcceptanceLook, Sequence[CriterionVerdict]]]
Rows = Sequence[Sequence[str]]

_DIFFERENCES = (
    "A value is followed by its difference to the reference and the interval of this difference, paired over the same "
    "items. Time is a share of the reference's: less is faster. A form is on the Pareto front of size, time or memory "
    "if no other is better in the first metric without needing more."
)
_PLOTS = (
    "Square: reference; star: chosen; circle: accepted; cross: not accepted; diamond: not decided. Numbers are those "
    "of the table. A line through a mark is the interval of the difference to the reference, or of the value."
)
_LOOKS = (
    "Every time that a form was measured for acceptance on this machine, refusals too, as the audit trail counts them. "
    "A later look at the same data is decided at a higher confidence. Paired items: what candidate and reference have "
    "right, with p of McNemar's exact test."
)
_WEIGHTS = (
    "Bits a weight are those of the whole file, with scales, vocabulary and graph. "
    "Fallbacks: tensors whose rows are no multiples of 256, so that llama.cpp could not give them the type of the file."
)


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page; what is empty is not shown, and neither is a section of nothing but words."""

    title: str
    words: str = ""
    head: Sequence[str] = ()
    rows: Rows = ()
    plots: Sequence[Plot] = ()
    code: str = ""


@dataclass(frozen=True, slots=True)
class ReportPage:
    """A page.

    Attributes:
        title: of it.
        lead: what it comes to, in a sentence.
        record: what was measured.
        forms: the reference, and what is compared with it.
        looks: with their verdicts, in the order of the page.
        plots: before those of layers.
        facts: by name, at the top.
    """

    title: str
    lead: str
    record: Record
    forms: Sequence[ReportedForm]
    looks: Looks = ()
    plots: Sequence[Plot | None] = ()
    facts: Mapping[str, str] = field(default_factory=dict)

    def sections(self) -> list[Section]:
        """All of them, in their order."""
        record = self.record
        excluded = [(form.name, name) for form in record.variants for name in form.excluded]
        worst = plots.layers(record.layers, (name for _, name in excluded))
        drawn = [plot for plot in (*self.plots, worst) if plot is not None]
        missing = "" if all(plot.svg for plot in drawn) else "Drawings need the extra 'quantize' (matplotlib)."
        names = forms.metrics(record)
        bound = {(each.metric, each.criterion): None for form in record.variants for each in form.verdicts}
        tables = [
            ("", "", self.facts.items()),
            ("Criteria", ("metric", "asked"), bound),
            ("Nodes that were not quantized", ("form", "node"), excluded),
            ("Inputs", ("", "sha256"), record.inputs.items()),
            ("Machine", "", record.machine.items()),
            ("Versions", "", record.versions.items()),
        ]
        first, *rest = [Section(title, head=head, rows=list(rows)) for title, head, rows in tables]
        found = [
            first,
            Section("Models", _DIFFERENCES, *table(self.forms, record.measures, names[:MOST_METRICS])),
            Section("Plots", missing or _PLOTS, plots=drawn),
            Section("Looks", _LOOKS, *_looks(self.looks)),
            Section("Weights by type", _WEIGHTS, *_weights(self.forms)),
            Section("Further figures", "", *_further(self.forms, record.measures, names[:MOST_METRICS])),
            Section("Files", "", *_files(self.forms)),
            *rest,
            Section("Commands", code="\n".join(record.commands)),
            Section("The recipe", code=record.recipe),
        ]
        return [each for each in found if each.rows or each.plots or each.code.strip()]

    def to_json(self) -> dict[str, object]:
        """All of it for programs; what is no number is null there."""
        names, measures = forms.metrics(self.record), self.record.measures
        fronts = {
            cost: {
                name: [self.forms[n].form.name for n in forms.front(self.forms, cost, name, measures)] for name in names
            }
            for cost in forms.COSTS
        }
        models = [{**to_builtins(each), "bits_per_weight": precision.bits(each.precisions)} for each in self.forms]
        record = to_builtins(self.record)
        kept = {key: record[key] for key in ("role", "measures", "inputs", "machine", "versions", "commands")}
        return {"reference": self.forms[0].form.name, **kept, "models": models, "pareto": fronts}

    def write(self, path: Path) -> None:
        """Write the page, whole or not at all, and make the folder if it is missing.

        Raises:
            StorageFull: the disk is full.
        """
        with atomic.storing("the report", "free some space, or name another folder"):
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic.writing(path) as file:
                file.write(self.html().encode())

    def html(self) -> str:
        """The page as text; whatever it shows is escaped."""
        from jinja2 import Environment, PackageLoader, StrictUndefined

        def finalize(value: object) -> object:
            return value if hasattr(value, "__html__") else printable(str(value))

        made = Environment(
            loader=PackageLoader("edge_assistant_quantize.report"),
            autoescape=True,
            finalize=finalize,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=StrictUndefined,
        )
        return made.get_template("page.html.j2").render(page=self, sections=self.sections())


def write(record: Record, folder: Path) -> None:
    """Write the report of a record into a folder, which is made if it is missing; it replaces an earlier report.

    Raises:
        UsageError: a look of the record cannot be decided again.
        StorageFull: the disk is full.
    """
    there = forms.of_record(record)
    drawn = against(there, record.measures, forms.metrics(record))
    looks = [(look, gate.decide(look)) for look in record.looks]
    title = f"{record.name}: which form to take"
    ReportPage(title, text.decision(record), record, there, looks, drawn).write(folder / HTML)


def against(there: Sequence[ReportedForm], measures: Mapping[str, Measure], names: Sequence[str]) -> list[Plot | None]:
    """Plots of size against the first metrics, and of time and memory against the first."""
    asked = [("size", metric) for metric in names[:MOST_METRICS]]
    asked += [(cost, metric) for cost in ("time", "memory") for metric in names[:1]]
    return [plots.against(there, measures, cost, metric) for cost, metric in asked]


def table(
    there: Sequence[ReportedForm], measures: Mapping[str, Measure], metrics: Sequence[str]
) -> tuple[Sequence[str], Rows]:
    """The main table, without columns that say nothing.

    Args:
        there: the forms, the reference first.
        measures: how each metric is read.
        metrics: that are shown; fronts are those of the first.

    Returns:
        Its head and its rows.
    """
    whole = there[0].form.bytes
    fronts = {cost: forms.front(there, cost, name, measures) for name in metrics[:1] for cost in forms.COSTS}
    rows = []
    for place, each in enumerate(there):
        on = ", ".join(cost for cost, front in fronts.items() if place in front and math.isfinite(each.cost(cost)))
        values = []
        for name in metrics:
            found, compares = each.intervals.get(name, (None, False))
            within = (
                "" if found is None else f"{',' * compares} {text.within(measures[name], found, compares=compares)}"
            )
            values.append(text.number(measures[name], each.value(name)) + within)
        sizes = mebibytes(each.form.bytes), text.share(each.form.bytes, whole), _bits(precision.bits(each.precisions))
        peak = NOTHING if each.form.peak_mib is None else f"{each.form.peak_mib:,.0f} MiB"
        rows.append((str(place), each.form.name, *sizes, *values, text.times(each.time), peak, on, _standing(each)))
    head = ("#", "form", "size", "of the size", "bits a weight", *metrics, "time", "memory", "Pareto fronts", "decided")
    return filled(head, rows)


def filled(head: Sequence[str], rows: Iterable[Sequence[str]]) -> tuple[Sequence[str], Rows]:
    """A table without the columns that say nothing."""
    columns = [column for column in zip(head, *rows, strict=True) if {*column[1:]} - {"", NOTHING}]
    shown, *lines = zip(*columns, strict=True) if columns else [()]
    return shown, lines


def _standing(each: ReportedForm) -> str:
    missed = [f"{item.metric} misses {item.criterion}" for item in each.form.verdicts if not item.accepted]
    return ": ".join(filter(None, (each.state, "; ".join(filter(None, (*missed, each.form.note))))))


def _bits(bits: float) -> str:
    return f"{bits:.2f}" if math.isfinite(bits) else NOTHING


def _looks(looks: Looks) -> tuple[Sequence[str], Rows]:
    rows = []
    for look, verdicts in looks:
        for found in verdicts:
            of_candidate, of_reference = look.of_candidate[found.metric], look.of_reference.get(found.metric)
            measure = of_candidate.measure
            counted = pairs.counts(of_candidate, of_reference) if of_reference is not None else None
            value = text.number(measure, found.value)
            other = NOTHING if found.reference is None else text.number(measure, found.reference)
            inside, place = "", ""
            if found.interval is not None:
                inside = text.within(measure, found.interval, compares=found.compares)
                place = text.look(found.interval)
            decided = "accepted" if found.accepted else f"REFUSED{': ' * bool(found.reason)}{found.reason}"
            items = str(found.interval.n if found.interval else len(of_candidate.items))
            data = look.data.get(found.metric, "")[:12]
            asked = (found.metric, value, other, inside, found.criterion, decided, place)
            rows.append((look.time[:16], look.form, look.reference, *asked, items, _paired(counted), data))
    columns = ("metric", "value", "reference", "interval", "asked", "decided", "look", "independent items")
    return filled(("time (UTC)", "form", "in place of", *columns, "paired items", "data"), rows)


def _paired(counted: PairedCounts | None) -> str:
    if counted is None:
        return ""
    cells = f"both {counted.both}, lost {len(counted.lost)}, won {len(counted.won)}, neither {counted.neither}"
    return f"{cells}; p {counted.p:.2g}"


def _weights(there: Sequence[ReportedForm]) -> tuple[Sequence[str], Rows]:
    """Types of each form, and how many tensors fell back to them."""
    rows = []
    for each in there:
        for one in each.precisions:
            sizes = str(one.tensors), f"{one.weights:,}", f"{one.bytes / 2**20:.2f}", _bits(one.bits)
            rows.append((each.form.name, one.kind, *sizes, str(one.fallbacks or "")))
    return filled(("form", "stored as", "tensors", "weights", "MiB", "bits a weight", "fallbacks"), rows)


def _further(
    there: Sequence[ReportedForm], measures: Mapping[str, Measure], shown: Sequence[str]
) -> tuple[Sequence[str], Rows]:
    """Figures that no other table has: details of metrics, and rates."""
    values = dict.fromkeys(name for each in there for name in each.form.metrics if name not in shown)
    rates = dict.fromkeys(name for each in there for name in each.form.speed)
    rows = [
        (
            each.form.name,
            *(text.number(measures.get(name, text.PLAIN), each.form.metrics.get(name, math.nan)) for name in values),
            *(text.number(text.PLAIN, each.form.speed.get(name, math.nan)) for name in rates),
        )
        for each in there
    ]
    return filled(("form", *values, *rates), rows) if values or rates else ((), ())


def _files(there: Sequence[ReportedForm]) -> tuple[Sequence[str], Rows]:
    return filled(
        ("form", "file", "made by", "bytes", "sha256", "tensors"),
        [
            (each.form.name, file.name, each.form.method, f"{file.bytes:,}", file.sha256, file.tensors_sha256)
            for each in there
            for file in each.form.files.values()
        ],
    )
