"""Opening files at whose path somebody else may put another at any moment: no pipe is waited for, no device is read."""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path

_AT_ONCE = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)  # a pipe is not waited for, a terminal not taken


class NotRegular(OSError):
    """What stands at a path is a pipe, a device or a socket."""


def opened(path: Path) -> io.BufferedReader:
    """Open a regular file for reading.

    A pipe or a device is not even opened where it can be seen before; one that comes in the file's place between that
    look and the opening does not block, and is refused by what the descriptor says.

    Raises:
        NotRegular: it is no regular file.
        OSError: it cannot be opened; a folder is `IsADirectoryError`.
        ValueError: the path holds a null byte.
    """
    _check(path.stat())
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | _AT_ONCE)
    try:
        _check(os.fstat(descriptor))
        return open(descriptor, "rb")  # noqa: PTH123 - a descriptor
    except BaseException:
        os.close(descriptor)
        raise


def read(path: Path, most: int) -> bytes:
    """The first bytes of a regular file, one more than `most` where it is larger; raises what `opened` does."""
    with opened(path) as file:
        return file.read(most + 1)


def _check(found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(found.st_mode):
        raise NotRegular(errno.EINVAL, "Not a regular file")
