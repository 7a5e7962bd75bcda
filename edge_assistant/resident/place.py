"""Where the socket lies: a folder that only its user can look into, else nobody speaks through it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from edge_assistant.errors import StorageFull
from edge_assistant_models import paths

RUNTIME = "XDG_RUNTIME_DIR"
HOME = "EDGE_ASSISTANT_HOME"


def folder() -> Path:
    """The folder: of the user's session, where there is one, else `run` in the data directory.

    Who keeps everything in a folder of their own (`EDGE_ASSISTANT_HOME`) has the socket there, too.

    Raises:
        StorageFull: there is no home folder.
    """
    runtime = os.environ.get(RUNTIME, "")
    if runtime.startswith("/") and not os.environ.get(HOME):
        return Path(runtime) / paths.APPLICATION
    return paths.data_dir() / "run"


def name() -> str:
    """The socket's name, another one for each data directory: they have other models, keys and policies.

    Raises:
        StorageFull: there is no home folder.
    """
    return f"resident-{hashlib.sha256(os.fsencode(paths.data_dir())).hexdigest()[:12]}"


@contextlib.contextmanager
def opened(make: bool = False) -> Iterator[int]:
    """The folder as a descriptor, so that what was looked at is what is used, whatever its name leads to afterwards.

    Args:
        make: whether to make it where it is missing.

    Raises:
        FileNotFoundError: it is not there.
        OSError: it cannot be opened.
        StorageFull: somebody else owns it, or may look into it.
    """
    where = folder()
    if make:
        where.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(where, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
            raise StorageFull(
                f"the folder {where} is not yours alone", f"chmod 700 it, or set {HOME} to another folder"
            )
        yield descriptor
    finally:
        os.close(descriptor)


def address(folder: int, name: str) -> str:
    """A name in an open folder as a socket's address, which may have 107 bytes only."""
    return f"/proc/self/fd/{folder}/{name}"


class Peer(NamedTuple):
    """Who is at the other end, as the kernel says: of when it connected, or began to listen."""

    process: int
    user: int
    group: int


def peer(connection: socket.socket) -> Peer:
    """Who is at the other end.

    Raises:
        OSError: the kernel does not say.
    """
    size = struct.calcsize("3i")
    return Peer(*struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)))
