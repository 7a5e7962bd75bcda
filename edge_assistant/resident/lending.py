"""A process that is somebody else's for the time of an answer: their streams, their folder, their variables."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from edge_assistant.resident.facts import is_honoured
from edge_assistant.resident.wire import STREAMS, Question, Stream

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

HOME = "/"  # the folder this process stands in otherwise, so that it keeps no file system from being unmounted


class _Noticed(io.FileIO):
    """A standard stream that tells when something is read or written for the first time."""

    def __init__(self, number: int, begun: Callable[[], None]) -> None:
        super().__init__(number, "w" if number else "r", closefd=False)
        self._begun = begun

    def write(self, data: ReadableBuffer, /) -> int:
        self._begun()
        return super().write(data)

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        self._begun()
        return super().readinto(buffer)

    def readall(self) -> bytes:
        self._begun()
        return super().readall()


@contextlib.contextmanager
def lent(question: Question, given: Sequence[int], begun: Callable[[], None]) -> Iterator[None]:
    """Be the process of a command, until the block ends; no other thread may print, open files or look at variables.

    Args:
        question: its variables, and how text goes through its streams.
        given: its standard input, output and error, and its folder; they stay the caller's.
        begun: is called before anything is read or printed, each time.
    """
    own = [os.dup(number) for number in range(STREAMS)]
    before, variables = (sys.stdin, sys.stdout, sys.stderr), dict(os.environ)
    try:
        for number in range(STREAMS):
            os.dup2(given[number], number)
        os.fchdir(given[STREAMS])
        _be({name: value for name, value in variables.items() if not is_honoured(name)} | dict(question.environment))
        sys.stdin, sys.stdout, sys.stderr = (
            _stream(number, stream, begun) for number, stream in enumerate(question.streams)
        )
        yield
    finally:
        for stream in (sys.stdin, sys.stdout, sys.stderr):
            if stream not in before:
                with contextlib.suppress(OSError, ValueError):
                    stream.close()  # so that what could not be written never goes to the next one
        sys.stdin, sys.stdout, sys.stderr = before
        _be(variables)
        os.chdir(HOME)
        for number, descriptor in enumerate(own):
            os.dup2(descriptor, number)
            os.close(descriptor)


def mute() -> None:
    """Let what is still printed go nowhere, as whoever was to see it is gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    for number in (1, 2):
        os.dup2(nowhere, number)
    os.close(nowhere)


def _be(environment: Mapping[str, str]) -> None:
    """Make the environment another one, and leave alone what is the same in both: libraries' threads may look at it."""
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ.update({name: value for name, value in environment.items() if os.environ.get(name) != value})


def _stream(number: int, how: Stream, begun: Callable[[], None]) -> io.TextIOWrapper:
    """A standard stream as Python makes it at its start."""
    raw = _Noticed(number, begun)
    buffer = io.BufferedWriter(raw) if number else io.BufferedReader(raw)
    lines = number == 2 or raw.isatty()
    return io.TextIOWrapper(buffer, encoding=how.encoding, errors=how.errors, line_buffering=lines)
