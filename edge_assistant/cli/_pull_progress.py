"""How a pull is shown on stderr: bars with the time left on a terminal, plain lines everywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from edge_assistant.cli import terminal
from edge_assistant.core.signals import printable
from edge_assistant_models import transfer
from edge_assistant_models.transfer import mebibytes

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

LINE_EVERY_S = 3.0


@contextmanager
def shown(plain: bool) -> Iterator[transfer.Watch]:
    """A watcher that shows events until the block ends."""
    if not terminal.redraws(sys.stderr, plain=plain):
        yield PullLines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    name = TextColumn("[progress.description]{task.description}", markup=True)
    columns = (name, BarColumn(), DownloadColumn(binary_units=True), TimeRemainingColumn())
    with Progress(
        *columns, console=Console(stderr=True, no_color=not terminal.colours(sys.stderr)), speed_estimate_period=120
    ) as bars:
        yield Bars(bars)


class _Notes:
    """What is said in a line of its own, each thing once."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def note(self, event: transfer.Event) -> str:
        """A line about an event, or nothing."""
        match event:
            case transfer.PullWaiting():
                line = f"{event.model}: waiting for another process that pulls it"
            case transfer.Refusal():
                line = f"{event.source} gives nothing: {event.reason}"
            case transfer.Converting():
                line = f"{event.model}: converting"
            case transfer.Skipped():
                line = f"{event.model} ({event.role}) is left out: {event.reason.partition(' (')[0]}"
            case transfer.ModelReady():
                line = f"{event.model} is {'there already' if event.already else 'ready'}"
            case _:
                return ""
        first = line not in self._said
        self._said.add(line)
        return line if first else ""


class PullLines:
    """Plain lines, few enough for a screen reader or a log."""

    def __init__(self) -> None:
        self._notes = _Notes()
        self._begun: dict[tuple[str, str], tuple[float, int]] = {}
        self._said = time.monotonic()

    def __call__(self, event: transfer.Event) -> None:
        """Print what there is to say about an event."""
        if isinstance(event, transfer.Trying):
            line = f"{event.model}: {event.file} from {event.source}"
        elif isinstance(event, transfer.Moved):
            line = self._moved(event)
        else:
            line = self._notes.note(event)
        if line:
            self._said = time.monotonic()
            print(printable(line), file=sys.stderr, flush=True)

    def _moved(self, event: transfer.Moved) -> str:
        """How far a file is, where the last line is a while ago."""
        now = time.monotonic()
        begun, before = self._begun.setdefault((event.model, event.file), (now, event.done))
        if now - self._said < LINE_EVERY_S or event.done in {before, event.total}:
            return ""
        left = (now - begun) * (event.total - event.done) / (event.done - before)
        share = event.done * 100 // event.total
        return f"{event.model}: {event.file} {share} % of {mebibytes(event.total)}, about {left:.0f} s left"


class Bars:
    """One bar a file."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._notes = _Notes()
        self._tasks: dict[tuple[str, str], TaskID] = {}

    def __call__(self, event: transfer.Event) -> None:
        """Move a bar, or print a line above the bars."""
        if isinstance(event, transfer.Trying):
            task = self._task(event.model, event.file)
            from rich.markup import escape

            self._bars.update(task, description=f"{event.model} [dim]{escape(printable(event.source))}[/dim]")
        elif isinstance(event, transfer.Moved):
            self._bars.update(self._task(event.model, event.file), completed=event.done, total=event.total)
        else:
            if line := self._notes.note(event):
                self._bars.console.print(printable(line), markup=False, highlight=False)
            if isinstance(event, transfer.ModelReady):
                self._close(event.model)

    def _task(self, model: str, file: str) -> TaskID:
        if (model, file) not in self._tasks:
            self._tasks[model, file] = self._bars.add_task(model, total=None)
        return self._tasks[model, file]

    def _close(self, model: str) -> None:
        """Take a model's bars away."""
        for key in [key for key in self._tasks if key[0] == model]:
            self._bars.remove_task(self._tasks.pop(key))
