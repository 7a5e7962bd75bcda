"""The proof that the lock holds: every way to a listener on loopback is tried and refused.

The listener is a program of its own that is started before the lock is set, as nothing inside could start it. It
reaches itself first, so that it is known that only the lock stands between.
"""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

from edge_assistant.core.errors import UsageError
from edge_assistant.governance.offline import lock
from edge_assistant.governance.offline.attempts import ATTEMPTS, ONCE
from edge_assistant.governance.offline.listener import WAYS

TERMINAL = "terminal"  # the way of what leads to the shell, and not to a listener
LISTENER = (sys.executable, "-P", "-m", "edge_assistant.governance.offline.listener")

# EIO is what FFmpeg makes of every UDP socket that it does not get.
_REFUSALS = {errno.EACCES, errno.EPERM, errno.ENOSYS, errno.EIO}


class ProofOutcome(StrEnum):
    """What became of an attempt; one that failed for another reason than a refusal proves nothing."""

    REFUSED = "refused"
    THROUGH = "got through"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ProofResult:
    """One attempt by one way, such as TCP IPv4, and the name of the error that it met."""

    attempt: str
    way: str
    outcome: ProofOutcome
    error: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What was tried.

    Attributes:
        locked: whether the kernel says that the lock is in force.
        reached: the ways by which the listener was reached from outside the lock, before anything was tried.
        missing: why there is no listener for the others.
        results: every attempt by every way that was reached, and those at a terminal.
    """

    locked: bool
    reached: tuple[str, ...]
    missing: Mapping[str, str]
    results: tuple[ProofResult, ...]

    @property
    def holds(self) -> bool:
        """Whether it is proven: a listener was there, what could be reached was tried, and all was refused."""
        all_refused = all(result.outcome is ProofOutcome.REFUSED for result in self.results)
        return self.locked and bool(self.results) and all_refused and {*self.reached, *self.missing} == set(WAYS)


class Listener:
    """The program that listens, while it is there.

    Attributes:
        ports: of each way that it listens on.
        missing: why it does not on the others.
        reached: the ways by which it was reached from outside the lock.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(LISTENER, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        first = self._line()
        self.ports: Mapping[str, int] = first["ports"]
        self.missing: Mapping[str, str] = first["missing"]
        self.reached = tuple(way for way, count in first["arrived"].items() if count)

    def arrived(self) -> Mapping[str, int]:
        """How many connections or datagrams have come by each way since one asked last."""
        if self._process.stdin is not None:
            self._process.stdin.write(b"\n")
            self._process.stdin.flush()
        counts: Mapping[str, int] = self._line()["arrived"]
        return counts

    def close(self) -> None:
        """End it."""
        self._process.communicate()

    def _line(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout is not None else b""
        said: dict[str, Any] = json.loads(line)
        return said


_listener: Listener | None = None


def listen() -> None:
    """Start the listener, before the lock is set."""
    global _listener
    _listener = Listener()


def prove() -> Proof:
    """Try everything.

    Raises:
        UsageError: no listener was started.
    """
    if _listener is None:
        raise UsageError("nothing listens outside the lock", "run 'edge-assistant doctor --prove-offline'")
    try:
        results = [_tried(_listener, attempt, way) for attempt in ATTEMPTS for way in _listener.reached]
        results += [ProofResult(name, TERMINAL, *_outcome(attempt)) for name, attempt in ONCE.items()]
    finally:
        _listener.close()
    return Proof(lock.state().locked, _listener.reached, _listener.missing, tuple(results))


def _tried(listener: Listener, attempt: str, way: str) -> ProofResult:
    """One attempt; what has arrived got through, whatever the attempt says."""
    outcome, error = _outcome(partial(ATTEMPTS[attempt], *WAYS[way], listener.ports[way]))
    if listener.arrived()[way]:
        outcome = ProofOutcome.THROUGH
    return ProofResult(attempt, way, outcome, error)


def _outcome(attempt: Callable[[], None]) -> tuple[ProofOutcome, str]:
    """What became of an attempt by what it says, and the name of the error that it met."""
    try:
        attempt()
    except Exception as failure:  # FFmpeg's errors are not all OSError
        number = getattr(failure, "errno", None) or 0
        outcome = ProofOutcome.REFUSED if number in _REFUSALS else ProofOutcome.FAILED
        return outcome, errno.errorcode.get(number, str(failure))
    return ProofOutcome.THROUGH, ""
