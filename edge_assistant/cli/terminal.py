"""What a stream may be sent besides lines of text."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TextIO

from edge_assistant.core.signals import printable


def redraws(stream: TextIO, *, plain: bool = False) -> bool:
    """Whether lines may be redrawn: nobody asked for plain lines, and the stream is a terminal that can do it."""
    return not plain and os.environ.get("TERM") != "dumb" and stream.isatty()


def colours(stream: TextIO, *, plain: bool = False) -> bool:
    """Whether colours may be used: where lines may be redrawn, unless NO_COLOR is present, even empty."""
    return redraws(stream, plain=plain) and "NO_COLOR" not in os.environ


def asks() -> bool:
    """Whether a person can be asked something: what is asked goes to stderr, what is answered comes from stdin."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def secret(prompt: str) -> str:
    """What a person types, which is not shown.

    It is read from standard input, as `answer` does; getpass would look for the terminal of the process.
    """
    import termios

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    unseen = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    try:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, unseen)
        typed = _line(prompt)
    finally:
        with contextlib.suppress(termios.error):  # the terminal may be gone
            termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
    print(file=sys.stderr)  # as what ended the line was not shown either
    return typed


def answer(prompt: str) -> str:
    """What a person types; nothing where they end the input."""
    return _line(prompt).strip()


def agrees(question: str) -> bool:
    """Whether a person types y or yes; whatever else they type is no."""
    return answer(printable(f"{question} [y/N] ")).casefold() in {"y", "yes"}


def _line(prompt: str) -> str:
    print(prompt, end="", file=sys.stderr, flush=True)
    with _line_ended():
        return sys.stdin.readline().removesuffix("\n")


@contextlib.contextmanager
def _line_ended() -> Iterator[None]:
    """What is said next begins a line of its own, also where Ctrl-C was the answer."""
    try:
        yield
    except KeyboardInterrupt:
        print(file=sys.stderr)
        raise
