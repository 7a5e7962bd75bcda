"""Filters of system calls: their parts, that of the offline lock for each machine, and installation in the kernel.

Linux runs a filter before each system call of the process, its threads and its children; nobody can take it off
again. Imports little, as it runs before anything else does.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from edge_assistant.core.errors import LockFailed

AF_UNIX = 1  # pipes between programs of this machine: PulseAudio, the keyring over D-Bus, the screen
NO_FAMILY = 0x7FFF  # of no kernel: the lock answers EACCES, a kernel without it EAFNOSUPPORT, and no socket is made
TUNSETIFF = 0x400454CA  # of /dev/net/tun: makes a descriptor that packets go through
# Keys as if they were pressed: the shell that started this process, or any program on the screen, obeys them outside
# the lock. The last loads another line discipline into the kernel, of which some make networks (SLIP, PPP).
TIOCSTI, TIOCLINUX, UI_DEV_CREATE, TIOCSETD = 0x5412, 0x541C, 0x5501, 0x5423  # asm-generic/ioctls.h, linux/uinput.h
IOCTLS = (TUNSETIFF, TIOCSTI, TIOCLINUX, UI_DEV_CREATE, TIOCSETD)  # refused with EPERM, on whatever descriptor
X32 = 0x40000000  # the x86-64 kernel's second numbering of system calls

# Which way to a network each closes, and what the program is told.
REFUSED: Mapping[str, int] = {
    # sockets without socket(); programs that know ENOSYS go on without
    "io_uring_setup": errno.ENOSYS,
    "io_uring_enter": errno.ENOSYS,
    "io_uring_register": errno.ENOSYS,
    # the socket of another process: taken, or used by making that process do it
    "pidfd_getfd": errno.EPERM,
    "ptrace": errno.EPERM,
    "process_vm_writev": errno.EPERM,
    # the kernel's own sockets: names looked up for a key, network file systems, code in the kernel
    "request_key": errno.EPERM,
    "mount": errno.EPERM,
    "fsopen": errno.EPERM,
    "bpf": errno.EPERM,
    "init_module": errno.EPERM,
    "finit_module": errno.EPERM,
    "kexec_load": errno.EPERM,
    "kexec_file_load": errno.EPERM,
}
SOCKETS = ("socket", "socketpair")
# Ways out by a socket that somebody may accept connections on: it forgets its peer by connect(AF_UNSPEC) and connects
# elsewhere; TCP Fast Open connects by sending. By call, the argument that holds its flags.
CONNECTING, SENDING, MSG_FASTOPEN = "connect", {"sendto": 3, "sendmsg": 2, "sendmmsg": 3}, 0x20000000

# Classic BPF: a register is loaded from the call's description, compared, and a verdict returned.
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data; both machines are little endian
KILL, ALLOW, ERRNO = 0x80000000, 0x7FFF0000, 0x00050000  # the process; the call; errno in the lower 16 bits

HINT = "use a Linux with seccomp filters; or --no-lock before the verb, and code can reach the network"

_PR_SET_NO_NEW_PRIVS = 38
_SET_MODE_FILTER = 1
_TSYNC = 1  # the threads that are there get it too
_SPEC_ALLOW = 4  # else kernels before 5.16 slow all computation of the process down


class SyscallTable(NamedTuple):
    """What differs between the machines: AUDIT_ARCH, the highest number of a call, and the numbers by name."""

    audit: int
    numbers_end: int | None
    numbers: Mapping[str, int]


class BpfInstruction(NamedTuple):
    """One of classic BPF: what it does, how many to skip where a comparison holds and where not, the operand."""

    code: int
    yes: int
    no: int
    operand: int


# From the kernel's asm/unistd_64.h and asm-generic/unistd.h.
MACHINES: Mapping[str, SyscallTable] = {
    "x86_64": SyscallTable(
        0xC000003E,
        X32,
        {
            "socket": 41, "socketpair": 53, "ioctl": 16, "seccomp": 317,
            "connect": 42, "sendto": 44, "sendmsg": 46, "sendmmsg": 307,
            "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
            "pidfd_getfd": 438, "ptrace": 101, "process_vm_writev": 311,
            "request_key": 249, "mount": 165, "fsopen": 430, "bpf": 321, "init_module": 175, "finit_module": 313,
            "kexec_load": 246, "kexec_file_load": 320,
        },
    ),
    "aarch64": SyscallTable(
        0xC00000B7,
        None,
        {
            "socket": 198, "socketpair": 199, "ioctl": 29, "seccomp": 277,
            "connect": 203, "sendto": 206, "sendmsg": 211, "sendmmsg": 269,
            "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
            "pidfd_getfd": 438, "ptrace": 117, "process_vm_writev": 271,
            "request_key": 218, "mount": 40, "fsopen": 430, "bpf": 280, "init_module": 105, "finit_module": 273,
            "kexec_load": 104, "kexec_file_load": 294,
        },
    ),
}  # fmt: skip


def machine() -> SyscallTable | None:
    """This machine, where the lock works; a 32-bit Python on a 64-bit kernel makes other calls."""
    if sys.platform != "linux" or sys.maxsize < 1 << 32:
        return None
    return MACHINES.get(os.uname().machine)


def program(machine: SyscallTable, *, accepts: bool = False) -> tuple[BpfInstruction, ...]:
    """The filter of a machine.

    Args:
        machine: see `machine`.
        accepts: for a process that holds network sockets to accept connections on, which connects to nothing at all.
    """
    return tuple(_instructions(machine, accepts))


def _instructions(machine: SyscallTable, accepts: bool) -> Iterator[BpfInstruction]:
    yield from start(machine)
    for name, told in [*REFUSED.items(), *([(CONNECTING, errno.EACCES)] if accepts else [])]:
        yield BpfInstruction(EQUAL, 0, 1, machine.numbers[name])
        yield BpfInstruction(RETURN, 0, 0, ERRNO | told)
    for name in SOCKETS:
        yield from argument(machine.numbers[name], 0, (AF_UNIX,), ALLOW, ERRNO | errno.EACCES)
    for name, flags in SENDING.items() if accepts else ():
        yield from argument(machine.numbers[name], flags, (MSG_FASTOPEN,), ERRNO | errno.EACCES, ALLOW, ANY_BIT)
    yield from argument(machine.numbers["ioctl"], 1, IOCTLS, ERRNO | errno.EPERM, ALLOW)
    yield BpfInstruction(RETURN, 0, 0, ALLOW)


def start(machine: SyscallTable) -> Iterator[BpfInstruction]:
    """What every filter begins with: calls of another machine end the process, and the call's number is loaded."""
    yield BpfInstruction(LOAD, 0, 0, _ARCHITECTURE)
    yield BpfInstruction(EQUAL, 1, 0, machine.audit)
    yield BpfInstruction(RETURN, 0, 0, KILL)  # a 32-bit program, whose numbers mean other calls
    yield BpfInstruction(LOAD, 0, 0, _NUMBER)
    if machine.numbers_end is not None:
        yield BpfInstruction(AT_LEAST, 0, 1, machine.numbers_end)
        yield BpfInstruction(RETURN, 0, 0, ERRNO | errno.ENOSYS)


