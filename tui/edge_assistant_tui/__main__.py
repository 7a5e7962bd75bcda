"""The app's process; the launcher starts it, and it takes itself off the network first of all."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_assistant.governance.policy.policy import Policy
    from edge_assistant_tui.options import Options


def main() -> int:
    """Run the app until the person quits."""
    from edge_assistant.core.errors import EdgeAssistantError
    from edge_assistant_tui.options import Options

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # asyncio would quit as by the key; the terminal sends Ctrl+C as a key
    options = Options.from_environment()
    try:
        policy = _governed(options)
    except EdgeAssistantError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    from edge_assistant.cli.frame import FAULT
    from edge_assistant.core import limits
    from edge_assistant.governance.redaction.log_filter import logged
    from edge_assistant.storage import logs, settings
    from edge_assistant_models import paths

    keep_screen(paths.state_dir() / "libraries.log")
    from edge_assistant_tui import terminal

    with terminal.asking() as answer:  # it answers while the app is loaded
        from edge_assistant_tui.app import EdgeAssistant

        chosen = settings.load()
        logs.start(chosen.log_level, logged)
        threading.excepthook = _log_fault
        app = EdgeAssistant(options, chosen, answer())
    with limits.lowered(policy.limits):
        app.run()
    if app.fault is not None:
        hint = "start the app again; it offers the conversation, and the log has the details"
        print(f"error: a fault of ours ({type(app.fault).__name__}) - {hint}", file=sys.stderr)
        return FAULT
    return app.return_code or 0


def _log_fault(fault: threading.ExceptHookArgs) -> None:
    """Log a fault in a thread; Python would print it, and its message may quote content."""
    logging.getLogger("edge_assistant.app").error("fault in a thread", exc_info=fault.exc_value)


def _governed(options: Options) -> Policy:
    """Take this process off the network before anything else is loaded; gives the policy that holds.

    Raises:
        LockFailed: the lock should work on this machine and cannot be set.
        PolicyRefused: nothing may run without it, or the policy is wrong.
        StorageFull: there is no home folder.
    """
    from edge_assistant.compute.scheduling import topology
    from edge_assistant.governance.offline import lock

    lock.engage(wanted=not options.no_lock)
    topology.tell_libraries()
    from edge_assistant.governance.policy.policy import current

    policy = current()
    policy.check_lock(lock.state().locked)
    from edge_assistant_tui import writable_folders

    writable_folders.keep(options.speaker)
    return policy


def keep_screen(log: Path) -> None:
    """Let what C libraries print as errors (PortAudio does, where a device is lost) go into a file, not on the screen.

    Textual draws on standard error, so Python's own stream gets another descriptor of the terminal.
    """
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK  # no link, and no pipe that waits
        file = os.open(log, flags, 0o600)
    except OSError:
        file = os.open(os.devnull, os.O_WRONLY)
    screen = os.dup(2)
    os.dup2(file, 2)
    os.close(file)
    stream = open(screen, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115 - until the end
    sys.stderr = stream
    setattr(sys, "__stderr__", stream)  # noqa: B010 - the name is Final, and Textual draws on it


if __name__ == "__main__":
    sys.exit(main())
