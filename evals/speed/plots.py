"""The figures as a picture: ratios with what is promised, the waterfall of a spoken question, and cost as work grows.

Colours are those of Okabe and Ito (Color Universal Design, 2008); what is kept and what is not differs in hatching too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.speed.report import number
from evals.speed.rows import How, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, GREY, BLUE, RED, GREEN = "#1a1a1a", "#8c8c8c", "#0072b2", "#d55e00", "#009e73"
_STEPS = ("#0072b2", "#56b4e9", "#009e73", "#e69f00", "#cc79a7", "#d55e00")
_STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib
    "font.size": 10,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "edge-assistant",  # the same figures give the same bytes
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "axes.labelcolor": INK,
}
_WIDTH = 10.0  # inches
_BAR, _HEAD = 0.42, 1.1  # inches of a bar, and of what is around a panel
_GROWTH = 3.6  # inches


def draw(path: Path, rows: Sequence[Row]) -> None:
    """Write a PNG or an SVG, as the file's name says.

    Args:
        path: of the file; what is there is replaced.
        rows: what was measured.

    Raises:
        StorageFull: it cannot be written.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from edge_assistant.storage import atomic

    panels = _panels(rows)
    with matplotlib.rc_context(_STYLE):
        heights = [height for height, _ in panels]
        figure = Figure(figsize=(_WIDTH, sum(heights)), layout="constrained", facecolor="white")
        FigureCanvasAgg(figure)
        parts = figure.subfigures(len(panels), 1, height_ratios=heights, squeeze=False)
        for part, (_, fill) in zip(parts[:, 0], panels, strict=True):
            fill(part)
        metadata: dict[str, Any] = {"Date": None} if path.suffix == ".svg" else {}
        with atomic.storing(path.name, "name another file with --plot"), atomic.writing(path) as stream:
            figure.savefig(stream, format=path.suffix[1:], dpi=130, metadata=metadata)


Panel = tuple[float, Callable[["Figure"], None]]
"""Inches, and what fills it."""


def _panels(rows: Sequence[Row]) -> list[Panel]:
    """What there is to draw, from top to bottom; a note where there is nothing."""
    found: list[Panel] = []
    if ratios := [row for row in rows if row.how is How.RATIO]:
        found.append((_HEAD + _BAR * len(ratios), lambda figure: _ratios(figure.subplots(), ratios)))
    if falls := [row for row in rows if row.details.get("waterfall")]:
        height = _HEAD + _BAR * max(4, len(falls[0].details["waterfall"]))
        found.append((height, lambda figure: _waterfall(figure, falls[0])))
    if grown := [row for row in rows if row.details.get("grown")]:
        found.append((_GROWTH, lambda figure: _growth(figure, grown)))
    return found or [(_HEAD, _nothing)]


def _nothing(figure: Figure) -> None:
    figure.text(0.5, 0.5, "nothing was measured that is drawn", ha="center")


def _note(axes: Axes, text: str, at: tuple[float, float]) -> None:
    """Words right of a point."""
    axes.annotate(text, at, (6, 0), textcoords="offset points", va="center", fontsize=9)


def _ratios(axes: Axes, rows: Sequence[Row]) -> None:
    """One bar a row: the median of the ratio to the baseline, its spread, and a mark at what is promised."""
    places = range(len(rows))
    for place, row in zip(places, rows, strict=True):
        low, high = row.spread
        kept = row.within is not False
        axes.barh(
            place, row.figure, height=0.62, color=BLUE if kept else RED, hatch=None if kept else "//", edgecolor="white"
        )
        axes.plot([low, high], [place, place], color=INK, linewidth=1.2, solid_capstyle="butt")
        promised = f", promised {row.limit.text}" if row.limit else ""
        if row.limit is not None:
            axes.plot([row.limit.value] * 2, [place - 0.42, place + 0.42], color=INK, linewidth=2.4)
        right = max(row.figure, high, row.limit.value if row.limit else 0.0)
        _note(axes, f"{number(row.figure)}{promised}", (right, place))
    axes.axvline(1, color=GREY, linewidth=0.9, linestyle="--", zorder=0)
    axes.set_yticks(list(places), [row.what for row in rows])
    axes.invert_yaxis()
    most = max(max(row.figure, row.spread[1], row.limit.value if row.limit else 0.0) for row in rows)
    axes.set_xlim(0, 1.6 * max(most, 1.0))
    axes.set_xlabel("ours / baseline (dashed); mark: promised, thin line: all repeats")
    axes.set_title("Against the baseline of the same run", loc="left", fontweight="bold")


def _waterfall(figure: Figure, row: Row) -> None:
    """The parts of the time from the end of speech to the first word, one after the other."""
    axes = figure.subplots()
    steps: Mapping[str, float] = row.details["waterfall"]
    at = 0.0
    for place, seconds in enumerate(steps.values()):
        axes.barh(place, seconds, left=at, height=0.62, color=_STEPS[place % len(_STEPS)], edgecolor="white")
        at += seconds
        _note(axes, f"{seconds:.2f} s", (at, place))
    axes.set_yticks(range(len(steps)), list(steps))
    axes.invert_yaxis()
    if row.limit is not None:
        axes.axvline(row.limit.value, color=INK, linewidth=2)
        axes.annotate(
            f"promised {row.limit.text} s", (row.limit.value, -0.62), (4, 0), textcoords="offset points", fontsize=9,
            annotation_clip=False,
        )  # fmt: skip
    axes.set_xlim(0, 1.25 * max(at, row.limit.value if row.limit else 0.0))
    axes.set_xlabel("seconds after the end of speech")
    axes.set_title(f"{row.what}: {number(row.figure)} s", loc="left", fontweight="bold", pad=14)


def _growth(figure: Figure, rows: Sequence[Row]) -> None:
    """Seconds and the most memory on logarithmic axes, one pair of axes a kind of work."""
    for place, (axes, row) in enumerate(zip(figure.subplots(1, len(rows), squeeze=False)[0], rows, strict=True)):
        grown = row.details["grown"]
        sizes = [one["size"] for one in grown]
        axes.loglog(sizes, [one["seconds"] for one in grown], "o-", color=BLUE, label="seconds")
        _proportional(axes, grown)
        beside = axes.twinx()
        beside.semilogx(sizes, [one["peak_mib"] for one in grown], "s--", color=RED, label="peak MiB")
        beside.set_ylim(0, 1.3 * max(one["peak_mib"] for one in grown) or 1)
        beside.spines["right"].set_visible(True)
        beside.tick_params(axis="y", colors=RED, labelsize=8)
        axes.tick_params(axis="both", labelsize=8)
        axes.tick_params(axis="y", colors=BLUE)
        axes.set_xlabel(str(row.details["of"]))
        axes.set_title(f"slope at the end {row.figure:.2f}", loc="left", fontsize=10)
        if place == 0:
            axes.set_ylabel("seconds", color=BLUE)
        if place == len(rows) - 1:
            beside.set_ylabel("most memory, MiB", color=RED)
    figure.suptitle("Cost as the work grows (dotted: in proportion)", x=0.01, ha="left", fontweight="bold", fontsize=12)


def _proportional(axes: Axes, grown: Sequence[Mapping[str, float]]) -> None:
    """A line of slope 1 through the last point."""
    first, last = grown[0], grown[-1]
    start = last["seconds"] * first["size"] / last["size"]
    axes.loglog([first["size"], last["size"]], [start, last["seconds"]], ":", color=GREY)
    floor = min(one["seconds"] for one in grown) / 2
    axes.set_ylim(bottom=10 ** math.floor(math.log10(floor)))
