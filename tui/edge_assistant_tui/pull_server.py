"""The launcher's side of the pipes: one kind of request, {"pull": NAME}, each pull in a process of its own.

A request is a line of JSON, an object with the one key `pull`. Its value is the name of a model or profile of the
catalog, or null to stop the pull that runs. What comes back are lines of JSON: {"line": TEXT} as the pull goes on, then
{"status": N}, the exit status of `edge-assistant models pull`. A request that is refused gets
{"status": 2, "error": TEXT, "hint": TEXT}.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

from edge_assistant.core.errors import EdgeAssistantError, UsageError
from edge_assistant.core.signals import printable
from edge_assistant.governance.policy.policy import current
from edge_assistant_tui.options import PIPES, VARIABLE

PULL = (sys.executable, "-P", "-m", "edge_assistant_tui.pull")
MAX_REQUEST = 256  # bytes; a name has at most 100
_MAX_LINE = 2000  # characters of a line of progress
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_ENDS_S = 5.0  # for a pull to write down how far it is before it is killed


class Server:
    """Answers the app's requests until its pipe ends."""

    def __init__(self, requests: int, answers: int) -> None:
        """Take the launcher's ends of the pipes.

        Args:
            requests: descriptor that the app's requests are read from.
            answers: descriptor that answers are written to.
        """
        self._requests = requests
        self._answers = answers
        self._pull: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._writing = threading.Lock()

    def serve(self) -> None:
        """Answer requests, one after the other; a pull goes on beside them."""
        for line in _lines(self._requests):
            try:
                self._answer(_requested(line))
            except EdgeAssistantError as error:
                self._say({"status": error.exit_status, "error": error.message, "hint": error.hint})
            except OSError as error:
                what = f"no pull can be started ({error.strerror})"
                self._say({"status": 70, "error": what, "hint": "close other programs, then try again"})

    def close(self) -> None:
        """Stop the pull that runs: nobody waits for it any more. What it has brought is kept for the next one."""
        with self._lock:
            pull = self._pull
        if pull is not None:
            self._interrupt()
            try:
                pull.wait(_ENDS_S)
            except subprocess.TimeoutExpired:
                pull.kill()

    def _answer(self, name: str | None) -> None:
        """Start the pull of a name, or stop the one that runs.

        Raises:
            UsageError: one runs already, or the catalog has no such name.
        """
        if name is None:
            self._interrupt()
            return
        chosen = _chosen(name)
        with self._lock:
            if self._pull is not None:
                raise UsageError("a pull is running", "wait for its end, or stop it")
            self._pull = _started(chosen)
        threading.Thread(target=self._follow, args=(self._pull,), name="pull", daemon=True).start()

    def _follow(self, pull: subprocess.Popen[str]) -> None:
        """Pass on what a pull says, then its status."""
        with pull:
            for line in pull.stderr or ():
                self._say({"line": printable(line.rstrip("\n"))[:_MAX_LINE]})
        status = pull.returncode
        with self._lock:
            self._pull = None
        self._say({"status": status if status >= 0 else 128 - status})

    def _interrupt(self) -> None:
        with self._lock:
            if self._pull is not None:
                self._pull.send_signal(signal.SIGINT)

    def _say(self, answer: dict[str, Any]) -> None:
        """Write one answer; an app that is gone misses nothing."""
        data = json.dumps(answer).encode() + b"\n"
        with self._writing, contextlib.suppress(OSError):
            while data:
                data = data[os.write(self._answers, data) :]


def _lines(descriptor: int) -> Iterator[bytes]:
    """Lines until the pipe ends; of one that is too long only the beginning, and never more than that in memory."""
    line = b""
    while chunk := os.read(descriptor, 4096):
        *ended, rest = (line + chunk).split(b"\n")
        yield from (whole[: MAX_REQUEST + 1] for whole in ended)
        line = rest[: MAX_REQUEST + 1]


def _requested(line: bytes) -> str | None:
    """The name that a request asks for; None stops the pull that runs.

    Raises:
        UsageError: it is no such request.
    """
    request = None
    if len(line) <= MAX_REQUEST:
        with contextlib.suppress(ValueError, RecursionError):
            request = json.loads(line)
    if not isinstance(request, dict) or set(request) != {"pull"}:
        raise UsageError("the launcher knows one request, a pull", 'send {"pull": NAME} in one line')
    name = request["pull"]
    if name is not None and not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise UsageError("the name of the model to pull is invalid", "name a model or a profile of the catalog")
    return name


def _chosen(name: str) -> list[str]:
    """What follows `models pull` for a name of the catalog.

    Raises:
        EdgeAssistantError: the catalog has no such name, or cannot be read; or the policy allows no pulls.
    """
    current().check_pull()
    from edge_assistant_models.portfolio import Portfolio
    from edge_assistant_models.profile import AUTO

    portfolio = Portfolio()
    if name in {entry.name for entry in portfolio.entries()}:
        return [name]
    if name in {AUTO, *(profile.name for profile in portfolio.profiles())}:
        return ["--profile", name]
    raise UsageError(f"the catalog has no model or profile {name}", "see 'edge-assistant models list'")


def _started(chosen: list[str]) -> subprocess.Popen[str]:
    """A pull in a session of its own, so that the terminal's keys do not reach it."""
    environment = {key: value for key, value in os.environ.items() if key not in {PIPES, VARIABLE}}
    return subprocess.Popen(
        [*PULL, *chosen],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
