"""The launcher on a real terminal, with small apps in the place of the real one."""

from __future__ import annotations

import os
import signal
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pulled
import pytest
from terminals import HANGS, Terminal

LAUNCH = "import sys\nfrom edge_assistant_tui.launcher import run\nsys.exit(run(sys.argv[1:], {'GIVEN': 'handed on'}))"
DRAWS = """
import os, signal, sys, time, termios, tty
tty.setraw(0)
modes = termios.tcgetattr(0)
modes[3] |= {flags}
termios.tcsetattr(0, termios.TCSANOW, modes)
sys.stderr.write("\\x1b[?1049h\\x1b[?1003h\\x1b[?25l")
print("pid", os.getpid(), "parent", os.getppid(), "up", flush=True)
"""

Launch = Callable[..., Terminal]


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """Starts the launcher on a terminal with an app that is a script."""
    terminals = []

    def started(script: str, flags: str = "0") -> Terminal:
        file = tmp_path / "app.py"
        file.write_text(DRAWS.replace("{flags}", flags) + textwrap.dedent(script))
        terminals.append(Terminal(sys.executable, "-c", LAUNCH, sys.executable, file))
        return terminals[-1]

    yield started
    for terminal in terminals:
        terminal.close()


def app_of(terminal: Terminal) -> tuple[int, int]:
    """The process ids of the app and of its launcher."""
    found = terminal.read_until(r"pid (\d+) parent (\d+) up")
    return int(found[1]), int(found[2])


def gone(pid: int) -> bool:
    deadline = time.monotonic() + HANGS
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("status", [0, 1, 6, 70, 130])
def test_the_apps_status_is_handed_on(launch: Launch, status: int) -> None:
    terminal = launch(f"print(os.environ['GIVEN'], flush=True); sys.exit({status})")
    assert terminal.ended() == status
    assert "handed on" in terminal.seen
    assert "\x1b[?1049l" not in terminal.seen  # an app that ends by itself leaves its screen itself


def test_a_killed_app_leaves_the_terminal_as_it_was(launch: Launch) -> None:
    terminal = launch("time.sleep(60)")
    app, _ = app_of(terminal)
    assert terminal.modes() != terminal.before
    os.kill(app, signal.SIGKILL)
    assert terminal.ended() == 128 + signal.SIGKILL
    assert terminal.modes() == terminal.before
    after = terminal.seen.partition(" up")[2]
    for sequence in ("\x1b[?1049l", "\x1b[?1003l", "\x1b[?25h", "\x1b[?2004l", "\x1b[?1004l"):
        assert sequence in after
    assert "error: the app was ended by SIGKILL - start it again" in after
    assert "Traceback" not in terminal.seen


def test_an_app_that_ends_without_care_leaves_the_modes_as_they_were(launch: Launch) -> None:
    terminal = launch("sys.exit(3)")
    assert terminal.ended() == 3
    assert terminal.modes() == terminal.before


def test_ctrl_c_is_the_apps_own(launch: Launch) -> None:
    script = """
    signal.signal(signal.SIGINT, lambda *_: print("interrupted", flush=True))
    print("ready", flush=True)
    while not (line := sys.stdin.readline()).startswith("q"):
        print("read", repr(line), flush=True)
    sys.exit(5)
    """
    terminal = launch(script, flags="termios.ISIG | termios.ICANON")
    terminal.read_until("ready")
    terminal.press("\x03")
    terminal.read_until("interrupted")
    terminal.press("\x03")
    terminal.read_until("interrupted.*interrupted")
    terminal.press("q\n")
    assert terminal.ended() == 5
    assert "Traceback" not in terminal.seen


def test_an_app_that_knows_no_ctrl_c_ends_by_it(launch: Launch) -> None:
    terminal = launch(
        "signal.signal(signal.SIGINT, signal.SIG_DFL); print('ready', flush=True); time.sleep(60)", "termios.ISIG"
    )
    terminal.read_until("ready")
    terminal.press("\x03")
    assert terminal.ended() == 130


def test_what_ends_the_launcher_ends_the_app(launch: Launch) -> None:
    terminal = launch(
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(9)); print('ready', flush=True); time.sleep(60)"
    )
    terminal.read_until("ready")
    app, launcher = app_of(terminal)
    os.kill(launcher, signal.SIGTERM)
    assert terminal.ended() == 9
    assert gone(app)


def test_a_suspended_app_suspends_the_launcher_too(launch: Launch) -> None:
    terminal = launch("os.kill(os.getpid(), signal.SIGTSTP); print('woken', flush=True); sys.exit(4)")
    app_of(terminal)
    terminal.read_until("suspended")
    terminal.press(" ")
    assert terminal.ended() == 4
    assert "woken" in terminal.seen


def test_an_app_notices_that_its_launcher_was_killed(launch: Launch, tmp_path: Path) -> None:
    terminal = launch(f"""
    import threading
    from pathlib import Path
    from edge_assistant_tui.pulling import Puller
    ended = threading.Event()
    puller = Puller(gone=ended.set)
    assert puller.available
    print("listening", flush=True)
    ended.wait(60)
    Path({str(tmp_path / "clean")!r}).write_text(str(puller.available))
    """)
    app, launcher = app_of(terminal)
    terminal.read_until("listening")
    os.kill(launcher, signal.SIGKILL)
    assert gone(app)
    assert (tmp_path / "clean").read_text() == "False"


def test_a_pull_ends_when_the_launcher_was_killed(launch: Launch, home: Path, tmp_path: Path) -> None:
    pulled.made_up(home)
    terminal = launch(f"""
    from pathlib import Path
    from edge_assistant.errors import PullFailed
    from edge_assistant_tui.pulling import Puller
    puller = Puller()
    try:
        puller.pull("mine", lambda line: print(line, flush=True))
    except PullFailed as error:
        Path({str(tmp_path / "said")!r}).write_text(str(error))
    """)
    with pulled.held(home):
        app, launcher = app_of(terminal)
        terminal.read_until("waiting")
        os.kill(launcher, signal.SIGKILL)
        assert gone(app)
    assert (tmp_path / "said").read_text() == "the launcher is gone - start the app again"
