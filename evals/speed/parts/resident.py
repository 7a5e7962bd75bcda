"""The same question where a resident process keeps the models: what is new is perceived, what was seen is known."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from edge_assistant.core.errors import UsageError
from edge_assistant.core.signals import Kind
from evals.speed.machine import cpu_seconds
from evals.speed.part import Setting
from evals.speed.parts import question
from evals.speed.process import OURS, Run, Watched, alternating
from evals.speed.process import measure as run_command
from evals.speed.rows import Limit, Row

NAME = "resident"
HELP = "the same question while a resident process keeps the models, over new signals and over those seen before"
SECONDS = (140.0, 80.0)
ORDER = 2
SIGNALS = True
_MOST = 0.20
_PROFILE = "EDGE_ASSISTANT_PROFILE"


def measure(setting: Setting) -> Iterator[Row]:
    """Measure."""
    with running_resident(setting) as pid, Watched(pid) as watched:
        new, seen = 0, replace(setting, signals=_copies(setting, 0))
        for command in (question.product(seen), question.baseline(setting)):
            run_command(command)  # brings the weights into the page cache for both

        def over_new() -> Run:
            nonlocal new
            new += 1
            return run_command(question.product(replace(setting, signals=_copies(setting, new))))

        ways: dict[str, Callable[[], Run]] = {
            "new": over_new,
            "seen": partial(run_command, question.product(seen)),
            "baseline": partial(run_command, question.baseline(setting)),
        }
        runs = alternating(setting.repeats, ways, setting.step)
        setting.apart.append(cpu_seconds(pid))
    seconds = {name: tuple(run.seconds for run in some) for name, some in runs.items()}
    peak = {"resident_peak_mib": watched.peak_mib}
    yield Row(
        "resident.time", "the same, resident, new signals", "s", seconds["new"], seconds["baseline"],
        question.AGAINST, limit=Limit(_MOST), details=peak,
    )  # fmt: skip
    yield Row(
        "resident.again", "the same, resident, seen before", "s", seconds["seen"], seconds["baseline"],
        question.AGAINST,
    )  # fmt: skip


@contextmanager
def running_resident(setting: Setting) -> Iterator[int]:
    """A resident with its models in memory; its process's number.

    Raises:
        UsageError: it cannot run on this machine, or there is no such verb.
    """
    try:
        run_command([*OURS, "resident", "start"], {_PROFILE: setting.profile})
        yield int(json.loads(run_command([*OURS, "resident", "status", "--json"]).out)["pid"])
    finally:
        with suppress(UsageError):  # none runs where it could not start
            run_command([*OURS, "resident", "stop"])


def _copies(setting: Setting, number: int) -> tuple[tuple[Kind, str], ...]:
    """The signals as other bytes with the same content: a line more at the end, which no format minds."""
    found = []
    for place, (kind, path) in enumerate(setting.signals):
        copy = setting.folder / f"copy-{number}-{place}{Path(path).suffix}"
        shutil.copyfile(path, copy)
        with copy.open("ab") as stream:
            stream.write(b"\n" * number)
        found.append((kind, str(copy)))
    return tuple(found)
