"""Landlock beside a filter: other processes out of reach, no TCP by sockets that are handed over, files in folders.

A filter refuses calls; it cannot look at paths, nor at the sockets that a process is given. Linux's Landlock can,
without privileges. Where a kernel lacks it, the offline lock and confinement hold without, and say so.
https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable

from edge_assistant.sandbox.seccomp import system_call

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # landlock_create_ruleset, _add_rule, _restrict_self, of all machines
_VERSION = 1  # LANDLOCK_CREATE_RULESET_VERSION
_BENEATH = 1  # LANDLOCK_RULE_PATH_BENEATH
_OLDEST = 2  # ABI, Linux 5.19: before it no file could be moved to another folder
_TCP, _SCOPED, _TRUNCATES, _DEVICES = 4, 6, 3, 5  # ABIs since which TCP, scopes, truncation, and ioctl are known

_BIND_AND_CONNECT_TCP = 0b11
_SIGNALS = 0b10  # LANDLOCK_SCOPE_SIGNAL: to processes outside
_ABSTRACT_SOCKETS = 0b01  # LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET: of others, such as those of X11
_WRITE_FILE, _REMOVE_AND_MAKE, _REFER, _TRUNCATE = 1 << 1, 0x1FF << 4, 1 << 13, 1 << 14
_EXECUTE, _READ, _IOCTL = 1, 0b11 << 2, 1 << 15  # programs; files and folders; devices

_BUS = "DBUS_SESSION_BUS_ADDRESS"


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def abi() -> int:
    """What the kernel knows of Landlock; 0 where that is not enough."""
    try:
        found = system_call(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))
    except OSError:
        return 0
    return found if found >= _OLDEST else 0


def part(known: int) -> None:
    """Take this process's one thread out of reach of other processes, and them out of its; children are, too.

    It can look into no process, change none by /proc/PID/mem and take nothing that one has open; TCP sockets that it
    has neither connect nor bind; the abstract sockets of others are not there, but for those of a bus that is one.

    Args:
        known: what `abi` said.

    Raises:
        OSError: the kernel refuses.
    """
    scoped = _ABSTRACT_SOCKETS if known >= _SCOPED and "abstract=" not in os.environ.get(_BUS, "") else 0
    _restrict(_Ruleset(_REFER, _BIND_AND_CONNECT_TCP if known >= _TCP else 0, scoped), {"/": _REFER})


def keep_writes_within(places: Iterable[str], known: int) -> None:
    """Let this thread and its children write, make and remove files in these folders only, for good.

    Args:
        places: folders, and files that are written to; what is not there is passed over.
        known: what `abi` said.

    Raises:
        OSError: the kernel refuses.
    """
    file = _WRITE_FILE | (_TRUNCATE if known >= _TRUNCATES else 0)
    folder = file | _REMOVE_AND_MAKE | _REFER
    _restrict(_Ruleset(folder, 0, 0), {place: folder if os.path.isdir(place) else file for place in places})  # noqa: PTH112


def keep_out(readable: Iterable[str], known: int) -> None:
    """Take all files, other processes and TCP from this thread and its children, for good; what is open stays open.

    Args:
        readable: folders in which files can still be read.
        known: what `abi` said.

    Raises:
        OSError: the kernel refuses.
    """
    files = _EXECUTE | _WRITE_FILE | _READ | _REMOVE_AND_MAKE | _REFER
    files |= (_TRUNCATE if known >= _TRUNCATES else 0) | (_IOCTL if known >= _DEVICES else 0)
    scoped = _ABSTRACT_SOCKETS | _SIGNALS if known >= _SCOPED else 0
    _restrict(_Ruleset(files, _BIND_AND_CONNECT_TCP if known >= _TCP else 0, scoped), dict.fromkeys(readable, _READ))


def _restrict(ruleset: _Ruleset, rules: dict[str, int]) -> None:
    """Put a ruleset over this thread."""
    size = 24 if ruleset.scoped else 16 if ruleset.network else 8  # older kernels take no longer ones
    made = system_call(_CREATE, ctypes.byref(ruleset), ctypes.c_size_t(size), ctypes.c_uint32(0))
    try:
        for place, allowed in rules.items():
            _add(made, place, allowed)
        system_call(_RESTRICT, ctypes.c_int(made), ctypes.c_uint32(0))
    finally:
        os.close(made)


def _add(ruleset: int, place: str, allowed: int) -> None:
    try:
        parent = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rule = _Beneath(allowed, parent)
        system_call(_ADD, ctypes.c_int(ruleset), ctypes.c_int(_BENEATH), ctypes.byref(rule), ctypes.c_uint32(0))
    finally:
        os.close(parent)
