"""The launcher on a real terminal, with small apps in the place of the real one."""

from __future__ import annotations

import argparse
import errno
import io
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from helpers import pulled, webserver
from helpers.commands import Terminal

from edge_assistant.cli.main import parser
from edge_assistant.core import extras
from edge_assistant.core.errors import UsageError
from edge_assistant.storage.settings import Settings
from edge_assistant_tui import launcher
from edge_assistant_tui.options import Options

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

BARE = (sys.executable, "-m", "edge_assistant.cli.main")

Launch = Callable[..., Terminal]


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """Starts the launcher on a terminal with an app that is a script."""
    file = tmp_path / "app.py"
    with ExitStack() as terminals:

        def started(script: str, flags: str = "0") -> Terminal:
            file.write_text(DRAWS.replace("{flags}", flags) + textwrap.dedent(script))
            return terminals.enter_context(closing(Terminal(sys.executable, "-c", LAUNCH, sys.executable, file)))

        yield started


@pytest.fixture
def bare() -> Iterator[Launch]:
    """Starts the bare command on a terminal, with the real app."""
    with ExitStack() as terminals:
        yield lambda *arguments: terminals.enter_context(closing(Terminal(*BARE, *arguments)))


def app_of(terminal: Terminal) -> tuple[int, int]:
    """The process ids of the app and of its launcher."""
    found = terminal.read_until(r"pid (\d+) parent (\d+) up")
    return int(found[1]), int(found[2])


@pytest.mark.parametrize("status", [0, 3, 130])
def test_the_apps_status_is_handed_on_and_the_modes_are_as_they_were(launch: Launch, status: int) -> None:
    terminal = launch(f"print(os.environ['GIVEN'], flush=True); sys.exit({status})")
    assert terminal.ended() == status
    assert terminal.modes() == terminal.before
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
    assert after.lstrip().startswith("\x18\x1b\\")  # first of all, whatever was half written ends
    for sequence in ("\x1b[?1049l", "\x1b[?1003l", "\x1b[?25h", "\x1b[?2004l", "\x1b[?1004l"):
        assert sequence in after
    assert "error: the app was ended by SIGKILL - start it again" in after
    assert "Traceback" not in terminal.seen


def test_a_terminal_that_was_closed_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(io.StringIO):
        def write(self, _: str) -> int:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(sys, "stderr", Closed())
    app = (sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGHUP)")
    assert launcher.run(app, {}) == 128 + signal.SIGHUP


