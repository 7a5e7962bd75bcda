"""A question from cold process to full answer, against the baseline pipeline with the same weights."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import partial

from edge_assistant.core.errors import UsageError
from evals.speed.part import EXTRA, Setting
from evals.speed.process import OURS, Run, alternating, clear_caches
from evals.speed.process import measure as run_command
from evals.speed.rows import Limit, Row

NAME = "question"
HELP = "a question over the signals, from cold process to full answer, and the most memory"
SECONDS = (75.0, 30.0)
ORDER = 1
SIGNALS = True
AGAINST = "baseline pipeline, same weights"
REFERENCE = "faster-whisper-base"
_MOST = 0.35


def measure_both(setting: Setting) -> dict[str, list[Run]]:
    """Runs of the product, over new signals and over those seen before, and of the baseline, alternating.

    Raises:
        UsageError: what the baseline needs is not installed, or one failed.
        ModelError: a model is missing.
    """
    ours, theirs = product(setting), baseline(setting)
    ways = {
        "product": partial(cold, ours),
        "again": partial(run_command, ours),
        "baseline": partial(run_command, theirs),
    }
    for way in ways.values():
        way()  # brings the weights into the page cache for both, and makes the keys of a new home
    return alternating(setting.repeats, ways, setting.step)


def cold(command: Sequence[str]) -> Run:
    """A command that finds nothing that an earlier one kept."""
    clear_caches()
    return run_command(command)


def rows(runs: dict[str, list[Run]]) -> Iterator[Row]:
    """The rows of such runs; `again` finds what the cold run before it kept of the signals."""
    ours, theirs = runs["product"], runs["baseline"]
    seconds = tuple(run.seconds for run in ours), tuple(run.seconds for run in theirs)
    yield Row("question.time", "a question, cold process to full answer", "s", *seconds, AGAINST, limit=Limit(_MOST))
    seen = tuple(run.seconds for run in runs["again"])
    yield Row("question.again", "the same, signals seen before, cold process", "s", seen, seconds[1], AGAINST)
    peaks = tuple(run.peak_mib for run in ours), tuple(run.peak_mib for run in theirs)
    if all(peaks[0] + peaks[1]):
        yield Row("question.memory", "the most memory (PSS) of that question", "MiB", *peaks, AGAINST)


def measure(setting: Setting) -> Iterator[Row]:
    """Measure."""
    yield from rows(measure_both(setting))


def product(setting: Setting) -> list[str]:
    """The command line of the product."""
    return [*OURS, "ask", setting.question, "--json", "--profile", setting.profile, *signals(setting)]


def baseline(setting: Setting) -> list[str]:
    """The command line of the baseline.

    Raises:
        UsageError: what it needs is not installed.
        ModelError: a model is missing.
    """
    from edge_assistant.compute.runtime import Runtime

    try:
        import faster_whisper  # noqa: F401 - only whether it is there
        import rapidocr  # noqa: F401
    except ImportError:
        raise UsageError("faster-whisper or rapidocr is not installed", f"install them: {EXTRA}") from None
    portfolio = setting.portfolio
    language = portfolio.open(portfolio.resolve(setting.profile)["language"]).files["model"]
    speech = portfolio.open(REFERENCE).files["model"].parent
    command = [sys.executable, "-m", "evals.pipeline", "--question", setting.question]
    command += ["--language-model", str(language), "--speech-model", str(speech)]
    return [*command, "--threads", str(Runtime.detect().threads), *signals(setting)]


def signals(setting: Setting) -> list[str]:
    """The signals as options."""
    return [word for kind, path in setting.signals for word in (f"--{kind}", path)]
