"""The parts one after the other: in a home of their own, kept as they come, with what was computed beside them."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from edge_assistant.core.errors import EdgeAssistantError, ModelError, UsageError, VoiceUnavailable
from edge_assistant.core.signals import Kind
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_models.store import ModelState
from evals.speed import clinic, machine
from evals.speed.part import QUICK_REPEATS, REPEATS, Part, Setting, parts
from evals.speed.process import clear_caches, temporary_home
from evals.speed.report import Report, resume

Signals = tuple[tuple[Kind, str], ...]


def run(args: argparse.Namespace, signals: Signals, folder: Path) -> Report:
    """Measure the parts that are asked for.

    Args:
        args: the options.
        signals: kind and path of each that was given.
        folder: for what is made.

    Raises:
        UsageError, ModelError, VoiceUnavailable: a part that was named cannot be measured.
        StorageFull: the figures cannot be kept.
    """
    chosen = _chosen(args)
    profile = args.profile or args.settings.profile
    portfolio = Portfolio()
    report = Report(_settings(args, profile, signals), machine.facts(_models(portfolio, profile)))
    report = resume(args.out, report, list(chosen))
    _report_resumed(report, args.out)
    with temporary_home(folder):
        left = {name: part for name, part in chosen.items() if name not in report.parts}
        if not signals and any(part.SIGNALS for part in left.values()):
            signals = clinic.signals(portfolio, folder)
        progress = Progress({name: part.SECONDS[args.quick] for name, part in left.items()}, sys.stderr)
        for name, part in left.items():
            step = progress.begin(name)
            recordings = args.speech
            repeats = args.repeats or (QUICK_REPEATS if args.quick else REPEATS)
            setting = Setting(portfolio, profile, args.question, signals, repeats, args.quick, folder, recordings, step)
            _measure(part, setting, report, args)
            progress.end()
    return report


def _measure(part: Part, setting: Setting, report: Report, args: argparse.Namespace) -> None:
    """Measure a part and keep it; one that cannot be measured is left out where all were asked for."""
    began, before = time.monotonic(), machine.Clock.now()
    try:
        clear_caches()
        for row in part.measure(setting):
            report.rows.append(row)
            _keep(report, args.out)
    except (UsageError, ModelError, VoiceUnavailable) as error:
        if not args.all:
            raise
        report.left_out[part.NAME] = (
            f"{error.message} - {error.hint}" if isinstance(error, EdgeAssistantError) else str(error)
        )
        print(f"{part.NAME} is left out: {error}", file=sys.stderr)
    else:
        now = machine.Clock.now()
        others = None if before is None or now is None else round(now.others_since(before, sum(setting.apart)), 2)
        report.parts[part.NAME] = {"seconds": round(time.monotonic() - began, 1), "others_cores": others}
    _keep(report, args.out)


def _keep(report: Report, path: Path | None) -> None:
    if path is not None:
        report.save(path)


def _chosen(args: argparse.Namespace) -> dict[str, Part]:
    """The parts that are asked for: all, those that are named, or the cold question."""
    found = parts()
    if args.all:
        return found
    named = args.part or ["question"]
    return {name: part for name, part in found.items() if name in named}


def _settings(args: argparse.Namespace, profile: str, signals: Signals) -> Mapping[str, Any]:
    return {
        "profile": profile,
        "question": args.question,
        "signals": [f"{kind}:{Path(path).name}" for kind, path in signals],
        "speech": args.speech.name if args.speech else None,
        "repeats": args.repeats or (QUICK_REPEATS if args.quick else REPEATS),
        "quick": args.quick,
    }


def _models(portfolio: Portfolio, profile: str) -> Sequence[Any]:
    """The profile's models that are installed, verified."""
    names = portfolio.resolve(profile).values()
    return [portfolio.open(name) for name in names if portfolio.state(name) is ModelState.INSTALLED]


def _report_resumed(report: Report, path: Path | None) -> None:
    if report.parts and path is not None:
        kept = ", ".join(report.parts)
        print(f"{kept}: measured {report.machine['when']}, taken from {path.name}", file=sys.stderr)


_TELL_S = 5.0  # seconds between two lines


class Progress:
    """Tells on a stream, one line now and then.

    Args:
        seconds: that each part takes, in their order.
        stream: where to tell.
        clock: seconds, growing.
    """

    def __init__(
        self, seconds: Mapping[str, float], stream: TextIO, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = dict(seconds)
        self._stream, self._clock = stream, clock
        self._done: dict[str, float] = {}  # seconds that parts really took
        self._told = -_TELL_S
        self._part, self._began = "", 0.0

    def begin(self, part: str) -> Callable[[float], None]:
        """A part begins; what is returned is called with 0..1 as it goes on."""
        self._part, self._began = part, self._clock()
        self._told = self._began - _TELL_S
        self.step(0.0)
        return self.step

    def end(self) -> None:
        """The part is done."""
        self._done[self._part] = self._clock() - self._began

    def step(self, fraction: float) -> None:
        """So much of the part is done."""
        now = self._clock()
        if now - self._told < _TELL_S:
            return
        self._told = now
        minutes, seconds = divmod(round(self.left(fraction)), 60)
        head = f"[{len(self._done) + 1}/{len(self._seconds)}] {self._part}: {fraction:.0%}"
        print(f"{head}, about {minutes}:{seconds:02d} left", file=self._stream, flush=True)

    def left(self, fraction: float) -> float:
        """Seconds until the end."""
        taken = self._clock() - self._began
        own = self._seconds[self._part]
        expected = sum(self._seconds[name] for name in self._done) + own * fraction
        pace = (sum(self._done.values()) + taken) / expected if expected and fraction else self._pace()
        names = list(self._seconds)
        rest = sum(self._seconds[name] for name in names[names.index(self._part) + 1 :])
        return pace * (rest + own * (1 - fraction))

    def _pace(self) -> float:
        expected = sum(self._seconds[name] for name in self._done)
        return sum(self._done.values()) / expected if expected else 1.0