def test_ctrl_c_is_the_apps_own(launch: Launch) -> None:
    script = """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # waited for: a handler may come too late for a read
    print("ready", flush=True)
    for _ in range(2):
        signal.sigwait({signal.SIGINT})
        print("interrupted", flush=True)
    sys.exit(5 if sys.stdin.readline() == "q\\n" else 1)
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
    plain = "signal.signal(signal.SIGINT, signal.SIG_DFL); print('ready', flush=True); time.sleep(60)"
    terminal = launch(plain, "termios.ISIG")  # an app that knows no Ctrl-C
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
    terminal.wait_until_gone(app)


def test_a_suspended_app_suspends_the_launcher_too(launch: Launch) -> None:
    terminal = launch("os.kill(os.getpid(), signal.SIGTSTP); print('woken', flush=True); sys.exit(4)")
    app_of(terminal)
    terminal.read_until("suspended")
    terminal.press(" ")
    assert terminal.ended() == 4
    assert "woken" in terminal.seen


def test_an_app_and_its_pull_notice_that_the_launcher_was_killed(launch: Launch, home: Path, tmp_path: Path) -> None:
    pulled.made_up(home)
    terminal = launch(f"""
    import threading
    from pathlib import Path
    from edge_assistant_tui.pulls import Pulls
    ended, told = threading.Event(), []
    def post(message):
        told.append(message)
        print(message, flush=True)
    pulls = Pulls(post, gone=ended.set)
    pulls.start("mine")
    ended.wait(60)
    Path({str(tmp_path / "said")!r}).write_text(f"{{told[-1]}} {{pulls.available}}")
    """)
    with pulled.held(home):
        app, launcher = app_of(terminal)
        terminal.read_until("waiting")
        os.kill(launcher, signal.SIGKILL)
        terminal.wait_until_gone(app)
    said = (tmp_path / "said").read_text()
    assert "message='the launcher is gone', hint='start the app again'" in said
    assert said.endswith(" False")


def opened(terminal: Terminal) -> tuple[int, int]:
    """The process ids of the real app, once it is drawn, and of its launcher."""
    terminal.read_until(r"\x1b\[\?1049h.*Edge Assistant")
    launcher = os.tcgetpgrp(terminal.master)
    (app,) = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
    return int(app), launcher


def test_the_app_ends_cleanly_when_its_launcher_was_killed(bare: Launch) -> None:
    terminal = bare()
    app, launcher = opened(terminal)
    os.kill(launcher, signal.SIGKILL)
    terminal.wait_until_gone(app)
    assert terminal.seen.rpartition("\x1b[?1049l")[0]


def test_the_stream_that_the_app_is_drawn_on_must_be_a_terminal(tmp_path: Path) -> None:
    python = f"import sys; sys.stderr = open({str(tmp_path / 'err')!r}, 'w'); "
    terminal = Terminal(sys.executable, "-c", python + "from edge_assistant.cli.main import main; sys.exit(main([]))")
    assert terminal.ended() == 2
    terminal.close()
    assert (tmp_path / "err").read_text().startswith("error: the app needs a terminal - ")


def arguments(*given: str) -> argparse.Namespace:
    args = parser("").parse_args(given)
    args.settings = Settings(profile="large", language="de", domain="clinic")
    return args


def test_as_a_service_it_becomes_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    class BecameError(Exception):
        pass

    def execve(path: str, command: tuple[str, ...], environment: dict[str, str]) -> None:
        assert (path, command) == (sys.executable, launcher.APP)
        assert Options.from_environment(environment) == Options("large", "clinic", "de")
        assert environment["PATH"] == os.environ["PATH"]
        raise BecameError

    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.setattr(launcher, "run", lambda *_: 7)
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere/notify")
    monkeypatch.setenv("SYSTEMD_EXEC_PID", "1")
    assert launcher.main(arguments()) == 7, "a shell that a service started has that, too"
    monkeypatch.setenv("SYSTEMD_EXEC_PID", str(os.getpid()))
    with pytest.raises(BecameError):
        launcher.main(arguments())
    monkeypatch.delenv("NOTIFY_SOCKET")
    assert launcher.main(arguments()) == 7


def test_the_command_line_comes_before_the_settings() -> None:
    assert launcher.options_of(arguments()) == Options("large", "clinic", "de")
    given = ["--profile", "tiny", "--domain", "d.toml", "--language", "en", "--attach", "a.jpg", "--attach", "b.wav"]
    devices = ["--camera", "file:c.mp4", "--microphone", "USB Audio", "--speaker", "file:out.wav", "--no-lock"]
    options = Options("tiny", "d.toml", "en", "file:c.mp4", "USB Audio", "file:out.wav", ("a.jpg", "b.wav"), True)
    assert launcher.options_of(arguments(*given, *devices)) == options


def test_without_its_libraries_the_app_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(extras.PACKAGES, "tui", ("json", "textual_of_another_time"))
    with pytest.raises(UsageError) as caught:
        launcher.main(arguments())
    assert str(caught.value) == (
        "the app needs textual-of-another-time, which the extra 'tui' brings"
        " - run 'pip install edge-assistant-offline[tui]', or ask on the command line, see --help"
    )


def test_the_launcher_imports_nothing_heavy() -> None:
    code = "import sys, edge_assistant_tui.launcher; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"textual", "rich", "numpy", "cv2", "llama_cpp", "onnxruntime", "sounddevice", "socket", "asyncio", "ssl"}
    assert not heavy & set(ran.stdout.split())


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Iterator[webserver.Web]:
    """A server that has nothing and notes what it is asked for; it stands for Hugging Face too."""
    with webserver.serving() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        yield server


def asked_by_a_locked_app(launch: Launch, said: Path, *names: str) -> list[str]:
    """What an app under the lock is told that asks for models."""
    terminal = launch(f"""
    import socket
    from pathlib import Path
    from queue import SimpleQueue
    from edge_assistant.governance.offline import lock
    from edge_assistant_tui.pulls import Pulls
    lock.engage()
    try:
        socket.socket()
        sys.exit(1)
    except PermissionError:
        told, ends = SimpleQueue(), []
    pulls = Pulls(told.put)
    for name in {names!r}:
        pulls.start(name)
        while type(ended := told.get()).__name__ != "PullEnded":
            pass
        ends.append(str(ended))
        pulls.ended()
    Path({str(said)!r}).write_text("\\n".join(ends))
    """)
    assert terminal.ended() == 0, terminal.seen
    return said.read_text().split("\n")


def test_a_locked_app_still_has_models_pulled(launch: Launch, outside: webserver.Web, tmp_path: Path) -> None:
    """Over the network, of which this machine's loopback is all that a test may use."""
    (said,) = asked_by_a_locked_app(launch, tmp_path / "said", "piper-en-us-joe-medium")
    assert "done=False" in said
    assert [path.startswith("/rhasspy/piper-voices/resolve/") for path, *_ in outside.seen] == [True]


def test_an_entry_that_the_locked_app_wrote_carries_nothing_out(launch, outside, home, tmp_path) -> None:
    pulled.made_up(home)
    entry = home / "catalog" / "mine.toml"
    source = f'type = "url"\nkey = "model"\nurl = "{outside.address}/allergic-to-penicillin"\n'
    entry.write_text(entry.read_text().replace('type = "file"\npath = "incoming"\n', source))
    (said,) = asked_by_a_locked_app(launch, tmp_path / "said", "mine")
    assert outside.seen == []
    assert "done=False" in said
    assert "nobody confirmed it" in said
    assert "run 'edge-assistant models pull mine' in a terminal" in said


def test_where_the_policy_allows_no_pull_the_launcher_starts_none(launch, outside, home, hold, tmp_path) -> None:
    installed = pulled.made_up(home)
    hold("[offline]\npull = false\n")
    names = ("piper-en-us-joe-medium", "tiny", "mine")
    said = asked_by_a_locked_app(launch, tmp_path / "said", *names)
    assert ["(offline.pull)" in one for one in said] == [True] * len(names)
    assert outside.seen == []
    assert not installed.exists()


def filters(pid: int) -> int:
    """How many filters the kernel has over a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("Seccomp_filters:")[2].split()[0])


@pytest.mark.parametrize(("given", "killed"), [((), signal.SIGKILL), (("--no-lock",), signal.SIGINT)])
def test_the_bare_command_opens_the_app_which_is_locked_and_its_launcher_is_not_and_cleans_up(
    bare, given, killed
) -> None:
    terminal = bare("--profile", "tiny", *given)
    app, launcher = opened(terminal)
    terminal.read_until(r"NOT OFFLINE" if given else r"\boffline\b")
    assert filters(launcher) == filters(os.getpid())
    assert filters(app) == filters(launcher) + (not given)
    os.kill(app, killed)
    assert terminal.ended() == 128 + killed
    assert terminal.modes() == terminal.before
    assert terminal.seen.endswith(
        f"error: the app was ended by {killed.name} - start it again; it offers the conversation\r\n"
    )
