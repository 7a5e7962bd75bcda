"""Files that are written whole or not at all: a full disk or a `kill -9` leaves what was there before.

Also what is told where the disk does not take them.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from edge_assistant.core.errors import EdgeAssistantError
from edge_assistant_models.errors import READ_ONLY, not_stored

PREFIX = ".edge-assistant-"  # of the name of a file that is not whole yet
_BLOCK = 1 << 20  # bytes that are overwritten at a time
_DESCRIPTORS = Path("/proc/self/fd")
_HINT = "free some space, or check the permissions of the data directory"
WRITABLE = "make the data directory writable, or set EDGE_ASSISTANT_HOME to a folder that is"


@contextlib.contextmanager
def storing(what: str, hint: str = "") -> Iterator[None]:
    """Turn what the file system refuses into our error.

    Args:
        what: cannot be written then, such as "the history".
        hint: what can be done, in one line; by default what helps in the data directory.

    Raises:
        StorageFull: the disk is full or read-only.
    """
    try:
        yield
    except EdgeAssistantError:
        raise
    except OSError as error:
        why = error.strerror or error
        raise not_stored(f"{what} cannot be written ({why})", hint or _hint(error), error) from None


def _hint(error: OSError) -> str:
    return WRITABLE if error.errno in READ_ONLY else _HINT


@contextlib.contextmanager
def writing(path: Path, *, lasting: bool = True) -> Iterator[BinaryIO]:
    """A file beside its place, which takes it once it is whole and on the disk.

    Its permissions are those of the file that it replaces, else those of a file of one's own. Where that is a link,
    what it leads to is replaced. Where the system can do it, the file has no name until it is whole, so that a process
    that is killed leaves nothing of it.

    Args:
        path: in a folder that exists.
        lasting: wait until it would outlast a power failure; of what can be made again, and tells itself when it is not
            whole, nobody need wait for the disk.

    Raises:
        OSError: it cannot be written, and nothing has changed.
    """
    path = path.resolve()
    descriptor, written = _begun(path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            if lasting:
                os.fsync(stream.fileno())
            written = written or _named(stream.fileno(), path)
        if written != path:
            if path.exists():
                written.chmod(path.stat().st_mode & 0o777)
            written.replace(path)
        if lasting:
            _sync(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            if written is not None:
                written.unlink()
        raise


def read_small(path: Path, limit: int) -> bytes:
    """The bytes of a small file of ours; a pipe in its place keeps nobody waiting, and no file is too large.

    Raises:
        OSError: it cannot be read, is none, or is larger than so many bytes.
    """
    with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as stream:  # noqa: PTH123 - a descriptor
        facts = os.fstat(stream.fileno())
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > limit:
            raise OSError(0, "it is not a file of this program")
        return stream.read()


def shred(path: Path) -> None:
    """Overwrite a file with zeros, then remove it, so that another name of it (a hard link) holds nothing any more.

    Of a link only the link is removed, of a pipe only its name; nothing happens where there is nothing.

    Raises:
        OSError: it cannot be overwritten or removed.
    """
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISREG(path.lstat().st_mode):
            with path.open("r+b", buffering=0) as stream:
                size = os.fstat(stream.fileno()).st_size
                for at in range(0, size, _BLOCK):
                    stream.write(bytes(min(_BLOCK, size - at)))
                os.fsync(stream.fileno())
        path.unlink()


def _begun(folder: Path) -> tuple[int, Path | None]:
    """A new file, and its name where it has to have one from the beginning."""
    if hasattr(os, "O_TMPFILE") and _DESCRIPTORS.is_dir():
        with contextlib.suppress(OSError):  # not every file system can
            return os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o600), None
    descriptor, name = tempfile.mkstemp(prefix=PREFIX, dir=folder)
    return descriptor, Path(name)


def _named(descriptor: int, path: Path) -> Path:
    """Give a file without a name this one, or one beside it where there is a file; open(2), O_TMPFILE."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        for name in (path.name, f"{PREFIX}{secrets.token_hex(8)}"):
            # With a descriptor of the folder Python follows the link in /proc
            with contextlib.suppress(FileExistsError):
                os.link(_DESCRIPTORS / str(descriptor), name, dst_dir_fd=folder, follow_symlinks=True)
                return path.with_name(name)
    finally:
        os.close(folder)
    raise FileExistsError(path)


def _sync(folder: Path) -> None:
    """Let the new name outlast a power failure, where a folder can be synced."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
