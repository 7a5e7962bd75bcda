"""The plots of all pages as SVG, by matplotlib: the same bytes for the same figures.

Forms differ by number and mark, and only then by colour; the colours are those of Okabe and Ito (Color Universal
Design, 2008).
"""

from __future__ import annotations

import base64
import io
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_assistant_quantize.record import Measure
from edge_assistant_quantize.report import forms, text
from edge_assistant_quantize.report.forms import FormState, ReportedForm

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LONG = 44  # letters of a name
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
    """One plot: its title, its content in words, and the drawing as a data URL."""

    title: str
    alt: str
    image: str


def against(there: Sequence[ReportedForm], measures: Mapping[str, Measure], cost: str, metric: str) -> Plot | None:
    """A cost, one of `forms.COSTS`, against a metric: Pareto front and intervals; the upper left corner is the best.

    Each form is a numbered mark, the reference first. None for fewer than two.
    """
    where = {number: (form.cost(cost), form.value(metric)) for number, form in enumerate(there)}
    where = {number: point for number, point in where.items() if all(map(math.isfinite, point))}
    if len(where) < 2:
        return None
    front = {n: where[n] for n in forms.front(there, cost, metric, measures)}
    told = [f"{there[n].form.name} ({x:.3g}; {text.number(measures[metric], y)})" for n, (x, y) in front.items()]
    alt = f"{metric} against {forms.COSTS[cost]}. On the Pareto front (dashed), by ascending {cost}: {', '.join(told)}."
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()  # without the person's own style
        matplotlib.rcParams.update(_SETTINGS)
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # the reader's own fonts may have it
        figure = Figure(figsize=(8.6, max(4.0, 1.2 + 0.24 * len(there))), layout="constrained")
        axes, written = figure.subplots(), io.BytesIO()
        axes.set(xlabel=forms.COSTS[cost])
        axes.plot(*zip(*front.values(), strict=True), color=GREY, linestyle="--", zorder=1)
        _draw(axes, there, where, metric, measures[metric])
        figure.savefig(written, format="svg", metadata={"Date": None})
    image = f"data:image/svg+xml;base64,{base64.b64encode(written.getvalue()).decode()}"
    return Plot(f"{metric} against {cost}: the dashed line is the Pareto front", alt, image)


def _draw(
    axes: Axes,
    there: Sequence[ReportedForm],
    where: Mapping[int, tuple[float, float]],
    metric: str,
    measure: Measure,
) -> None:
    """Draw the forms, with their intervals, at their places."""
    unit = ", ".join(filter(None, (_short(metric), measure.unit.replace("share", "%"))))
    axes.set(ylabel=f"{unit}; up is better")
    if measure.unit == "share":
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.4g}")
    axes.yaxis.set_inverted(measure.lower_is_better)
    axes.margins(0.08, 0.12)
    for number, (x, y) in where.items():
        form = there[number]
        within, compares = form.intervals.get(metric, (None, False))
        if within is not None:
            ends = [end + (there[0].value(metric) if compares else 0.0) for end in (within.low, within.high)]
            axes.plot([x, x], ends, color=GREY, linewidth=1.2, zorder=2)
        shape, colour = _MARKS[form.state]
        name = f"{number}  {_short(form.form.name)}"
        axes.plot([x], [y], marker=shape, color=colour, markersize=8, linestyle="", label=name, zorder=3)
        axes.annotate(str(number), (x, y), (6, 5), textcoords="offset points", zorder=4)
    axes.set_xlim(left=0)
    axes.figure.legend(loc="outside right upper", markerscale=0.8)


def _short(name: str) -> str:
    """A name that may be long, in one line: its beginning and its end."""
    shown = text.line(name)
    return shown if len(shown) <= _LONG else f"{shown[: _LONG // 2]}…{shown[-(_LONG // 2) :]}"
