"""How far long work is: told by whoever does it, shown with the time left by whoever called."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TextIO

from edge_assistant.cli import terminal
from edge_assistant.core.signals import printable

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

LINE_EVERY_S = 3.0


@dataclass(frozen=True, slots=True)
class ProgressStep:
    """So much of one piece of work is done.

    Attributes:
        what: the work, such as "importance matrix".
        done: units done, from 0.
        total: units in all; 0 where nobody knows.
    """

    what: str
    done: int
    total: int


Watch = Callable[[ProgressStep], None]


def ignore(step: ProgressStep) -> None:
    """Progress that nobody watches."""


@contextmanager
def stage(what: str, watch: Watch) -> Iterator[None]:
    """Tell that a piece of work of one unit begins, and that it is done."""
    watch(ProgressStep(what, 0, 1))
    yield
    watch(ProgressStep(what, 1, 1))


def counted(what: str, size: int, watch: Watch) -> Callable[[int], None]:
    """A counter of bytes that tells each mebibyte once.

    Args:
        what: the work.
        size: bytes in all.
        watch: receives the steps.
    """
    total, told = max(1, size >> 20), -1

    def moved(done: int) -> None:
        nonlocal told
        units = total if done >= size else min(done >> 20, total - 1)
        if units != told:
            told = units
            watch(ProgressStep(what, units, total))

    return moved


def minutes(seconds: float) -> str:
    """A length of time for people.

    >>> minutes(3.2), minutes(75)
    ('0:03', '1:15')
    """
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


@contextmanager
def shown(*, plain: bool = False, stream: TextIO | None = None) -> Iterator[Watch]:
    """A watcher that shows steps on standard error until the block ends: a bar on a terminal, else plain lines."""
    out = stream or sys.stderr
    with ExitStack() as ends:
        yield _bars(out, ends) if terminal.redraws(out, plain=plain) else _lines(out)


def _bars(out: TextIO, ends: ExitStack) -> Watch:
    """A watcher that shows a bar for each piece of work, from the first step on."""
    tasks: dict[str, TaskID] = {}

    @cache
    def bars() -> Progress:
        from rich import progress
        from rich.console import Console

        columns = progress.TextColumn("{task.description}"), progress.BarColumn(), progress.MofNCompleteColumn()
        console = Console(file=out, no_color=not terminal.colours(out))
        made = progress.Progress(*columns, progress.TimeRemainingColumn(), console=console, speed_estimate_period=600)
        return ends.enter_context(made)

    def watch(step: ProgressStep) -> None:
        if step.what not in tasks:
            tasks[step.what] = bars().add_task(printable(step.what), total=step.total or None)
        bars().update(tasks[step.what], completed=step.done, total=step.total or None)

    return watch


def _lines(out: TextIO) -> Watch:
    """A watcher that prints a line at the beginning of a piece of work, now and then, and at its end."""
    begun: dict[str, float] = {}
    first: dict[str, tuple[float, int]] = {}  # the time after the first units, in which a model is loaded, and how many
    said: dict[str, float] = {}

    def watch(step: ProgressStep) -> None:
        now, new = time.monotonic(), step.what not in begun
        began = begun.setdefault(step.what, now)
        if step.done:
            first.setdefault(step.what, (now, step.done))
        ends = bool(step.total) and step.done >= step.total
        if not new and not ends and now - said[step.what] < LINE_EVERY_S:
            return
        said[step.what], line = now, step.what
        if ends:
            line += f": done in {minutes(now - began)}"
            del begun[step.what], first[step.what]
        elif step.done and step.total:
            line += f": {step.done} of {step.total}"
            since, at = first[step.what]
            if step.done > at:
                line += f", about {minutes((now - since) * (step.total - step.done) / (step.done - at))} left"
        print(printable(line), file=out, flush=True)

    return watch
