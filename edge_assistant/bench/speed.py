"""Speed: the product against the baseline pipeline, cold process to full answer, alternating in one run."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_assistant.cli import given
from edge_assistant.errors import UsageError
from edge_assistant.signals import Kind

NAME = "speed"
HELP = "a question from cold process to full answer against the baseline pipeline, same weights"
EXTRA = "pip install 'edge-assistant-offline[bench]'"
REFERENCE = "faster-whisper-base"
QUESTION = "What is the patient allergic to?"
_POLL_S = 0.1  # between two looks at the memory of a process


@dataclass(frozen=True, slots=True)
class Run:
    """One cold process: seconds until it ended, and the most memory (PSS) it had, in MiB."""

    seconds: float
    peak_mib: float


def configure(parser: argparse.ArgumentParser) -> None:
    """The question, the signals and how often."""
    parser.add_argument("--question", default=QUESTION, metavar="Q", help=f"what is asked ({QUESTION!r})")
    parser.add_argument("--profile", metavar="NAME", help="which models")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="runs of each (5)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Measure and print; 0.

    Raises:
        UsageError: no signal is given, or what the baseline needs is not installed.
        ModelMissing: a model is missing.
    """
    signals = [(kind, path) for kind, path in args.given if kind is not Kind.VIDEO]
    if not signals:
        raise UsageError("no signal is given", "give some, such as --image examples/clinic/form.jpg")
    ours, theirs = _commands(args, signals)
    runs: dict[str, list[Run]] = {"product": [], "baseline": []}
    for number in range(args.repeats):
        print(f"round {number + 1} of {args.repeats}", file=sys.stderr)
        runs["product"].append(_measure(ours))
        runs["baseline"].append(_measure(theirs))
    figures = {name: _median(measured) for name, measured in runs.items()}
    ratio = figures["product"]["seconds"] / figures["baseline"]["seconds"]
    if args.json:
        print(json.dumps({"question": args.question, "repeats": args.repeats, "ratio": ratio, **figures}))
        return 0
    for name, figure in figures.items():
        print(f"{name:10} {figure['seconds']:6.2f} s, peak {figure['peak_mib']:.0f} MiB (PSS)")
    print(f"ratio      {ratio:6.2f}, medians of {args.repeats}, alternating")
    return 0


def _commands(args: argparse.Namespace, signals: Sequence[tuple[Kind, str]]) -> tuple[list[str], list[str]]:
    """The command lines of the product and of the baseline."""
    from edge_assistant.runtime import Runtime
    from edge_assistant_models.portfolio import Portfolio

    try:
        import faster_whisper  # noqa: F401 - only whether it is there
    except ImportError:
        raise UsageError("faster-whisper is not installed", f"install it: {EXTRA}") from None
    portfolio = Portfolio()
    profile = args.profile or args.settings.profile
    language = portfolio.open(portfolio.resolve(profile)["language"]).files["model"]
    speech = portfolio.open(REFERENCE).files["model"].parent
    options = [word for kind, path in signals for word in (f"--{kind}", path)]
    ours = [sys.executable, "-m", "edge_assistant.cli.main", "ask", args.question, "--json", "--profile", profile]
    theirs = [sys.executable, "-m", "edge_assistant.bench.pipeline", "--question", args.question]
    theirs += ["--language-model", str(language), "--speech-model", str(speech)]
    return ours + options, [*theirs, "--threads", str(Runtime.detect().threads), *options]


def _measure(command: Sequence[str]) -> Run:
    """Run a command to its end.

    Raises:
        UsageError: it failed.
    """
    began = time.perf_counter()
    # Without caches: what is measured is perceiving, and not that it was done before.
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "1", "EDGE_ASSISTANT_CACHE": "0"}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    peak: list[float] = [0.0]
    watcher = threading.Thread(target=_watch, args=(process.pid, peak, lambda: process.poll() is None))
    watcher.start()
    _, errors = process.communicate()
    watcher.join()
    seconds = time.perf_counter() - began
    if process.returncode != 0:
        last = errors.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
        raise UsageError(f"a measured command failed: {last[0]}", "run it by itself first")
    return Run(seconds, peak[0])


def _watch(pid: int, peak: list[float], running: Callable[[], bool]) -> None:
    """Keep the most memory that a process had: its proportional set size, mapped weights included."""
    path = Path(f"/proc/{pid}/smaps_rollup")
    while running():
        try:
            line = next(line for line in path.read_text().splitlines() if line.startswith("Pss:"))
        except (OSError, StopIteration):
            return
        peak[0] = max(peak[0], int(line.split()[1]) / 1024)
        time.sleep(_POLL_S)


def _median(runs: Sequence[Run]) -> dict[str, float]:
    return {
        "seconds": statistics.median(run.seconds for run in runs),
        "peak_mib": max(run.peak_mib for run in runs),
    }
