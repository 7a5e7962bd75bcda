"""The real command: in a process of its own, on a terminal, and with a resident."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge_assistant.resident import client

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
    """What a command did; `peak_mib` is its resident memory at most, None where that is not measured."""

    status: int
    out: str
    err: str
    peak_mib: int | None

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


TIMES = re.compile(r"\d+\.\d+ s\b|\"(total_s|first_token_s|tokens_per_s|reused_tokens|[a-z]+:\d+)\": [0-9.e-]+")


def told() -> dict[str, object]:
    """What the resident tells of itself; it runs."""
    found = client.status()
    assert found is not None
    return found


def now() -> dict[str, object]:
    """What it tells; nothing while it restarts."""
    with suppress(client.Unavailable):
        return client.status() or {}
    return {}


@contextmanager
def ended(command: Command) -> Iterator[None]:
    """Whatever happens, no resident is left behind."""
    try:
        yield
    finally:
        command("resident", "stop")


def holds(pid: int, text: str) -> bool:
    """Whether a process's memory has a text in it, in any of the ways in which Python keeps one."""
    wanted = [text.encode(), text.encode("utf-16-le"), text.encode("utf-32-le")]
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for line in maps:
            span, rights, *_, inode = line.split()[:5]
            begin, end = (int(part, 16) for part in span.split("-"))
            if "r" not in rights or inode != "0" or begin >= 1 << 63:
                continue
            try:
                memory.seek(begin)
                data = memory.read(end - begin)
            except OSError:
                continue
            if any(part in data for part in wanted):
                return True
    return False


# What a shell does: the command is a process group of its own in the foreground; once it is suspended the shell has the
# terminal until a key is pressed.
_SHELL = """
import os, signal, sys
terminal = os.open(sys.argv[1], os.O_RDWR)
for number in (0, 1, 2):
    os.dup2(terminal, number)
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
pid = os.fork()
if pid == 0:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.execv(sys.argv[2], sys.argv[2:])
while True:
    _, status = os.waitpid(pid, os.WUNTRACED)
    os.tcsetpgrp(0, os.getpgrp())
    if not os.WIFSTOPPED(status):
        code = os.waitstatus_to_exitcode(status)
        os._exit(code if code >= 0 else 128 - code)
    os.write(1, b"suspended")
    os.read(0, 1)
    os.tcsetpgrp(0, pid)
    os.killpg(pid, signal.SIGCONT)
"""


class Terminal:
    """A command on a terminal of its own; what it draws is collected.

    Attributes:
        before: the modes of the terminal before the command.
        seen: all that was drawn so far.
    """

    def __init__(self, *command: str | Path, environment: dict[str, str] | None = None) -> None:
        self.master, self._slave = pty.openpty()
        self.before = self.modes()
        self.seen = ""
        self.process = subprocess.Popen(
            [sys.executable, "-SIc", _SHELL, os.ttyname(self._slave), *map(str, command)],
            env={**os.environ, "TERM": "xterm-256color", **(environment or {})},
            start_new_session=True,
        )

    def modes(self) -> list[Any]:
        return termios.tcgetattr(self._slave)

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def read_until(self, pattern: str) -> re.Match[str]:
        """Wait until what is drawn matches, and return the match."""
        deadline = time.monotonic() + HANGS
        while not (found := re.search(pattern, self.seen, re.S)):
            assert time.monotonic() < deadline, f"{pattern!r} does not come: {self.seen!r}"
            self._read(0.1)
        return found

    def wait_until_gone(self, pid: int) -> None:
        """Wait for the end of a process that draws on the terminal."""
        deadline = time.monotonic() + HANGS
        while runs(pid):
            assert time.monotonic() < deadline, f"it does not end: {self.seen[-1000:]!r}"
            self._read(0.05)
        while self._read(0.05):
            pass

    def ended(self) -> int:
        """Wait for the command's end and return its status."""
        deadline = time.monotonic() + HANGS
        while self.process.poll() is None:
            assert time.monotonic() < deadline, f"it does not end: {self.seen!r}"
            self._read(0.05)
        while self._read(0.05):
            pass
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self._end()
            self.process.wait()
        os.close(self.master)
        os.close(self._slave)

    def _end(self) -> None:
        """Kill whatever is in the foreground, and the shell."""
        with contextlib.suppress(OSError):
            if group := os.tcgetpgrp(self.master):  # 0 as the shell ends: that would be the tests themselves
                os.killpg(group, signal.SIGKILL)
        self.process.kill()

    def _read(self, seconds: float) -> bool:
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        self.seen += os.read(self.master, 65536).decode("utf-8", "replace")
        return True


def at_terminal(
    arguments: Sequence[str | Path], answers: Sequence[tuple[str, str]] = (), prefix: Sequence[str] = ()
) -> tuple[int, str]:
    """Run the command on a terminal, and type each answer once its question is there; status and what was drawn."""
    screen, shown = Terminal(*prefix, *COMMAND, *arguments), ""
    try:
        for asked, typed in answers:
            screen.read_until(re.escape(asked))
            shown, screen.seen = shown + screen.seen, ""
            screen.press(f"{typed}\n")
        return screen.ended(), (shown + screen.seen).replace("\r\n", "\n")
    finally:
        screen.close()


def runs(pid: int) -> bool:
    """Whether a process runs; one that has ended stays visible where nobody asks for its status."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except FileNotFoundError:
        return not Path("/proc/self").exists()  # no /proc: it can be signalled, so it runs


def at_once(commands: Iterable[Sequence[str]]) -> list[str]:
    """What processes print that say that they are ready, then wait for the end of their standard input and go on."""
    waits, goes = os.pipe()
    started = [subprocess.Popen(one, stdin=waits, stdout=subprocess.PIPE, text=True) for one in commands]
    os.close(waits)
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    os.close(goes)
    return [process.communicate(timeout=HANGS)[0] for process in started]
