"""Files of what can be made again: read only where they are as they were written, by this user, never waited for."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from edge_assistant.storage import atomic

_SUM = hashlib.sha256().digest_size
_AT_ONCE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # a link is not followed, a pipe not waited for


def read(path: Path, head: bytes, most: int) -> memoryview | None:
    """What `write` wrote; None where it is missing or damaged, or anybody else could have written it.

    Args:
        path: of the file.
        head: what it begins with: which sort of file it is, and its version.
        most: bytes that it may have.
    """
    try:
        with open(os.open(path, os.O_RDONLY | _AT_ONCE), "rb") as file:  # noqa: PTH123 - a descriptor
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode) or not _ours(found) or found.st_size > most:
                return None
            content = memoryview(file.read())
    except OSError:
        return None
    rest = content[len(head) + _SUM :]
    whole = content[: len(head)] == head and content[len(head) : len(head) + _SUM] == hashlib.sha256(rest).digest()
    return rest if whole else None


def write(path: Path, head: bytes, parts: Sequence[bytes | memoryview]) -> None:
    """Write a head, the sum of what follows, and that, all or nothing; its folder is made where there is none.

    Raises:
        OSError: it cannot be written.
    """
    rest = b"".join(parts)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with atomic.writing(path) as file:
        file.write(head + hashlib.sha256(rest).digest())
        file.write(rest)


def _ours(found: os.stat_result) -> bool:
    """Whether nobody else could have written a file."""
    mine = not hasattr(os, "geteuid") or found.st_uid == os.geteuid()
    return mine and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
