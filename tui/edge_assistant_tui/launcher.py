"""The app's launcher: starts the app as a child on the same terminal, pulls models for it, puts the terminal right.

The app itself never needs a network. What it lacks it asks the launcher for, over a pipe; the launcher holds no signal
and no answer, opens no socket, and starts a process of its own for each pull (`pull_server`).
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from edge_assistant.core import extras
from edge_assistant_tui.options import PIPES, Options
from edge_assistant_tui.pull_server import Server

if TYPE_CHECKING:
    import argparse

APP = (sys.executable, "-P", "-m", "edge_assistant_tui")  # -P: the folder one stands in is no place to import from

# What Textual's LinuxDriver.stop_application_mode writes, for an app that had no time to. First CAN and ST, as it may
# have been killed in the middle of a sequence or a picture; then the end of a synchronized update, of the mouse (1000,
# 1003, 1015, 1006, 1016), bracketed paste, reports of resizing, Kitty's keys and focus; then line wrap, colours, the
# main screen and the cursor.
_LEAVE = (
    "\x18\x1b\\\x1b[?2026l\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l\x1b[?2004l\x1b[?2048l\x1b[<u\x1b[?1004l"
    "\x1b[?7h\x1b[0m\x1b[?1049l\x1b[?25h"
)


def main(args: argparse.Namespace) -> int:
    """Open the app and return its exit status; the entry point of the bare command.

    As a service of systemd it becomes the app and never returns: the watchdog is to hear of that itself.

    Args:
        args: the bare command's options, and `settings`.

    Raises:
        UsageError: the libraries of the app are not installed.
    """
    extras.require("the app", "tui", otherwise=", or ask on the command line, see --help")
    environment = options_of(args).to_environment()
    if _is_service():  # which puts the terminal right itself, and leaves nothing to pull over
        os.execve(APP[0], APP, {**os.environ, **environment})  # noqa: S606 - our own program, without a shell
    return run(APP, environment)


def _is_service() -> bool:
    """Whether systemd started this very process, and takes its messages; not a shell that a service has started."""
    return "NOTIFY_SOCKET" in os.environ and os.environ.get("SYSTEMD_EXEC_PID") == str(os.getpid())


def options_of(args: argparse.Namespace) -> Options:
    """The app's options: the command line before the settings."""
    return Options(
        profile=args.profile or args.settings.profile,
        domain=args.domain or args.settings.domain,
        language=args.language or args.settings.language,
        camera=args.camera or args.settings.camera,
        microphone=args.microphone or args.settings.microphone,
        speaker=args.speaker or args.settings.speaker,
        attach=tuple(args.attach),
        no_lock=args.no_lock,
        cache=args.settings.cache,
        free_talk=args.settings.free_talk,
        gpu=args.settings.gpu,
    )


def run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Start an app on this terminal, serve it until it ends, and return its exit status, 128 + n for a signal n.

    Args:
        command: the app's command.
        environment: what is added to this process's own.
    """
    requests, ask = os.pipe()
    answer, answers = os.pipe()
    added = {**environment, PIPES: f"{answer},{ask}"}
    with _Terminal() as terminal, _Signals() as signals:
        child = subprocess.Popen(command, env={**os.environ, **added}, pass_fds=(answer, ask))
        os.close(answer)
        os.close(ask)
        signals.child = child
        server = Server(requests, answers)
        threading.Thread(target=server.serve, name="serving", daemon=True).start()
        try:
            status = _waited(child)
        finally:
            server.close()
        terminal.left_as_it_was = status >= 0
    if status < 0:
        with contextlib.suppress(OSError):  # the terminal was closed, which ended the app too
            print(
                f"error: the app was ended by {_name(-status)} - start it again; it offers the conversation",
                file=sys.stderr,
            )
    return status if status >= 0 else 128 - status


def _waited(child: subprocess.Popen[bytes]) -> int:
    """The child's status at its end, negative for a signal; a child that is suspended suspends the launcher too.

    The shell waits for the launcher only, and wakes the whole process group.
    """
    while True:
        _, status = os.waitpid(child.pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            child.returncode = os.waitstatus_to_exitcode(status)
            return child.returncode
        os.kill(os.getpid(), signal.SIGSTOP)


class _Signals:
    """Signals to the launcher while the app runs: the keys' are the app's own, an ending one is handed on.

    The handlers are functions, as what is ignored would be ignored by the app as well.
    """

    child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        handlers = {signal.SIGINT: self._keep, signal.SIGQUIT: self._keep}
        handlers |= {signal.SIGTERM: self._hand_on, signal.SIGHUP: self._hand_on}
        self._before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _keep(self, number: int, frame: object) -> None:
        """Nothing: the terminal has sent it to the app too."""

    def _hand_on(self, number: int, frame: object) -> None:
        """End the app; before there is one, the launcher."""
        if self.child is None:
            sys.exit(128 + number)
        if self.child.returncode is None:
            self.child.send_signal(number)


class _Terminal:
    """The terminal that the app draws on: standard input as Textual reads it, standard error as it writes it."""

    def __init__(self) -> None:
        self.left_as_it_was = False
        self._modes = _modes()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the app's screen, and bring the modes back that the app was started with."""
        if not self.left_as_it_was:
            with contextlib.suppress(OSError):
                os.write(2, _LEAVE.encode())
        if self._modes is None or _modes() == self._modes:
            return
        before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # in the background, setting modes would suspend
        try:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(0, termios.TCSANOW, self._modes)
                termios.tcflush(0, termios.TCIFLUSH)  # reports of the mouse that nobody reads any more
        finally:
            signal.signal(signal.SIGTTOU, before)


def _modes() -> list[Any] | None:
    """The modes of the terminal on standard input; None where it is none."""
    try:
        return termios.tcgetattr(0)
    except termios.error:
        return None


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
