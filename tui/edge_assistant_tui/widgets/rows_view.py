"""Readings: a curve with the cited rows marked, and the rows around them as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from edge_assistant_tui.widgets.view import View

if TYPE_CHECKING:
    from edge_assistant_tui.exhibits import Exhibit
    from edge_assistant_tui.rendering.decoder import Decoded
    from edge_assistant_tui.rendering.tables import Curve, Rows
    from edge_assistant_tui.terminal import Terminal

_ABOVE = 2  # rows that are seen above the cited ones
_WIDEST = 24  # cells of a column
_LABEL = 26  # cells for a time under the curve and the gap beside it; more make plotext leave some out, any of them
_MARK = "●"


class RowsView(View):
    """A curve over a table."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "whole", "Whole/part"),
        Binding("c", "column", "Column"),
    ]

    def __init__(self, exhibit: Exhibit, terminal: Terminal) -> None:
        super().__init__(exhibit, terminal)
        self.whole = False
        self.step = 0

    def compose(self) -> ComposeResult:
        """The curve, the head of the table, the rows."""
        yield Container(classes="curve")
        yield Static("", classes="head")
        with VerticalScroll(classes="rows"):
            yield Static("", classes="table")

    def on_mount(self) -> None:
        """Up and down move the table."""
        self.query_one(VerticalScroll).focus()

    def on_resize(self) -> None:
        """As many points as there is room for."""
        self._draw()

    def action_whole(self) -> None:
        """The curve of all rows, or of those around the cited ones."""
        self.whole = not self.whole
        self._draw()

    def action_column(self) -> None:
        """The next column."""
        self.step += 1
        self._draw()

    async def show(self, made: object) -> None:
        """The rows are there."""
        from edge_assistant_tui.rendering.tables import Rows

        if not isinstance(made, Rows):
            return
        await self._plot(made)
        columns = _fitting(made, self.size.width - 2)
        self.query_one(".head", Static).update(columns.line("  row", "time", made.columns, "bold"))
        lines = [
            columns.line(f"{'▶' if cited else ' '} {row}", time, cells, "bold $text-accent" if cited else "")
            for row, time, cells, cited in made.cells
        ]
        note = f"\n{made.left_out:,} rows in between are not shown" if made.left_out else ""
        self.query_one(".table", Static).update(Content("\n").join(lines) + Content(note))
        first = next((at for at, (_, _, _, cited) in enumerate(made.cells) if cited), 0)
        scroll = self.query_one(VerticalScroll)
        self.call_after_refresh(scroll.scroll_to, y=max(0, first - _ABOVE), animate=False)

    def _draw(self) -> None:
        signal = self.exhibit.signal
        if signal is None or not self.size.width:
            return
        from edge_assistant_tui.rendering.tables import TableRequest, rows

        spans = tuple(place.rows for place in self.exhibit.places if place.rows is not None)
        width = self.size.width
        wanted = TableRequest(
            spans, self.exhibit.column, self.step, self.whole, max(40, 2 * width), max(1, (width - 10) // _LABEL)
        )

        def job(decoded: Decoded) -> Rows:
            import textual_plotext  # noqa: F401 - loaded here, for it takes a while

            return rows(decoded.table(signal), wanted)

        self.want(job)

    async def _plot(self, made: Rows) -> None:
        from textual_plotext import PlotextPlot

        place = self.query_one(".curve", Container)
        if made.curve is None:
            await place.remove_children()
            await place.mount(Static(Content(f"{made.columns[made.chosen]} holds no numbers to draw")))
            return
        plots = place.query(PlotextPlot)
        if not plots:
            await place.remove_children()
            await place.mount(PlotextPlot())
            plots = place.query(PlotextPlot)
        plot = plots.first()
        _plotted(plot.plt, made.curve, self.app.theme_variables)
        plot.refresh()


def _plotted(plt: Any, curve: Curve, theme: dict[str, str]) -> None:  # noqa: ANN401 - plotext is not typed
    """Draw a curve, and marks on what is cited."""
    plt.clear_data()
    plt.title(f"{curve.name}   {_MARK} cited")
    x, y = zip(*curve.points, strict=True)
    plt.plot(x, y, marker="braille", color=Color.parse(theme["primary"]).rgb)
    if curve.marked:
        x, y = zip(*curve.marked, strict=True)
        plt.scatter(x, y, marker=_MARK, color=Color.parse(theme["error"]).rgb)
    plt.xticks([at for at, _ in curve.labels], [time for _, time in curve.labels])


class _Columns:
    """Which columns fit, and how wide each is."""

    def __init__(self, row: int, time: int, chosen: list[tuple[int, int]]) -> None:
        self._row, self._time, self._chosen = row, time, chosen

    def line(self, row: str, time: str, cells: tuple[str, ...], style: str) -> Content:
        """One line of the table."""
        parts = [row.rjust(self._row), time.ljust(self._time)]
        parts += [_cut(cells[at], width).rjust(width) for at, width in self._chosen]
        return Content.styled("  ".join(parts), style)


def _fitting(made: Rows, room: int) -> _Columns:
    """The column of the curve first, then as many others as there is room for."""
    row = max([5] + [len(str(number)) + 2 for number, *_ in made.cells])
    time = max([4] + [len(time) for _, time, *_ in made.cells])
    room -= row + 2 + time
    chosen: list[tuple[int, int]] = []
    for at in (made.chosen, *(at for at in range(len(made.columns)) if at != made.chosen)):
        width = min(_WIDEST, max([len(made.columns[at])] + [len(cells[at]) for _, _, cells, _ in made.cells]))
        if chosen and room < width + 2:
            break
        chosen.append((at, width))
        room -= width + 2
    return _Columns(row, time, chosen)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
