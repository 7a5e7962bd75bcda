"""The real command in a process of its own, with its exit status, its output and the most memory that it held."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

COMMAND = (sys.executable, "-m", "edge_assistant.cli.main")
HANGS = 240.0  # seconds after which a command is taken for hanging; the slowest that tests run takes a tenth of it

# The memory of whoever starts a process counts as its own peak, so a small one stands between pytest and the command.
_MEASURE = """
import os, sys
child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
with open(sys.argv[1], "w") as report:
    report.write(f"{os.waitstatus_to_exitcode(status)} {usage.ru_maxrss // 1024}")
"""


def unprivileged() -> tuple[str, ...]:
    """What a command begins with so that permissions hold for it: root reads and writes everything without it."""
    return ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()


@dataclass(frozen=True)
class Ran:
    """What a command did; `peak_mib` is its resident memory at most."""

    status: int
    out: str
    err: str
    peak_mib: int

    @property
    def lines(self) -> list[str]:
        """What a person sees."""
        return self.err.splitlines() + self.out.splitlines()

    @property
    def object(self) -> dict[str, Any]:
        """The one JSON object that stdout holds, on one line."""
        assert self.out.count("\n") == 1, self
        found: dict[str, Any] = json.loads(self.out)
        return found


Here = Callable[..., Ran]
"""Runs the command in this process."""


@dataclass(frozen=True)
class Command:
    """Runs `edge-assistant`; reports go to a folder of its own."""

    folder: Path

    def __call__(self, *arguments: str | Path, prefix: Sequence[str] = (), hangs: float = HANGS) -> Ran:
        """Run to the end; `prefix` is a program that starts the command, as `sh -c` with a redirection."""
        report = self.folder / "report"
        process = subprocess.Popen(
            [sys.executable, "-SIc", _MEASURE, str(report), *prefix, *COMMAND, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(os.environ),  # without what llama.cpp adds to it where other tests load that here
            start_new_session=True,
        )
        try:
            out, err = process.communicate(timeout=hangs)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            pytest.fail(f"the command hangs: {arguments!r}")
        status, peak = report.read_text().split()
        return Ran(int(status), out.decode(), err.decode(), int(peak))

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start, with pipes for both outputs; Ctrl-C reaches it even where whoever runs the tests ignores it."""
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(os.environ),
            text=True,
        )


@dataclass(frozen=True)
class Documented:
    """A row of docs/bad-input.md or docs/bad-input-details.md: what is promised."""

    status: int
    said: str
    long: bool

    def is_in(self, lines: Sequence[str]) -> bool:
        """Whether one of the lines is what is said; `...` stands for anything."""
        pattern = re.compile(re.escape(self.said).replace(re.escape("..."), ".*"))
        return any(pattern.fullmatch(line) for line in lines)


def documented(root: Path) -> dict[str, dict[str, Documented]]:
    """The rows by heading and by what is given."""
    pages = [(root / "docs" / name).read_text("utf-8") for name in ("bad-input.md", "bad-input-details.md")]
    parts = [part for page in pages for part in page.split("\n## ")[1:]]
    row = re.compile(r"^\| ([^|]+?)( \*\(long\)\*)? \| (\d+) \| `(.+)` \|$", re.M)
    return {
        part.partition("\n")[0]: {
            given: Documented(int(status), said, bool(long)) for given, long, status, said in row.findall(part)
        }
        for part in parts
    }
