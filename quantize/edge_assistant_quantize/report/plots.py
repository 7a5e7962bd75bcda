"""The plots of a record as SVG, by matplotlib: the same bytes for the same record, readable on light and dark.

Forms differ by number and mark, and only then by colour; the colours are those of Okabe and Ito (Color Universal
Design, 2008).
"""

from __future__ import annotations

import importlib.util
import io
import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from edge_assistant.core.signals import printable
from edge_assistant_models.transfer import mebibytes
from edge_assistant_quantize.record import Record
from edge_assistant_quantize.report import analysis, text
from edge_assistant_quantize.report.analysis import FormState

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
        name: of its file.
        alt: its content in words, with the figures that matter.
        svg: a whole file.
        inline: the element alone, for a page; its identifiers begin with the name.
    """

    name: str
    alt: str
    svg: str
    inline: str


def draw(record: Record) -> list[Plot] | None:
    """Every plot that the record has figures for; None if matplotlib is not installed."""
    if importlib.util.find_spec("matplotlib") is None:
        return None
    plots = [_quality(record, metric, place) for place, metric in enumerate(analysis.metrics(record)[:3], 1)]
    return [plot for plot in (*plots, _speed(record), _memory(record), _layers(record)) if plot is not None]


def _plot(name: str, title: str, alt: str, size: tuple[float, float], fill: Callable[[Axes], None]) -> Plot:
    """Draw one plot of a size in inches."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()  # without the person's own style
        matplotlib.rcParams.update({**_SETTINGS, "svg.hashsalt": name})
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # the reader's own fonts may have it
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasSVG(figure)
        figure.patch.set_alpha(0)
        figure.suptitle(printable(title), x=0.02, ha="left", size=10.5, weight="bold")
        fill(figure.subplots())
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return Plot(name, alt, *_finished(written.getvalue(), name, alt))


def _finished(written: str, name: str, alt: str) -> tuple[str, str]:
    """A file and its element with what matplotlib lacks: a title, dark colours, identifiers that no other plot has."""
    head, element = written[: written.index("<svg")], written[written.index("<svg") :]
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
    element = f'<svg role="img" aria-labelledby="{name}-alt"{element[4:end]}>{title}{style}{element[end + 1 :]}'
    return head + element, element


def _quality(record: Record, metric: str, place: int) -> Plot | None:
    """Size against a metric, with the Pareto front and intervals."""
    front, measure = analysis.front(record, metric), text.measure_of(record, metric)
    base = analysis.value(record.reference, metric)

    def lines(axes: Axes) -> None:
        line = [(form.bytes / 2**20, analysis.value(form, metric)) for form in front]
        axes.plot(*zip(*line, strict=True), color=GREY, linestyle="--", zorder=1)
        for form in record.variants:
            if (found := analysis.interval(form, metric)) and math.isfinite(base):
                ends = [base + found.low, base + found.high]
                axes.plot([form.bytes / 2**20] * 2, ends, color=GREY, linewidth=1.2, zorder=2)

    best = (f"{f.name} ({mebibytes(f.bytes)}, {text.number(measure, analysis.value(f, metric))})" for f in front)
    alt = f"Size against {metric}. On the Pareto front (dashed), from small to large: {', '.join(best)}."
    title = f"Size against {metric}: the dashed line is the Pareto front"
    sizes = [form.bytes / 2**20 for form in analysis.forms(record)]
    return _scatter(f"size-{place}", title, alt, record, metric, sizes, "size, MiB", lines)


def _speed(record: Record) -> Plot | None:
    """Time against the first metric."""
    metric = next(iter(analysis.metrics(record)), "")
    forms = analysis.forms(record)
    ratios = [analysis.time_ratio(record, form) for form in forms]
    listed = (f"{form.name} {ratio:.2f}" for form, ratio in zip(forms, ratios, strict=True) if ratio is not None)
    alt = f"Time against {metric}; times as shares of the reference's: {', '.join(listed)}."
    title, across = f"Time against {metric}: left of the line is faster", "time, share of the reference's"

    def lines(axes: Axes) -> None:
        axes.axvline(1, color=GREY, linewidth=0.8, zorder=0)

    return _scatter("speed", title, alt, record, metric, ratios, across, lines) if metric else None


def _memory(record: Record) -> Plot | None:
    """Peak memory of each form."""
    shown = [(n, form) for n, form in enumerate(analysis.forms(record)) if form.peak_mib is not None]
    if not shown:
        return None

    def fill(axes: Axes) -> None:
        colours = [_MARKS[analysis.state(record, form)][1] for _, form in shown]
        bars = axes.barh(range(len(shown)), [form.peak_mib or 0 for _, form in shown], color=colours, height=0.6)
        axes.bar_label(bars, labels=[f"{form.peak_mib or 0:,.0f}" for _, form in shown], padding=3, color=INK)
        _rows(axes, [f"{number}  {label(form.name, _NAME)}" for number, form in shown], "peak memory, MiB")

    alt = "Peak memory: " + ", ".join(f"{form.name} {text.memory(form.peak_mib)}" for _, form in shown) + "."
    return _plot("memory", "Peak memory of a process that runs the form", alt, (7.4, 1.1 + 0.34 * len(shown)), fill)


