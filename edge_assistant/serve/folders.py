"""Files that a client names: opened by the broker, beneath the folders that the policy names and nowhere else."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from edge_assistant.core.errors import InputMissing, InputUnreadable, InputUnsupported, PolicyRefused
from edge_assistant.core.signals import HEAD_BYTES, guess_content, printable
from edge_assistant.governance.policy import policy
from edge_assistant.sandbox.seccomp import system_call

_OPENAT2 = 437  # of all machines; Linux 5.6
_NO_MAGIC_LINKS, _BENEATH = 0x02, 0x08  # RESOLVE_NO_MAGICLINKS, such as /proc/self/fd/3; RESOLVE_BENEATH
_OUTSIDE = {errno.EXDEV, errno.ELOOP}  # what openat2 says of a path that leads out, and of a magic link


class _How(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def opened(path: str, folders: Iterable[str]) -> int:
    """Open a regular file in one of the folders, or in a subfolder, for reading.

    The kernel resolves the path within the folder (openat2 with RESOLVE_BENEATH): `..` and links are followed as long
    as they stay in it, whatever is renamed meanwhile. Nothing outside is looked at, not even whether it is there.

    Args:
        path: whole, as a client names it.
        folders: whole paths, as the policy names them.

    Returns:
        A descriptor, which the caller closes.

    Raises:
        PolicyRefused: it is in none of the folders.
        InputMissing, InputUnreadable, InputUnsupported: as the name says.
    """
    named = PurePosixPath(path)
    name = printable(named.name)
    around = [folder for folder in folders if named.is_relative_to(folder)]
    policy.current().check_served_file(bool(around))
    folder = min(around, key=len)
    try:
        held = _beneath(folder, named.relative_to(folder))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise InputMissing(f"{name} does not exist", "check the path") from None
    except OSError as error:
        policy.current().check_served_file(error.errno not in _OUTSIDE)
        raise InputUnreadable(f"{name} cannot be opened ({error.strerror})", "check the file") from None
    try:
        if not stat.S_ISREG(os.fstat(held).st_mode):
            raise InputUnsupported(f"{name} is not a regular file", "name a file")
        return os.open(f"/proc/self/fd/{held}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise InputUnreadable(f"{name} cannot be read ({error.strerror})", "check the file") from None
    finally:
        os.close(held)


@contextlib.contextmanager
def within(folder: str | None, most: int) -> Iterator[dict[str, int]]:
    """Open the files of a folder, without hidden ones, what is in subfolders, and what is of no kind that is perceived.

    Args:
        folder: a whole path; None for no files.
        most: files, the first by their names.

    Yields:
        Descriptors by name, which are closed at the end.

    Raises:
        InputUnreadable: the folder, or one of its files, cannot be opened.
    """
    found: dict[str, int] = {}
    with contextlib.ExitStack() as held:
        for name in _names(folder) if folder else ():
            with contextlib.suppress(InputMissing, InputUnsupported, PolicyRefused):
                descriptor = opened(f"{folder}/{name}", [str(folder)])
                held.callback(os.close, descriptor)
                guess_content(name, _head(descriptor, name))
                found[name] = descriptor
            if len(found) == most:
                break
        yield found


def _head(descriptor: int, name: str) -> bytes:
    try:
        return os.pread(descriptor, HEAD_BYTES, 0)
    except OSError as error:
        raise InputUnreadable(f"{printable(name)} cannot be read ({error.strerror})", "check the file") from None


def _names(folder: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith("."))  # noqa: PTH208
    except OSError as error:
        raise InputUnreadable(f"the folder cannot be read ({error.strerror})", "see serve.wyoming_folder") from None


def _beneath(folder: str, path: PurePosixPath) -> int:
    """A descriptor of what is at a path in a folder, which does not open it: a device or pipe notices nothing.

    Raises:
        OSError: there is nothing to be had.
        ValueError: the path holds a null byte, or what no name of a file can hold.
    """
    if b"\0" in (name := os.fsencode(path)):
        raise ValueError("a null byte")
    how = _How(os.O_PATH | os.O_CLOEXEC, 0, _BENEATH | _NO_MAGIC_LINKS)
    root = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        size = ctypes.c_size_t(ctypes.sizeof(how))
        return system_call(_OPENAT2, ctypes.c_int(root), ctypes.c_char_p(name), ctypes.byref(how), size)
    finally:
        os.close(root)
