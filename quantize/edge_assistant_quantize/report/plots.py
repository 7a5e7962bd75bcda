"""The plots of all pages as SVG, by matplotlib: the same bytes for the same figures, readable on light and dark.

Each plot has its figures in a table, too, which stays where matplotlib is not installed. Forms differ by number and
mark, and only then by colour; the colours are those of Okabe and Ito (Color Universal Design, 2008).
"""

from __future__ import annotations

import importlib.util
import io
import math
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from edge_assistant.core.signals import printable
from edge_assistant_quantize.metrics.metric import standard
from edge_assistant_quantize.record import AcceptanceLook, Bound, CriterionVerdict, Layer, Measure
from edge_assistant_quantize.report import forms, text
from edge_assistant_quantize.report.forms import FormState, ReportedForm

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LAYERS = 20
INK, GREY, BLUE, ORANGE = "#1b1b1d", "#77777b", "#0072b2", "#d55e00"
_NAME = 44  # characters of a name in the legend
_NEAR = 0.03  # share of an axis within which points share one label
_DARK = {INK: "#e8e8ea", GREY: "#9c9ca2", BLUE: "#56b4e9", ORANGE: "#f0883e"}
_MARKS = {
    FormState.REFERENCE: ("s", GREY),
    FormState.CHOSEN: ("*", BLUE),
    FormState.ACCEPTED: ("o", BLUE),
    FormState.REFUSED: ("X", ORANGE),
    FormState.UNDECIDED: ("D", BLUE),
}
_SETTINGS = {
    "svg.fonttype": "none",
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib; a reader without it sees their own
    "font.size": 9.0,
    "text.color": INK,
    "text.parse_math": False,  # a name with two dollars is no formula
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "axes.unicode_minus": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "hatch.color": INK,
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
        svg: an element whose identifiers no other plot of the page has; empty if matplotlib is not installed.
    """

    title: str
    alt: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    svg: str = ""

    def drawn(self, name: str, height: float, fill: Callable[[Axes], None]) -> Plot:
        """The plot with its drawing.

        Args:
            name: that no other plot of the page has.
            height: in inches.
            fill: draws.
        """
        if importlib.util.find_spec("matplotlib") is None:
            return self
        import matplotlib
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure

        with matplotlib.rc_context(), warnings.catch_warnings():
            matplotlib.rcdefaults()  # without the person's own style
            matplotlib.rcParams.update({**_SETTINGS, "svg.hashsalt": name})
            warnings.filterwarnings("ignore", message="Glyph .* missing")  # the reader's own fonts may have it
            figure = Figure(figsize=(8.6, height), layout="constrained")
            FigureCanvasSVG(figure)
            figure.patch.set_alpha(0)
            fill(figure.subplots())
            written, none = io.StringIO(), dict.fromkeys(("Date", "Creator", "Format", "Type"))
            figure.savefig(written, format="svg", metadata=none)
        return replace(self, svg=_finished(written.getvalue(), name, self.alt))


def _finished(written: str, name: str, alt: str) -> str:
    """The element with what matplotlib lacks: a title, dark colours, identifiers that no other plot has."""
    element = written[written.index("<svg") :]
    element = re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
    element = re.sub(r'\bid="', f'id="{name}-', element)
    element = re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", element)
    dark = "".join(
        f'[style*="{kind}: {light}"]{{{kind}:{other}!important}}'
        for light, other in _DARK.items()
        for kind in ("fill", "stroke")
    )
    style = f"<style>@media (prefers-color-scheme:dark){{{dark}}}</style>"
    title = f'<title id="{name}-alt">{escape(printable(alt))}</title>'
    end = element.index(">")
    return f'<svg role="img" aria-labelledby="{name}-alt"{element[4:end]}>{title}{style}{element[end + 1 :]}'


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
        share = measure.unit == "share"
        axes.set_ylabel(label(f"{metric}, %" if share else f"{metric} {measure.unit}".rstrip(), 50) + "; up is better")
        if share:
            axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.4g}")
        axes.yaxis.set_inverted(measure.lower_is_better)
        axes.margins(0.08, 0.12)
        axes.plot(*zip(*(where[n] for n in front), strict=True), color=GREY, linestyle="--", zorder=1)
        for number, form in enumerate(there):
            x, y = where.get(number, (math.nan, math.nan))
            if (found := form.intervals.get(metric)) is not None:
                within, compares = found
                ends = [end + base if compares else end for end in (within.low, within.high)]
                axes.plot([x, x], ends, color=GREY, linewidth=1.2, zorder=2)
            shape, colour = _MARKS[form.state]
            size = 12 if shape == "*" else 7.5
            named = f"{number}  {label(form.form.name, _NAME)}"
            axes.plot([x], [y], zorder=3, label=named, marker=shape, color=colour, markersize=size, linestyle="")
        axes.set_xlim(left=0)
        near: dict[tuple[int, int], list[int]] = {}  # numbers of marks that would cover each other share one label
        (_, wide), (low, high) = axes.get_xlim(), axes.get_ylim()
        for number, (x, y) in where.items():
            near.setdefault((round(x / wide / _NEAR), round(y / (high - low) / _NEAR)), []).append(number)
        for numbers in near.values():
            shown, at = ", ".join(map(str, numbers)), where[numbers[-1]]
            axes.annotate(shown, at, (6, 5), textcoords="offset points", color=INK, zorder=4)
        axes.set_xlabel(forms.COSTS[cost])
        axes.figure.legend(loc="outside right upper", markerscale=0.8)

    return plot.drawn(f"{cost}-{list(measures).index(metric)}", max(4.0, 1.2 + 0.24 * len(there)), fill)


def judged(metric: str, looks: Iterable[tuple[AcceptanceLook, Sequence[CriterionVerdict]]]) -> Plot | None:
    """The intervals that looks decided a metric by, and what was asked; None where there are none.

    Differences to the reference and values of the model's own have plots of their own: this one has those of the first.
    """
    found = [
        (look, asked, verdict, verdict.interval)
        for look, verdicts in looks
        for asked, verdict in zip(look.criteria, verdicts, strict=True)
        if verdict.metric == metric and verdict.interval is not None and math.isfinite(verdict.interval.low)
    ]
    found = [each for each in found if each[2].compares == found[0][2].compares]
    if not found:
        return None
    measure, compares = found[0][0].of_candidate[metric].measure, found[0][2].compares
    show = text.change if compares else text.number
    names, rows, limits = [], [], []
    for look, asked, verdict, within in found:
        margin = standard(metric).margin if asked.bound is Bound.WITHIN_INTERVAL else asked.limit
        limits.append((margin if measure.lower_is_better else -margin) if compares else margin)
        names.append(f"look {look.numbers[metric]}, {look.time[:10]}, {label(look.reference, 30)}")
        ends = (show(measure, end) for end in (within.difference, within.low, within.high, limits[-1]))
        rows.append((names[-1], *ends, "accepted" if verdict.accepted else "refused"))
    what = f"{metric}: difference to the reference" if compares else metric
    alt = f"{what}. " + "; ".join(f"{n}: {low} to {high}, limit {limit}" for n, _, low, high, limit, _ in rows) + "."
    head = ("look", "difference" if compares else "value", "from", "to", "limit", "")
    better = "left" if measure.lower_is_better else "right"
    plot = Plot(f"{what}, with the interval that decides; dashed: the limit", alt, head, rows)

    def fill(axes: Axes) -> None:
        scale = 100 if measure.unit == "share" else 1
        for place, ((*_, verdict, within), limit) in enumerate(zip(found, limits, strict=True)):
            shape, colour = _MARKS[FormState.ACCEPTED if verdict.accepted else FormState.REFUSED]
            axes.plot([scale * within.low, scale * within.high], [place] * 2, color=colour, linewidth=2)
            axes.plot([scale * within.difference], [place], marker=shape, color=colour, markersize=7.5)
            axes.plot([scale * limit] * 2, [place - 0.4, place + 0.4], color=INK, linestyle="--", linewidth=1.2)
        if compares:
            axes.axvline(0, color=GREY, linewidth=0.8, zorder=0)
        unit = ("points" if compares else "%") if measure.unit == "share" else measure.unit
        _names(axes, names, f"{label(metric, 50)}, {unit}".removesuffix(", ") + f"; {better} is better")

    return plot.drawn(f"judged-{metric}", 1.1 + 0.34 * len(found), fill)


def layers(found: Sequence[Layer], excluded: Iterable[str]) -> Plot | None:
    """The nodes with the largest loss, largest on top; hatched: left as they are in a variant."""
    worst = [layer for layer in found if math.isfinite(layer.loss)][:MOST_LAYERS]
    if not worst:
        return None
    left = set(excluded)
    base = min(0.0, min(layer.loss for layer in worst) * 1.05)
    alt = f"Nodes with the largest loss, {worst[0].measure}: {', '.join(f'{x.node} {x.loss:.3g}' for x in worst[:5])}."
    head = ("node", "operator", "file", f"loss: {worst[0].measure}", "not quantized in a variant")
    rows = [(x.node, x.kind, x.file, f"{x.loss:.4g}", "yes" if x.node in left else "") for x in worst]
    plot = Plot(f"Nodes with the largest loss{' (hatched: not quantized in a variant)' * bool(left)}", alt, head, rows)

    def fill(axes: Axes) -> None:
        names = [text.line(f"{layer.file}: {layer.node}".removeprefix(": "))[-_NAME:] for layer in worst]
        lengths = [layer.loss - base for layer in worst]
        bars = axes.barh(range(len(names)), lengths, left=base, height=0.6, color=ORANGE)
        axes.set_xlim(left=base)
        _names(axes, names, label(worst[0].measure, 70))
        for bar, layer in zip(bars, worst, strict=True):
            if layer.node in left:
                bar.set(facecolor=GREY, hatch="////", edgecolor=INK)

    return plot.drawn("layers", 1.2 + 0.26 * len(worst), fill)


def _names(axes: Axes, names: Sequence[str], across: str) -> None:
    """Names on the upright axis, the first on top."""
    axes.set_yticks(range(len(names)), names, size=8.5)
    axes.yaxis.set_inverted(True)
    axes.set_xlabel(across)
    axes.margins(x=0.12, y=0.02 if len(names) > 3 else 0.2)


def label(name: str, most: int) -> str:
    """The beginning of a name that may be long, in one line."""
    shown = text.line(name)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"
