"""What the terminal is asked and what its answers mean; one that does not answer holds nobody up."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant_tui import terminal
from edge_assistant_tui.terminal import Graphics, Terminal, understood

ASK = """
import json, select, sys, termios, time
from edge_assistant_tui import terminal
meanwhile = lambda: None
before = termios.tcgetattr(0)
began = time.monotonic()
with terminal.asking() as answer:
    meanwhile()
    found = answer()
took = time.monotonic() - began
print("\\n" + json.dumps([found.graphics, found.cell, termios.tcgetattr(0)[3] == before[3], took]), flush=True)
"""


def asked(
    answer: bytes, pixels: tuple[int, int] = (0, 0), meanwhile: str = "", **environment: str
) -> tuple[list[object], bytes]:
    """What a process finds out on a terminal that answers so, and what it wrote to it."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, *pixels))
    environment = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", **environment}
    script = ASK.replace("lambda: None", meanwhile or "lambda: None")
    process = subprocess.Popen([sys.executable, "-c", script], stdin=slave, stdout=slave, stderr=slave, env=environment)
    written, answered = b"", False
    deadline = time.monotonic() + 30
    while b"]" not in written.rpartition(b'["')[2]:
        assert time.monotonic() < deadline, written
        if select.select([master], [], [], 0.1)[0]:
            written += os.read(master, 65536)
        if answer and not answered and b"\x1b[c" in written:
            answered = True
            os.write(master, answer)
    process.wait(timeout=30)
    os.close(master)
    os.close(slave)
    return json.loads(written[written.rindex(b'["') :]), written


def test_the_best_way_to_draw_is_told_by_the_answers() -> None:
    kitty, sixel, size = b"\x1b_Gi=31;OK\x1b\\", b"\x1b[?62;4;22c", b"\x1b[6;18;9t"
    assert understood(kitty + size + b"\x1b[?62;c", None) == Terminal(Graphics.KITTY, (9, 18))
    assert understood(size + sixel, None) == Terminal(Graphics.SIXEL, (9, 18))
    assert understood(kitty + sixel, (8, 16)) == Terminal(Graphics.SIXEL, (8, 16))  # its placeholders may lack
    assert understood(b"\x1b[?64;14;24c", None) == Terminal(Graphics.CELLS, (10, 20))
    assert understood(b"\x1b_Gi=31;ENOTSUPPORTED\x1b\\\x1b[?1;2c", None).graphics is Graphics.CELLS
    assert understood(b"\x1b[6;0;0t\x1b[?1;2c", None).cell == (10, 20)
    assert understood(b"hello\x1b[A\x1b[6;18;9t\x1b[?62;4cworld", None) == Terminal(Graphics.SIXEL, (9, 18))


@given(st.binary(max_size=200))
def test_any_answer_is_understood_somehow(answer: bytes) -> None:
    found = understood(answer, None)
    assert found.graphics in list(Graphics)
    assert all(side > 0 for side in found.cell)


def test_a_terminal_that_answers_is_asked_and_left_as_it_was() -> None:
    waits = "lambda: setattr(terminal, 'TIMEOUT', 30.0)"  # as long as the answer takes on a busy machine
    found, written = asked(b"\x1b_Gi=31;OK\x1b\\\x1b[6;20;9t\x1b[?62;c", meanwhile=waits)
    assert found[:3] == ["kitty", [9, 20], True]
    assert written.startswith(b"\x1b_G")
    # What has to be done meanwhile costs nothing
    late = "lambda: (select.select([0], [], []), time.sleep(3 * terminal.TIMEOUT))"
    found, _ = asked(b"\x1b[6;20;9t\x1b[?62;4c", meanwhile=late)
    assert found[:3] == ["sixel", [9, 20], True]


def test_a_terminal_that_does_not_answer_is_waited_for_a_moment_only() -> None:
    found, _ = asked(b"", pixels=(800, 480))
    assert found[:3] == ["cells", [10, 20], True]
    assert isinstance(found[3], float)
    assert found[3] >= terminal.TIMEOUT * 0.9


def test_keys_that_are_typed_after_the_answer_are_left_for_the_app() -> None:
    master, slave = pty.openpty()
    os.write(master, b"\x1b[?62;4chello\n")
    assert terminal._answer(slave, time.monotonic()) == b"\x1b[?62;4c"
    assert os.read(slave, 100) == b"hello\n"
    os.close(master)
    os.close(slave)


def test_nothing_is_asked_where_it_is_known_or_would_be_answered_late_or_wrong_or_be_seen(monkeypatch) -> None:
    monkeypatch.setattr(terminal, "_exchange", lambda question: pytest.fail("it was asked"))
    monkeypatch.setattr(terminal, "_window_cell", lambda: (9, 18))
    cells = [
        {"SSH_CONNECTION": "1 2 3 4"},
        {"SSH_TTY": "/dev/pts/0"},
        {"TMUX": "/run/tmux,1,0"},  # says that it has Sixel, whatever it is shown in
        *({"TERM": name} for name in ("screen-256color", "linux", "dumb", "")),
    ]
    for environment in (*cells, {"TERM": "xterm-kitty"}, {terminal.VARIABLE: "kitty"}):
        with terminal.asking({"TERM": "xterm-256color", **environment}) as answer:
            assert answer() == Terminal(Graphics.CELLS if environment in cells else Graphics.KITTY, (9, 18)), (
                environment
            )


def test_without_a_terminal_there_are_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull) as nothing:  # noqa: PTH123
        for name in ("__stdin__", "__stderr__"):
            monkeypatch.setattr(sys, name, nothing)
        for stream in (nothing, None):
            monkeypatch.setattr(sys, "__stdin__", stream)
            with terminal.asking({"TERM": "xterm-256color"}) as answer:
                assert answer() == Terminal()


def test_a_terminal_that_takes_no_output_holds_nobody_up() -> None:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", "import termios; termios.tcflow(0, termios.TCOOFF)\n" + ASK],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=slave,
        env={"PATH": os.environ["PATH"], "TERM": "xterm-256color"},
    )
    timer = threading.Timer(30, process.kill)
    timer.start()
    output, _ = process.communicate()
    timer.cancel()
    os.close(master)
    os.close(slave)
    assert json.loads(output)[0] == "cells"
