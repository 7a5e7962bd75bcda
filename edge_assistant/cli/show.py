"""What a person sees of an answer: progress on stderr, sentences and sources on stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from edge_assistant.cli import terminal
from edge_assistant.core.answer import Agreement, Answer, Verdict
from edge_assistant.core.events import (
    Compared,
    Event,
    Failed,
    Noted,
    Perceived,
    Perceiving,
    Reading,
    Said,
    Thinking,
    Traced,
    Waiting,
)
from edge_assistant.core.evidence import UNSURE, Evidence, how_sure
from edge_assistant.core.signals import printable

if TYPE_CHECKING:
    from rich.status import Status

_BOLD, _DIM, _RED, _GREEN, _RESET = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[0m"
_WORD = max(len(status.word) for status in Agreement)  # columns of the word of a verdict
_COLOUR = {Agreement.CONFLICT: _RED, Agreement.AGREE: _GREEN}


class Console:
    """Prints events as they come; a context, so that the progress line is gone when an error is printed."""

    def __init__(self, *, plain: bool, quiet: bool, trace: bool = False) -> None:
        """Look at where the output goes.

        Args:
            plain: no colour and no redrawn lines.
            quiet: nothing on stdout; the caller prints JSON there.
            trace: what each stage took in and came to, on stderr.
        """
        self._quiet = quiet
        self._trace = trace
        self._redraw = terminal.redraws(sys.stderr, plain=plain)
        self._colour = terminal.colours(sys.stdout, plain=plain)
        self._status: Status | None = None
        self._begun: set[str] = set()  # what was said to go on, where lines cannot be redrawn
        self._stages: list[dict[str, Any]] = []

    def __enter__(self) -> Console:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def watch(self, event: Event) -> None:
        """Show one event."""
        match event:
            case Perceiving(signal, sense, fraction):
                self._progress(f"{signal}: {sense}", fraction)
            case Perceived(signal, sense, evidence, seconds):
                self._line(f"{signal}: {sense} found {len(evidence)} pieces of evidence in {seconds:.1f} s")
                self._traced(f"[{item.id}] {item.locator}: {' '.join(item.text.split())}" for item in evidence)
            case Traced(stage, signal, lines) if self._trace:
                self._stages.append({"stage": stage, "signal": signal, "lines": list(lines)})
                self._line(f"{signal}: {stage}" if signal else stage)
                self._traced(lines)
            case Compared(verdict) if self._trace:
                self._line("verdict")
                self._traced([f"{verdict.status.word}: {_verdict(verdict)}"])
            case Waiting():
                self._line("waits: another edge-assistant is computing")
            case Thinking():
                self._progress("thinking", None)
            case Reading(signal):
                self._progress(f"{signal}: the language model reads", None)
            case Noted(signal, text):
                self._line(f"{signal}: note: {text}")
            case Failed(failure):
                self._line(f"{failure.signal}: error: {failure.message} - {failure.hint}")
            case Said(text) if not self._quiet:
                self.clear()
                print(printable(text), flush=True)
            case _:
                pass

    def json(self, answer: Answer) -> None:
        """Print the contract's object, with what the stages of the reasoning came to where that was asked for."""
        found = answer.to_json() | ({"trace": self._stages} if self._trace else {})
        json.dump(found, sys.stdout, allow_nan=False)
        sys.stdout.write("\n")

    def note(self, text: str) -> None:
        """Say something of the whole answer on stderr, behind it; an empty text is nothing."""
        if text:
            self._line(f"note: {text}")

    def sources(self, answer: Answer) -> None:
        """Print what the answer rests on, and how it compares."""
        by_id = {item.id: item for item in answer.evidence}
        names = {signal.id: signal.name for signal in answer.signals}
        self._unquoted(answer)
        if answer.citations:
            print(f"\n{self._paint('Sources', _BOLD)}")
        for id in answer.citations:
            print(f"  [{id}] {source(answer, by_id[id], names)}")
        for computation in answer.computed:
            rests = "".join(f"[{id}]" for id in computation.evidence)
            print(printable(f"  [{computation.id}] {computation.formula} = {computation.value}, from {rests}"))
        if answer.verdicts:
            print(f"\n{self._paint('Verdicts', _BOLD)}")
        for verdict in answer.verdicts:
            print(f"  {self._status_of(verdict)}  {_verdict(verdict)}")
        print(self._paint(f"\n{answer.route.path}: {answer.route.why}; {answer.timings.total_s:.1f} s", _DIM))

    def comparison(self, answer: Answer) -> None:
        """Print the verdicts of a comparison as a table: attribute by attribute, what each signal says, and where."""
        by_id = {item.id: item for item in answer.evidence}
        names = {signal.id: signal.name for signal in answer.signals}
        self._unquoted(answer)
        for verdict in answer.verdicts:
            print(f"\n{self._status_of(verdict)}  {printable(verdict.matter)}")
            for told in verdict.values:
                for id in told.evidence:
                    print(f"  {printable(told.value)}  [{id}] {source(answer, by_id[id], names)}")
        print(self._paint(f"\n{answer.route.path}: {answer.route.why}; {answer.timings.total_s:.1f} s", _DIM))

    def _unquoted(self, answer: Answer) -> None:
        for line in answer.unquoted:
            print(printable(line))

    def _status_of(self, verdict: Verdict) -> str:
        return self._paint(f"{verdict.status.word:{_WORD}}", _COLOUR.get(verdict.status, ""))

    def _traced(self, lines: Iterable[str]) -> None:
        for line in lines if self._trace else ():
            self._line(f"    {line}")

    def _paint(self, text: str, code: str) -> str:
        return f"{code}{text}{_RESET}" if self._colour and code else text

    def _progress(self, text: str, fraction: float | None) -> None:
        """Redraw the progress line, or print a line once where lines cannot be redrawn."""
        if not self._redraw:
            if text not in self._begun:
                self._line(f"{text} ...")
                self._begun.add(text)
            return
        percent = "" if fraction is None or not 0 < fraction < 1 else f" {fraction:.0%}"
        if self._status is None:
            from rich.console import Console as RichConsole
            from rich.status import Status

            self._status = Status("", console=RichConsole(stderr=True, no_color=not terminal.colours(sys.stderr)))
            self._status.start()
        self._status.update(f"{printable(text)}{percent}")

    def _line(self, text: str) -> None:
        self.clear()
        _print(printable(text), sys.stderr)

    def clear(self) -> None:
        """Take the progress line away, as before something is asked on the terminal."""
        if self._status is not None:
            self._status.stop()
            self._status = None


def _print(text: str, stream: TextIO) -> None:
    print(text, file=stream, flush=True)


def source(answer: Answer, item: Evidence, names: dict[str, str]) -> str:
    """One source: signal, file, where, how surely, what."""
    from edge_assistant.reasoning import attribution

    doubt = " (uncertain)" if item.confidence is not None and item.confidence < UNSURE else ""
    place = attribution.place(answer, item)
    where = f"{item.signal} {names.get(item.signal, '')}, {place}{how_sure(item.confidence)}{doubt}"
    return printable(f"{where}: {attribution.excerpt(answer, item)}")


def _verdict(verdict: Verdict) -> str:
    return printable(f"{verdict.matter}: {verdict.shown}")
