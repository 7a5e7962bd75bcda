"""The offline lock of this process: set at its start, and asked of the kernel afterwards.

`edge-assistant models pull` alone is outside, and the launcher of the app, which starts such pulls.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from edge_assistant.core.errors import LockFailed
from edge_assistant.sandbox import capabilities, landlock, seccomp

# What libraries send by themselves is off even where there is no lock: they look at these when they are imported.
QUIET = {"ORT_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}

_SOL_SOCKET, _SO_DOMAIN = 1, 39


@dataclass(frozen=True, slots=True)
class OfflineLock:
    """Whether the kernel keeps this process off the network; where it does not, why and what to do."""

    locked: bool
    why_not: str = ""
    hint: str = ""

    @property
    def word(self) -> str:
        """What a person is shown."""
        return "offline" if self.locked else "NOT OFFLINE"


_unlocked = OfflineLock(False, "nothing has set it", "start edge-assistant as a command")
_set_here = False  # whether this process, or the one that it is a fork of, has set it
_together = "nothing has set it"  # why Landlock does not keep this process apart from others


def silence() -> None:
    """Switch the telemetry of libraries off, for this process and its children."""
    os.environ.update(QUIET)


def engage(wanted: bool = True, apart: bool = True, accepting: Collection[int] | None = None) -> OfflineLock:
    """Set the lock for the rest of this process and for its children; a second time changes nothing.

    Where the kernel answers as under the lock already, it is set all the same: whoever started this process may have
    set a filter that answers so and refuses nothing else.

    Args:
        wanted: False leaves the process unlocked, unless it was started by a locked one.
        apart: False lets it look into other processes, as the resident has to; see `landlock.part`.
        accepting: of the gateway, the network sockets that it keeps; it accepts connections on them and connects to
            nothing, not even on this machine. None for every other process, which keeps none.

    Raises:
        LockFailed: it should work on this machine and cannot be set.
    """
    global _unlocked, _set_here
    silence()
    machine = seccomp.machine()
    if machine is None:
        _unlocked = OfflineLock(False, "it works on Linux on x86-64 and arm64 only", "use such a machine")
    elif not wanted and not seccomp.in_force():
        _unlocked = OfflineLock(False, "--no-lock was given", "leave it out")
    elif not _set_here:
        _let_go_of_sockets(accepting or ())
        filters = seccomp.program(machine, accepts=accepting is not None)
        seccomp.install(filters, machine.numbers["seccomp"])
        if not seccomp.in_force():
            raise LockFailed("the offline lock was set and is not in force", seccomp.HINT)
        _look_up_no_names()
        _set_here = True
        with contextlib.suppress(OSError):
            capabilities.give_up()  # the resident too: it answers only whoever has the same rights
        if apart:
            _part()
    return state()


def state() -> OfflineLock:
    """Whether the lock is in force, as the kernel says."""
    return OfflineLock(True) if seccomp.machine() is not None and seccomp.in_force() else _unlocked


def apart() -> bool:
    """Whether Landlock keeps this process apart from others, and can keep what it writes within folders."""
    return not _together


def keep_writes_within(places: Iterable[str]) -> None:
    """Let this process write in these folders and files only, for good, where the kernel has Landlock.

    Threads that are there already are not kept; so it is called before there are any.

    Raises:
        LockFailed: the kernel refuses, though it has Landlock.
    """
    known = landlock.abi()
    if not known:
        return
    try:
        seccomp.no_new_privileges()
        landlock.keep_writes_within(places, known)
    except OSError as error:
        what = f"writing cannot be restricted to folders ({error.strerror})"
        raise LockFailed(what, seccomp.HINT) from None


def together() -> str:
    """Why other processes are in reach of this one; empty where Landlock keeps them apart."""
    return _together


def _part() -> None:
    global _together
    known = landlock.abi()
    try:
        if known:
            landlock.part(known)
        _together = "" if known else "this kernel has no Landlock, or none since Linux 5.19"
    except OSError as error:
        _together = f"the kernel refuses Landlock ({error.strerror})"


def _look_up_no_names() -> None:
    """Let glibc find names in the file of hosts only: a resolver beside it, asked by a pipe, would ask the network."""
    configure = getattr(ctypes.CDLL(None), "__nss_configure_lookup", None)
    if configure is not None:
        configure(b"hosts", b"files")


def _let_go_of_sockets(kept: Collection[int]) -> None:
    """Close the network sockets that this process was started with: no filter stops what uses an open one.

    Args:
        kept: descriptors that stay.

    Raises:
        LockFailed: standard input, output or error is one, or it cannot be known.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        descriptors = [int(name) for name in os.listdir("/proc/self/fd")]  # noqa: PTH208 - nothing is loaded for it
    except OSError as error:
        raise LockFailed("the offline lock cannot be set: /proc does not list open files", "mount /proc") from error
    for descriptor in descriptors:
        if descriptor in kept or not _is_network(libc, descriptor):
            continue
        if descriptor <= 2:
            what = f"descriptor {descriptor} of this process is a network socket"
            raise LockFailed(what, "start it with a terminal, files or pipes; or --no-lock before the verb")
        os.close(descriptor)


def _is_network(libc: ctypes.CDLL, descriptor: int) -> bool:
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return False
    except OSError:  # the one that the folder was listed with
        return False
    family, length = ctypes.c_int(), ctypes.c_int(4)
    libc.getsockopt(descriptor, _SOL_SOCKET, _SO_DOMAIN, ctypes.byref(family), ctypes.byref(length))
    return family.value != seccomp.AF_UNIX