def argument(
    number: int, which: int, values: Sequence[int], holds: int, fails: int, test: int = EQUAL
) -> Iterator[BpfInstruction]:
    """A call's verdict by one of its arguments, of which the kernel takes the lower 32 bits.

    Args:
        number: of the call.
        which: of its arguments, from 0.
        values: that the argument is compared with.
        holds: the verdict where the test holds for one of them.
        fails: the verdict where it holds for none.
        test: `EQUAL`, or `ANY_BIT`: it has some of the bits.
    """
    yield BpfInstruction(EQUAL, 0, len(values) + 3, number)
    yield BpfInstruction(LOAD, 0, 0, _ARGUMENTS + 8 * which)
    for left, value in reversed(list(enumerate(values))):
        yield BpfInstruction(test, left + 1, 0, value)
    yield BpfInstruction(RETURN, 0, 0, fails)
    yield BpfInstruction(RETURN, 0, 0, holds)


class _Filter(ctypes.Structure):
    _fields_ = (("code", ctypes.c_ushort), ("yes", ctypes.c_ubyte), ("no", ctypes.c_ubyte), ("operand", ctypes.c_uint))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filters", ctypes.POINTER(_Filter)))


def system_call(number: int, *arguments: object) -> int:
    """What a system call of the kernel gives; raises OSError if it fails."""
    libc = ctypes.CDLL(None, use_errno=True)
    result: int = libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def no_new_privileges() -> None:
    """Let nothing that this process runs have more rights than it, without which the kernel takes no filter of it.

    Raises:
        LockFailed: the kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, *map(ctypes.c_ulong, (1, 0, 0, 0))):
        raise _refused("prctl", ctypes.get_errno())


def install(instructions: Sequence[BpfInstruction], seccomp: int) -> None:
    """Put a filter over this process and all its threads, for good.

    Args:
        instructions: the filter.
        seccomp: number of the system call of this name.

    Raises:
        LockFailed: the kernel refuses.
    """
    no_new_privileges()
    filters = (_Filter * len(instructions))(*(_Filter(*instruction) for instruction in instructions))
    described = _Program(len(instructions), filters)
    flags = ctypes.c_ulong(_TSYNC | _SPEC_ALLOW)
    try:
        thread = system_call(seccomp, ctypes.c_ulong(_SET_MODE_FILTER), flags, ctypes.byref(described))
    except OSError as error:
        raise _refused("seccomp", error.errno or 0) from None
    if thread > 0:
        raise LockFailed(f"the offline lock cannot be set: thread {thread} has a filter of its own", HINT)


def in_force() -> bool:
    """Whether the kernel refuses this process network sockets the way the lock does."""
    libc = ctypes.CDLL(None, use_errno=True)
    made: int = libc.socket(NO_FAMILY, 1, 0)
    return made < 0 and ctypes.get_errno() == errno.EACCES


def _refused(call: str, number: int) -> LockFailed:
    return LockFailed(f"the offline lock cannot be set: the kernel refuses {call} ({os.strerror(number)})", HINT)