def _layers(record: Record) -> Plot | None:
    """The nodes with the largest loss, largest on top."""
    worst = [layer for layer in record.layers if math.isfinite(layer.loss)][:MOST_LAYERS]
    if not worst:
        return None
    left = {name for form in record.variants for name in form.excluded}
    base = min(0.0, min(layer.loss for layer in worst) * 1.05)

    def fill(axes: Axes) -> None:
        losses = [layer.loss - base for layer in worst]
        bars = axes.barh(range(len(worst)), losses, left=base, height=0.6, color=ORANGE)
        for bar, layer in zip(bars, worst, strict=True):
            if layer.node in left:
                bar.set(facecolor=GREY, hatch="////", edgecolor=INK)
        axes.set_xlim(left=base)
        names = [label(f"{layer.file}: {layer.node}".removeprefix(": "), _NAME, end=True) for layer in worst]
        _rows(axes, names, label(worst[0].measure, 70))

    listed = ", ".join(f"{layer.node} {layer.loss:.3g}" for layer in worst[:5])
    alt = f"Nodes with the largest loss, {worst[0].measure}: {listed}."
    title = "Nodes with the largest loss" + (" (hatched: not quantized in a variant)" if left else "")
    return _plot("layers", title, alt, (7.4, 1.2 + 0.26 * len(worst)), fill)


def _scatter(
    name: str,
    title: str,
    alt: str,
    record: Record,
    metric: str,
    horizontal: Sequence[float | None],
    across: str,
    lines: Callable[[Axes], None],
) -> Plot | None:
    """A numbered mark for each form, and the legend; the upper left corner is the best. None for fewer than two."""
    forms, measure = analysis.forms(record), text.measure_of(record, metric)
    points = enumerate(zip(horizontal, (analysis.value(form, metric) for form in forms), strict=True))
    where = {number: (x, y) for number, (x, y) in points if x is not None and math.isfinite(y)}
    if len(where) < 2:
        return None

    def fill(axes: Axes) -> None:
        share = measure.unit == "share"
        axes.set_ylabel(label(f"{metric}, %" if share else f"{metric} {measure.unit}".rstrip(), 50) + "; up is better")
        if share:
            axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.4g}")
        axes.yaxis.set_inverted(measure.lower_is_better)
        axes.margins(0.08, 0.12)
        lines(axes)
        for number, form in enumerate(forms):
            shape, colour = _MARKS[analysis.state(record, form)]
            x, y = where.get(number, (math.nan, math.nan))
            style: dict[str, Any] = {
                "marker": shape,
                "color": colour,
                "markersize": 12 if shape == "*" else 7.5,
                "linestyle": "",
            }
            axes.plot([x], [y], zorder=3, label=f"{number}  {label(form.name, _NAME)}", **style)
        for numbers in together(where):
            shown, at = ", ".join(map(str, numbers)), where[numbers[-1]]
            axes.annotate(shown, at, (6, 5), textcoords="offset points", color=INK, zorder=4)
        axes.set_xlim(left=0)
        axes.set_xlabel(across)
        axes.figure.legend(loc="outside right upper", markerscale=0.8)

    return _plot(name, title, alt, (8.6, max(4.0, 1.2 + 0.24 * len(forms))), fill)


def together(where: Mapping[int, tuple[float, float]]) -> list[list[int]]:
    """Numbers of points that lie so near each other that their labels would; the horizontal axis begins at 0.

    >>> together({0: (7.3, 82.3), 1: (3.70, 82.3), 2: (3.75, 82.3), 3: (7.3, 82.3), 4: (3.7, 70.0)})
    [[0, 3], [1, 2], [4]]
    """
    heights = [y for _, y in where.values()]
    wide, high = max(x for x, _ in where.values()) or 1.0, max(heights) - min(heights) or 1.0
    groups: list[list[int]] = []
    for number, (x, y) in where.items():
        near = (
            group
            for group in groups
            if abs(x - where[group[0]][0]) < _NEAR * wide and abs(y - where[group[0]][1]) < _NEAR * high
        )
        group = next(near, None)
        if group is None:
            groups.append(group := [])
        group.append(number)
    return groups


def _rows(axes: Axes, names: Sequence[str], across: str) -> None:
    """Horizontal bars with their names, the first on top."""
    axes.set_yticks(range(len(names)), names, size=8.5)
    axes.yaxis.set_inverted(True)
    axes.set_xlabel(across)
    axes.margins(x=0.12, y=0.02)


def label(name: str, most: int, *, end: bool = False) -> str:
    """A name that fits: one line, and the beginning or the end of a long one.

    >>> label("encoder/layers.0/matmul", 12), label("encoder/layers.0/matmul", 12, end=True)
    ('encoder/lay…', '…rs.0/matmul')
    """
    shown = text.line(name)
    if len(shown) <= most:
        return shown
    return f"…{shown[1 - most :]}" if end else f"{shown[: most - 1]}…"
