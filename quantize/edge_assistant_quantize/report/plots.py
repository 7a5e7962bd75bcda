"""The plots of all pages as SVG, by matplotlib: the same bytes for the same figures.

Each plot has its figures in a table, too, which stays where matplotlib is not installed. Forms differ by number and
mark, and only then by colour; the colours are those of Okabe and Ito (Color Universal Design, 2008).
"""

from __future__ import annotations

import base64
import importlib.util
import io
import math
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edge_assistant_quantize.record import Layer, Measure
from edge_assistant_quantize.report import forms, text
from edge_assistant_quantize.report.forms import FormState, ReportedForm

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LAYERS = 20
GREY, BLUE, ORANGE = "#77777b", "#0072b2", "#d55e00"
_MARKS = {
    FormState.REFERENCE: ("s", GREY),
    FormState.CHOSEN: ("*", BLUE),
    FormState.ACCEPTED: ("o", BLUE),
    FormState.REFUSED: ("X", ORANGE),
    FormState.UNDECIDED: ("D", BLUE),
}
_SETTINGS = {
    "svg.fonttype": "none",
    "svg.hashsalt": "",  # identifiers are not random
    "font.size": 9.0,
    "text.parse_math": False,  # a name with two dollars is no formula
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}


@dataclass(frozen=True, slots=True)
class Plot:
    """One plot.

    Attributes:
        title: of the plot.
        alt: its content in words, with the figures that matter.
        head: of the table of its figures.
        rows: of that table.
        image: the drawing as a data URL; empty if matplotlib is not installed.
    """

    title: str
    alt: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    image: str = ""

    def drawn(self, height: float, fill: Callable[[Axes], None]) -> Plot:
        """The plot with its drawing.

        Args:
            height: in inches.
            fill: draws.
        """
        if importlib.util.find_spec("matplotlib") is None:
            return self
        import matplotlib
        from matplotlib.figure import Figure

        with matplotlib.rc_context(), warnings.catch_warnings():
            matplotlib.rcdefaults()  # without the person's own style
            matplotlib.rcParams.update(_SETTINGS)
            warnings.filterwarnings("ignore", message="Glyph .* missing")  # the reader's own fonts may have it
            figure, written = Figure(figsize=(8.6, height), layout="constrained"), io.BytesIO()
            fill(figure.subplots())
            figure.savefig(written, format="svg", metadata={"Date": None})
        return replace(self, image=f"data:image/svg+xml;base64,{base64.b64encode(written.getvalue()).decode()}")


def against(there: Sequence[ReportedForm], measures: Mapping[str, Measure], cost: str, metric: str) -> Plot | None:
    """A cost, one of `forms.COSTS`, against a metric: Pareto front and intervals; the upper left corner is the best.

    Each form is a numbered mark, the reference first. None for fewer than two.
    """
    measure = measures[metric]
    where = {n: (form.cost(cost), form.value(metric)) for n, form in enumerate(there)}
    where = {number: point for number, point in where.items() if all(map(math.isfinite, point))}
    if len(where) < 2:
        return None
    front = forms.front(there, cost, metric, measures)
    rows = [
        (str(n), text.line(there[n].form.name), f"{x:.3g}", text.number(measure, y), "yes" if n in front else "")
        for n, (x, y) in where.items()
    ]
    best = ", ".join(f"{there[n].form.name} ({where[n][0]:.3g}; {text.number(measure, where[n][1])})" for n in front)
    alt = f"{metric} against {forms.COSTS[cost]}. On the Pareto front (dashed), by ascending {cost}: {best}."
    head = ("#", "form", forms.COSTS[cost], metric, "Pareto front")
    plot = Plot(f"{metric} against {cost}: the dashed line is the Pareto front", alt, head, rows)
    base = there[0].value(metric)

    def fill(axes: Axes) -> None:
        unit = ", ".join(filter(None, (_short(metric), measure.unit.replace("share", "%"))))
        axes.set(xlabel=forms.COSTS[cost], ylabel=f"{unit}; up is better")
        if measure.unit == "share":
            axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.4g}")
        axes.yaxis.set_inverted(measure.lower_is_better)
        axes.margins(0.08, 0.12)
        axes.plot(*zip(*(where[n] for n in front), strict=True), color=GREY, linestyle="--", zorder=1)
        for number, (x, y) in where.items():
            within, compares = there[number].intervals.get(metric, (None, False))
            if within is not None:
                ends = [end + (base if compares else 0.0) for end in (within.low, within.high)]
                axes.plot([x, x], ends, color=GREY, linewidth=1.2, zorder=2)
            shape, colour = _MARKS[there[number].state]
            name = f"{number}  {_short(there[number].form.name)}"
            axes.plot([x], [y], marker=shape, color=colour, markersize=8, linestyle="", label=name, zorder=3)
            axes.annotate(str(number), (x, y), (6, 5), textcoords="offset points", zorder=4)
        axes.set_xlim(left=0)
        axes.figure.legend(loc="outside right upper", markerscale=0.8)

    return plot.drawn(max(4.0, 1.2 + 0.24 * len(there)), fill)


def layers(found: Sequence[Layer], excluded: Collection[str]) -> Plot | None:
    """The nodes with the largest loss, largest on top; grey: left as they are in a variant."""
    worst = [layer for layer in found if math.isfinite(layer.loss)][:MOST_LAYERS]
    if not worst:
        return None
    base = min(0.0, min(layer.loss for layer in worst) * 1.05)
    alt = f"Nodes with the largest loss, {worst[0].measure}: {', '.join(f'{x.node} {x.loss:.3g}' for x in worst[:5])}."
    head = ("node", "operator", "file", f"loss: {worst[0].measure}", "not quantized in a variant")
    rows = [(x.node, x.kind, x.file, f"{x.loss:.4g}", "yes" if x.node in excluded else "") for x in worst]
    plot = Plot("Nodes with the largest loss (grey: not quantized in a variant)", alt, head, rows)

    def fill(axes: Axes) -> None:
        lengths = [layer.loss - base for layer in worst]
        colours = [GREY if layer.node in excluded else ORANGE for layer in worst]
        axes.barh(range(len(worst)), lengths, left=base, height=0.6, color=colours)
        axes.set_yticks(range(len(worst)), [_short(f"{layer.file}: {layer.node}") for layer in worst], size=8.5)
        axes.yaxis.set_inverted(True)
        axes.set_xlabel(_short(worst[0].measure, 70))

    return plot.drawn(1.2 + 0.26 * len(worst), fill)


def _short(name: str, most: int = 44) -> str:
    """A name that may be long, in one line: its beginning, and its end where names of nodes differ."""
    shown = text.line(name)
    return shown if len(shown) <= most else f"{shown[: most // 2]}…{shown[-(most // 2) :]}"
