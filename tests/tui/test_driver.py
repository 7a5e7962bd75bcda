"""Bytes that no keyboard sends end nothing and freeze nothing, and the next key is a key."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from helpers.app import PATIENCE
from helpers.commands import Terminal

SENT = {
    "no UTF-8": bytes(range(128, 256)),
    "a key that is none": b"\x1b[:u",
    "a size": b"\x1b[48;30000;30000;300000;300000t",
    "a pasted size": b"\x1b[200~a\x1b[48;30000;30000;300000;300000t\x1b[201~",
}


@pytest.fixture(scope="module")
def terminal(homes: Iterator[Path]) -> Iterator[Terminal]:
    sealed = {"EDGE_ASSISTANT_HOME": str(next(homes)), "LANG": "C.UTF-8"}  # for all tests, so before each one's own
    with closing(Terminal(sys.executable, "-m", "edge_assistant_tui", environment=sealed)) as started:
        started.read_until("F1 or")
        yield started


@pytest.mark.parametrize("sent", SENT)
def test_the_app_goes_on(terminal: Terminal, sent: str) -> None:
    os.write(terminal.master, SENT[sent])
    terminal.seen, deadline = "", time.monotonic() + PATIENCE
    while "Keys of every place" not in terminal.seen:  # with a malformed key, what came at once with it is lost
        assert time.monotonic() < deadline, terminal.seen[-300:]
        terminal.press("\x1bOP")
        terminal._read(1.0)
    terminal.seen = ""
    terminal.press("\x1b")
    terminal.read_until("F1 or")
