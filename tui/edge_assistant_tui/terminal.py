"""What the terminal can draw, asked before the app starts: once Textual reads the keys, no answer comes through."""

from __future__ import annotations

import os
import re
import select
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

VARIABLE = "EDGE_ASSISTANT_GRAPHICS"  # kitty, sixel or cells: what a person knows better than the terminal tells
TIMEOUT = 0.1  # seconds; a terminal on this machine answers in a few milliseconds
_DEFAULT_CELL = (10, 20)  # pixels, as a VT340 has
_MAX_ANSWER = 4096  # bytes; whatever comes after that is no answer
_KITTY = "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\"  # of one pixel: "could you show this?"
_CELL = "\x1b[16t"
_DEVICE = "\x1b[c"  # device attributes: all terminals answer, so whatever did not answer until then cannot
_KITTY_OK = re.compile(rb"\x1b_G[^\x1b]*;OK\x1b\\")
_CELL_SIZE = re.compile(rb"\x1b\[6;(\d{1,4});(\d{1,4})t")
_ATTRIBUTES = re.compile(rb"\x1b\[\?([\d;]{0,64})c")


class Graphics(StrEnum):
    """How pictures get onto the terminal."""

    KITTY = "kitty"
    SIXEL = "sixel"
    CELLS = "cells"  # two pixels a cell, as half blocks


@dataclass(frozen=True, slots=True)
class Terminal:
    """What is known of the terminal.

    Attributes:
        graphics: the best way to draw a picture.
        cell: width and height of a character in pixels.
    """

    graphics: Graphics = Graphics.CELLS
    cell: tuple[int, int] = _DEFAULT_CELL


@contextmanager
def asking(environment: Mapping[str, str] | None = None) -> Iterator[Callable[[], Terminal]]:
    """Ask the terminal on standard input and error, which Textual uses; what is given tells what is known.

    It waits for at most `TIMEOUT` seconds from the beginning, so that what has to be done before the app starts can be
    done meanwhile; the terminal is as it was at the end. An answer that comes later would be taken for keys. So nothing
    is asked over a network; nor of the Linux console, which draws what it does not understand; nor of tmux and screen,
    which speak for themselves and not for the terminal that they are shown in. There the environment tells.
    """
    known = _known(os.environ if environment is None else environment)
    if known is not None:
        yield lambda: known
        return
    with _exchange(_KITTY + _CELL + _DEVICE) as answer:
        yield lambda: understood(answer(), _window_cell())


def _known(environment: Mapping[str, str]) -> Terminal | None:
    """What need not or must not be asked."""
    chosen = environment.get(VARIABLE)
    if chosen not in list(Graphics):
        chosen = Graphics.KITTY if environment.get("TERM") == "xterm-kitty" else None
    if chosen is None and _answers(environment):
        return None
    return Terminal(Graphics(chosen or Graphics.CELLS), _window_cell() or _DEFAULT_CELL)


def understood(answer: bytes, window: tuple[int, int] | None) -> Terminal:
    r"""What an answer tells; anything that is none of the expected ones is passed over.

    >>> understood(b"\x1b[6;20;9t\x1b[?62;4c", None)
    Terminal(graphics=<Graphics.SIXEL: 'sixel'>, cell=(9, 20))
    """
    size, attributes = _CELL_SIZE.search(answer), _ATTRIBUTES.search(answer)
    cell = (int(size[2]), int(size[1])) if size is not None else (0, 0)
    graphics = Graphics.CELLS
    # Konsole and WezTerm say yes to the first and lack its placeholders, but have Sixel; Kitty has no Sixel
    if attributes is not None and b"4" in attributes[1].split(b";"):
        graphics = Graphics.SIXEL
    elif _KITTY_OK.search(answer) is not None:
        graphics = Graphics.KITTY
    return Terminal(graphics, cell if all(cell) else window or _DEFAULT_CELL)


def _answers(environment: Mapping[str, str]) -> bool:
    """Whether there is a terminal that answers for itself, and near enough to do so in time."""
    if not (_is_terminal(sys.__stdin__) and _is_terminal(sys.__stderr__)):
        return False
    kind = environment.get("TERM", "")
    between = any(name in environment for name in ("SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT", "TMUX", "STY"))
    return not between and kind not in {"", "dumb", "linux"} and not kind.startswith(("tmux", "screen"))


def _is_terminal(stream: object) -> bool:
    try:
        return stream is not None and os.isatty(stream.fileno())  # type: ignore[attr-defined]
    except (OSError, ValueError):
        return False


@contextmanager
def _exchange(question: str) -> Iterator[Callable[[], bytes]]:
    """Ask, with echo off; what is given waits for what the terminal says, or is empty where it cannot be asked."""
    import termios
    import tty

    assert sys.__stdin__ is not None
    assert sys.__stderr__ is not None
    keys, screen = sys.__stdin__.fileno(), sys.__stderr__.fileno()
    try:
        modes = termios.tcgetattr(keys)
        tty.setcbreak(keys, termios.TCSANOW)
    except (termios.error, OSError):
        yield lambda: b""
        return
    deadline = time.monotonic() + TIMEOUT
    try:
        if select.select([], [screen], [], TIMEOUT)[1]:  # output that is held back must not hold us
            os.write(screen, question.encode("ascii"))
        yield lambda: _answer(keys, deadline)
    finally:
        termios.tcsetattr(keys, termios.TCSANOW, modes)


def _answer(keys: int, deadline: float) -> bytes:
    """What is said until the last question is answered; what was typed after that is left for whom it was meant."""
    answer = b""
    while _ATTRIBUTES.search(answer) is None and len(answer) < _MAX_ANSWER:
        try:
            if not select.select([keys], [], [], max(0.0, deadline - time.monotonic()))[0]:
                break
            part = os.read(keys, 1)
        except OSError:
            break
        if not part:
            break
        answer += part
    return answer


def _window_cell() -> tuple[int, int] | None:
    """The size of a cell by the size of the window, where the system knows it in pixels."""
    import fcntl
    import struct
    import termios

    if not _is_terminal(sys.__stderr__):
        return None
    assert sys.__stderr__ is not None
    try:
        asked = fcntl.ioctl(sys.__stderr__.fileno(), termios.TIOCGWINSZ, b"\0" * 8)
    except OSError:
        return None
    rows, columns, width, height = struct.unpack("HHHH", asked)
    return (width // columns, height // rows) if all((rows, columns, width, height)) else None
