"""Pages for those who decide: report of a run, comparison and card, each one HTML file by the same template.

A page has no script and nothing from elsewhere, so it works offline and can be sent as it is.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge_assistant.core.signals import printable
from edge_assistant.storage import atomic
from edge_assistant_models.transfer import mebibytes
from edge_assistant_quantize.acceptance import looks, pairs
from edge_assistant_quantize.acceptance.looks import DecidedLook
from edge_assistant_quantize.record import Record
from edge_assistant_quantize.report import forms, plots, precision, text
from edge_assistant_quantize.report.forms import ReportedForm
from edge_assistant_quantize.report.plots import Plot
from edge_assistant_quantize.report.text import NOTHING, PLAIN

HTML = "report.html"
MOST_METRICS = 3  # columns of the main table, and plots of size
_AFTER_METRICS = ("time", "memory", "Pareto fronts", "decided")  # columns of that table


@dataclass(frozen=True, slots=True)
class ReportPage:
    """A page.

    Attributes:
        title: of it.
        lead: what it comes to, in a sentence.
        record: what was measured.
        forms: the reference, and what is compared with it.
        looks: with their verdicts, in the order of the page.
        facts: by name, at the top.
    """

    title: str
    lead: str
    record: Record
    forms: Sequence[ReportedForm]
    looks: Sequence[DecidedLook] = ()
    facts: Mapping[str, str] = field(default_factory=dict)

    def plots(self) -> list[Plot]:
        """Size against the first metrics, time and memory against the first; none without matplotlib."""
        if importlib.util.find_spec("matplotlib") is None:
            return []
        names = forms.metrics(self.record)
        asked = [("size", name) for name in names[:MOST_METRICS]]
        asked += [(cost, name) for cost in ("time", "memory") for name in names[:1]]
        found = [plots.against(self.forms, self.record.measures, cost, name) for cost, name in asked]
        return [plot for plot in found if plot is not None]

    def table(self, metrics: Sequence[str]) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
        """The head and the rows of the main table with these metrics, without columns that say nothing.

        Fronts are those of the first metric.
        """
        there, measures = self.forms, self.record.measures
        fronts = {cost: forms.front(there, cost, name, measures) for name in metrics[:1] for cost in forms.COSTS}
        rows = [("#", "form", "size", "of the size", "bits a weight", *metrics, *_AFTER_METRICS)]
        for place, each in enumerate(there):
            on = ", ".join(cost for cost, front in fronts.items() if place in front)
            values = []
            for name in metrics:
                measure, (found, compares) = measures.get(name, PLAIN), each.intervals.get(name, (None, False))
                within = found and f"{',' * compares} {text.within(measure, found, compares=compares)}"
                values.append(text.number(measure, each.value(name)) + (within or ""))
            sizes = mebibytes(each.form.bytes), text.share(each.form.bytes, there[0].form.bytes)
            bits, peak = text.times(precision.bits(each.precisions)), each.form.peak_mib
            memory = NOTHING if peak is None else f"{peak:,.0f} MiB"
            missed = [f"{item.metric} misses {item.criterion}" for item in each.form.verdicts if not item.accepted]
            decided = ": ".join(filter(None, (each.state, "; ".join(filter(None, (*missed, each.form.note))))))
            rows.append((str(place), each.form.name, *sizes, bits, *values, text.times(each.time), memory, on, decided))
        columns = [column for column in zip(*rows, strict=True) if {*column[1:]} - {"", NOTHING}]
        head, *lines = zip(*columns, strict=True)
        return head, lines

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
        shown = forms.metrics(self.record)[:MOST_METRICS]
        return made.get_template("page.html.j2").render(page=self, shown=shown, text=text, paired=pairs.counts)


def of_record(record: Record) -> ReportPage:
    """The report of a record.

    Raises:
        UsageError: a look of the record cannot be decided again.
    """
    decided = [looks.decided(look) for look in record.looks]
    title = f"{record.name}: which form to take"
    return ReportPage(title, text.decision(record), record, forms.of_record(record), decided)


def write(record: Record, folder: Path) -> None:
    """Write the report of a record into a folder, which is made if it is missing; it replaces an earlier report.

    Raises:
        UsageError: see `of_record`.
        StorageFull: the disk is full.
    """
    of_record(record).write(folder / HTML)
