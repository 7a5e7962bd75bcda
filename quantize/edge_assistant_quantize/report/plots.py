"""The plots of a record as SVG: the same bytes for the same record, without a display, readable on light and dark.

Forms are told apart by their number and by the shape of their mark, and only then by colour; the colours are those of
Okabe and Ito (Color Universal Design, 2008).
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_assistant_models.transfer import mebibytes
from edge_assistant_quantize.record import Layer, Record, Variant
from edge_assistant_quantize.report import reading, told
from edge_assistant_quantize.report.drawn import GREY, INK, label, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

MOST_LAYERS = 20
_KEY = 44  # characters of a name in the key
_MARKS = {
    reading.State.REFERENCE: ("s", GREY),
    reading.State.CHOSEN: ("*", "#0072b2"),
    reading.State.ACCEPTED: ("o", "#0072b2"),
    reading.State.REFUSED: ("X", "#d55e00"),
    reading.State.UNDECIDED: ("D", "#0072b2"),
}


@dataclass(frozen=True, slots=True)
class Plot:
    """One plot.

    Attributes:
        name: of its file.
        alt: what it shows, in words, with the figures that matter.
        svg: a whole file.
        inline: the element alone, for a page; its identifiers are its own.
    """

    name: str
    alt: str
    svg: str
    inline: str


def draw(record: Record) -> list[Plot] | None:
    """Every plot that the record has figures for; None where matplotlib is not installed."""
    if importlib.util.find_spec("matplotlib") is None:
        return None
    plots = [_quality(record, metric, place) for place, metric in enumerate(reading.metrics(record)[:3])]
    plots += [_speed(record), _memory(record), _layers(record.layers, record)]
    return [plot for plot in plots if plot is not None]


def _made(name: str, title: str, alt: str, size: tuple[float, float], fill: Callable[[Figure], None]) -> Plot:
    alone, inline = svg(name, title, alt, size, fill)
    return Plot(name, alt, alone, inline)


def _quality(record: Record, metric: str, place: int) -> Plot | None:
    """Size against a metric, with the Pareto front."""
    shown = [form for form in reading.forms(record) if math.isfinite(reading.value(form, metric))]
    if len(shown) < 2:
        return None
    front = reading.front(record, metric)
    where = {id(form): (form.bytes / 2**20, reading.value(form, metric)) for form in shown}

    def fill(figure: Figure) -> None:
        axes = _axes(figure, record, "size, MiB", metric)
        axes.plot(*zip(*(where[id(form)] for form in front), strict=True), color=GREY, linestyle="--", zorder=1)
        _marks(axes, record, {number: where[id(form)] for number, form in _numbered(record) if id(form) in where})
        _bars(axes, record, metric, where)
        axes.set_xlim(left=0)

    best = ", ".join(f"{form.name} ({mebibytes(form.bytes)}, {_told(record, form, metric)})" for form in front)
    title = f"Size against {metric}"
    alt = f"{title}. On the Pareto front (dashed), from small to large: {best}."
    return _made(f"size-{place + 1}", f"{title}: the dashed line is the Pareto front", alt, _scatter(record), fill)


def _speed(record: Record) -> Plot | None:
    """Time against the first metric."""
    metrics = reading.metrics(record)
    if not metrics:
        return None
    metric = metrics[0]
    where: dict[int, tuple[float, float]] = {}
    for number, form in _numbered(record):
        ratio, value = reading.time_ratio(record, form), reading.value(form, metric)
        if ratio is not None and math.isfinite(value):
            where[number] = (ratio, value)
    if len(where) < 2:
        return None

    def fill(figure: Figure) -> None:
        axes = _axes(figure, record, "time, share of the reference's", metric)
        _marks(axes, record, where)
        axes.axvline(1, color=GREY, linewidth=0.8, zorder=0)
        axes.set_xlim(left=0)

    forms = reading.forms(record)
    listed = ", ".join(f"{forms[number].name} {ratio:.2f}" for number, (ratio, _) in where.items())
    alt = f"Time against {metric}; times as shares of the reference's: {listed}."
    return _made("speed", f"Time against {metric}: left of the line is faster", alt, _scatter(record), fill)


def _memory(record: Record) -> Plot | None:
    """The most memory of each form."""
    shown = [(number, form) for number, form in _numbered(record) if form.peak_mib is not None]
    if not shown:
        return None
    rows = [(f"{number}  {label(form.name, _KEY)}", form.peak_mib or 0.0, form) for number, form in shown]

    def fill(figure: Figure) -> None:
        axes = figure.add_axes((0.4, 0.55 / height, 0.54, 1 - 0.95 / height))
        names, values, forms = zip(*rows, strict=True)
        colours = [_MARKS[reading.state(record, form)][1] for form in forms]
        bars = axes.barh(range(len(rows)), values, color=colours, height=0.6)
        axes.bar_label(bars, labels=[f"{value:,.0f}" for value in values], padding=3, color=INK)
        _rows(axes, names, "peak memory, MiB")

    height = 1.1 + 0.34 * len(rows)
    alt = "Peak memory: " + ", ".join(f"{form.name} {told.memory(form)}" for _, form in shown) + "."
    return _made("memory", "Peak memory of a process that runs the form", alt, (7.4, height), fill)


def _layers(layers: list[Layer], record: Record) -> Plot | None:
    """The nodes that hurt most, worst on top."""
    worst = [layer for layer in layers if math.isfinite(layer.loss)][:MOST_LAYERS]
    if not worst:
        return None
    left = {name for form in record.variants for name in form.excluded}
    losses = [layer.loss for layer in worst]
    base = min(0.0, min(losses) * 1.05)

    def fill(figure: Figure) -> None:
        axes = figure.add_axes((0.46, 0.55 / height, 0.48, 1 - 0.95 / height))
        names = [label(f"{layer.file}: {layer.node}".removeprefix(": "), _KEY, end=True) for layer in worst]
        bars = axes.barh(range(len(worst)), [loss - base for loss in losses], left=base, height=0.6, color="#d55e00")
        for bar, layer in zip(bars, worst, strict=True):
            if layer.node in left:
                bar.set(facecolor=GREY, hatch="////", edgecolor=INK)
        axes.set_xlim(left=base)
        _rows(axes, names, label(worst[0].measure, 70))

    height = 1.2 + 0.26 * len(worst)
    listed = ", ".join(f"{layer.node} {layer.loss:.3g}" for layer in worst[:5])
    alt = f"Which nodes hurt, {worst[0].measure}; the worst: {listed}."
    title = "Which nodes hurt" + (" (hatched: left as they are in a form)" if left else "")
    return _made("layers", title, alt, (7.4, height), fill)


def _numbered(record: Record) -> list[tuple[int, Variant]]:
    return list(enumerate(reading.forms(record)))


def _told(record: Record, form: Variant, metric: str) -> str:
    return told.number(told.measure_of(record, metric), reading.value(form, metric))


def _scatter(record: Record) -> tuple[float, float]:
    """Inches: wide enough for the key, and as high as it needs."""
    return 8.6, max(4.0, 1.2 + 0.24 * len(reading.forms(record)))


def _axes(figure: Figure, record: Record, across: str, metric: str) -> Axes:
    """Axes whose upper left corner is the best, and beside them the key to the numbers."""
    axes = figure.add_axes((0.1, 0.14, 0.5, 0.74))
    measure = told.measure_of(record, metric)
    share = measure.unit == "share"
    axes.set_xlabel(across)
    axes.set_ylabel(label(f"{metric}, %" if share else f"{metric} {measure.unit}".rstrip(), 50) + "; up is better")
    if share:
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.4g}")
    if measure.lower_is_better:
        axes.yaxis.set_inverted(True)
    axes.margins(0.08, 0.12)
    for place, (number, form) in enumerate(_numbered(record)):
        shape, colour = _MARKS[reading.state(record, form)]
        height = 0.86 - place * 0.24 / figure.get_figheight()
        figure.text(0.65, height, f"{number}  {label(form.name, _KEY)}", va="center", size=8.5, color=INK)
        figure.add_artist(_mark(0.632, height, shape, colour, figure))
    return axes


def _mark(x: float, y: float, shape: str, colour: str, figure: Figure) -> Line2D:
    from matplotlib.lines import Line2D

    return Line2D([x], [y], marker=shape, color=colour, markersize=6.5, linestyle="", transform=figure.transFigure)


def _marks(axes: Axes, record: Record, where: dict[int, tuple[float, float]]) -> None:
    """A mark for each form, and its number, which those that lie together share."""
    forms = reading.forms(record)
    for number, (x, y) in where.items():
        shape, colour = _MARKS[reading.state(record, forms[number])]
        axes.plot([x], [y], marker=shape, color=colour, markersize=12 if shape == "*" else 7.5, linestyle="", zorder=3)
    for numbers in together(where):
        x, y = where[numbers[-1]]
        told = ", ".join(map(str, numbers))
        axes.annotate(told, (x, y), (6, 5), textcoords="offset points", size=9, color=INK, zorder=4)


def together(where: dict[int, tuple[float, float]], near: float = 0.03) -> list[list[int]]:
    """Numbers of points that lie so near each other that their labels would.

    Args:
        where: points by number; the horizontal axis begins at 0.
        near: share of each axis.

    >>> together({0: (7.3, 82.3), 1: (3.70, 82.3), 2: (3.75, 82.3), 3: (7.3, 82.3), 4: (3.7, 70.0)})
    [[0, 3], [1, 2], [4]]
    """
    heights = [y for _, y in where.values()]
    wide = max(x for x, _ in where.values()) or 1.0
    high = max(heights) - min(heights) or 1.0
    groups: list[list[int]] = []
    for number, (x, y) in where.items():
        for group in groups:
            other = where[group[0]]
            if abs(x - other[0]) < near * wide and abs(y - other[1]) < near * high:
                group.append(number)
                break
        else:
            groups.append([number])
    return groups


def _bars(axes: Axes, record: Record, metric: str, where: dict[int, tuple[float, float]]) -> None:
    """The interval of each form that has one, as an upright line."""
    base = reading.value(record.reference, metric)
    for form in record.variants:
        found = reading.interval(form, metric)
        if found and id(form) in where and math.isfinite(base):
            x = where[id(form)][0]
            axes.plot([x, x], [base + found.low, base + found.high], color=GREY, linewidth=1.2, zorder=2)


def _rows(axes: Axes, names: tuple[str, ...] | list[str], across: str) -> None:
    """Horizontal bars with their names, the first on top."""
    axes.set_yticks(range(len(names)), names, size=8.5)
    axes.yaxis.set_inverted(True)
    axes.set_xlabel(across)
    axes.margins(x=0.12, y=0.02)
