"""Files that are written whole or not at all: a full disk or a `kill -9` leaves what was there before."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """A file beside its place, which takes it once it is whole and on the disk.

    Its permissions are those of the file that it replaces, else those of a file of one's own. Where that is a link,
    what it leads to is replaced.

    Args:
        path: in a folder that exists.

    Raises:
        OSError: it cannot be written, and nothing has changed.
    """
    path = path.resolve()
    descriptor, name = tempfile.mkstemp(prefix=".edge-assistant-", dir=path.parent)
    written = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        if path.exists():
            written.chmod(path.stat().st_mode & 0o777)
        written.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            written.unlink()
        raise
