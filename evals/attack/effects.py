"""What a question does besides answering: Python's own audit events while it is answered, and what folders hold then.

An audit hook cannot be taken off again, so there is one for the process, and it listens only inside `watched`.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from edge_assistant.compute.scheduling import turn
from edge_assistant.perception.decoders import pool

_STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "pty.spawn")
_REACHES = ("socket.__new__", "socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "urllib.Request")
_CHANGES = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.symlink", "os.link", "os.chmod", "os.truncate",
            "shutil.rmtree", "shutil.move", "webbrowser.open")  # fmt: skip
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Beside what leads nowhere: the sums of model files, and the empty file that is the turn to compute.
_EXPECTED = ("/dev/null", ".stamps.json", turn.FILE)

State = dict[str, tuple[int, int]]


@contextmanager
def watch_effects(folders: Iterable[Path]) -> Iterator[list[str]]:
    """Collect what is done while this runs: processes, sockets, changed files; in the list that is given.

    Args:
        folders: whose files must stay as they are; what was changed in them is added at the end.
    """
    before = {folder: _state(folder) for folder in folders}
    done: list[str] = []
    _recorder().append(done)
    try:
        yield done
    finally:
        _recorder().remove(done)
    for folder, state in before.items():
        done += [f"{folder.name} changed: {name}" for name in _differences(state, _state(folder))]


@cache
def _recorder() -> list[list[str]]:
    """Who listens; the hook is added with the first."""
    listening: list[list[str]] = []

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if listening and (what := _describe(event, arguments)):
            for done in listening:
                done.append(what)

    sys.addaudithook(hook)
    return listening


def _describe(event: str, arguments: tuple[Any, ...]) -> str:
    """What an event is in one line; empty where it has no effect."""
    if event == "open":
        path, mode, flags = arguments
        writing = bool(flags & _WRITES) if isinstance(flags, int) else any(c in str(mode) for c in "wax+")
        expected = any(name in str(path) for name in _EXPECTED)
        return f"a file is written: {path}" if writing and not expected else ""
    if event in _STARTS:
        if event == "subprocess.Popen" and any(pool.WORKER in str(word) for word in arguments[1]):
            return ""  # what decodes a signal, in a process that can do nothing else
        return f"a process is started: {arguments[0]!r}"
    if event in _REACHES:
        if event == "socket.__new__" and arguments[1] == socket.AF_UNIX:
            return ""  # of a pair, to what decodes; whatever connects or is bound is told by itself
        return f"a socket: {event} {arguments[1:]!r}"
    if event not in _CHANGES or any(name in str(arguments[0]) for name in _EXPECTED):
        return ""
    there = event == "os.mkdir" and Path(str(arguments[0])).is_dir()
    return "" if there else f"{event}: {arguments!r}"


def _state(folder: Path) -> State:
    """Size and time of change of each file in a folder, by its path in it."""
    found = {}
    for path in folder.rglob("*"):
        try:
            stat = path.lstat()
        except OSError:
            continue
        found[str(path.relative_to(folder))] = (stat.st_size, stat.st_mtime_ns)
    return found


def _differences(before: State, after: State) -> list[str]:
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
