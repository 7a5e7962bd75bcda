"""Where the socket lies, and the claim that leads to it: folders that only their user can look into.

The socket lies in a folder of the user's session, which commands of cron, of `su` or of another session do not know. So
the claim, a locked file in the data directory, says where: whoever has the same data finds the same resident.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import socket
import stat
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from edge_assistant.core.errors import StorageFull
from edge_assistant_models import paths

RUNTIME = "XDG_RUNTIME_DIR"
HOME = "EDGE_ASSISTANT_HOME"
CLAIM = "resident.lock"  # locked as long as a resident runs; in it stands where its socket is
_PATH_BYTES = 4_096
_PEERPIDFD = 77  # SO_PEERPIDFD, which Python has no name for
_INT = struct.calcsize("i")


def claims() -> Path:
    """The folder of the claim: the same one for all that have the same data.

    Raises:
        StorageFull: there is no home folder.
    """
    return paths.data_dir() / "run"


def folder() -> Path:
    """The folder that a socket is made in: of the user's session, where there is one, else that of the claim.

    Who keeps everything in a folder of their own (`EDGE_ASSISTANT_HOME`) has the socket there, too.

    Raises:
        StorageFull: there is no home folder.
    """
    runtime = os.environ.get(RUNTIME, "")
    if runtime.startswith("/") and not os.environ.get(HOME):
        return Path(runtime) / paths.APPLICATION
    return claims()


def name() -> str:
    """The socket's name, another one for each data directory: they have other models, keys and policies.

    Raises:
        StorageFull: there is no home folder.
    """
    return f"resident-{hashlib.sha256(os.fsencode(paths.data_dir())).hexdigest()[:12]}"


@contextlib.contextmanager
def opened(where: Path, make: bool = False) -> Iterator[int]:
    """A folder as a descriptor, so that what was looked at is what is used, whatever its name leads to afterwards.

    Args:
        where: the folder.
        make: whether to make it where it is missing.

    Raises:
        FileNotFoundError: it is not there.
        OSError: it cannot be opened.
        StorageFull: somebody else owns it, or may look into it.
    """
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


@contextlib.contextmanager
def reached() -> Iterator[str]:
    """The address of the socket that the claim leads to.

    Raises:
        FileNotFoundError: it leads to none.
        OSError: it cannot be followed.
        StorageFull: a folder on the way is not the user's alone.
    """
    with opened(claims()) as kept:
        claim = os.open(CLAIM, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=kept)
        try:
            path = os.fsdecode(os.read(claim, _PATH_BYTES))
        finally:
            os.close(claim)
    if not path.startswith("/") or "\0" in path:  # one that is just being made, or was when the power failed
        raise FileNotFoundError(errno.ENOENT, "the claim leads nowhere")
    with opened(Path(path).parent) as found:
        yield address(found, Path(path).name)


def is_claimed() -> bool:
    """Whether a resident runs over the same data, or starts or ends just now, whoever can speak with it.

    Raises:
        OSError: that cannot be looked at.
        StorageFull: there is no home folder.
    """
    try:
        claim = os.open(claims() / CLAIM, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):  # none of ours starts where these stand
        return False
    try:
        fcntl.flock(claim, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(claim)
    return False


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


@contextlib.contextmanager
def process(connection: socket.socket) -> Iterator[int | None]:
    """The process at the other end as a descriptor, which stays its own where its number is another one's already.

    Yields:
        The descriptor; None where the kernel is older than Linux 6.5.

    Raises:
        ProcessLookupError: that process is gone.
    """
    try:
        descriptor = int.from_bytes(connection.getsockopt(socket.SOL_SOCKET, _PEERPIDFD, _INT), sys.byteorder)
    except OSError as error:
        if error.errno != errno.ENOPROTOOPT:
            raise ProcessLookupError(errno.ESRCH, "it is gone") from error
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)
