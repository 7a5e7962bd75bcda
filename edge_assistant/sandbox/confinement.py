"""A process that only computes: it keeps what it has open, and gets no file, socket, program or other process any more.

An allow list of system calls, unlike the filter of the offline lock, which refuses some. What is not on it fails with
EPERM, so that a library that asks for more, such as the number of cores in /sys, goes on without.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from edge_assistant.core.errors import LockFailed
from edge_assistant.sandbox import capabilities, landlock, seccomp
from edge_assistant.sandbox.seccomp import ALLOW, ANY_BIT, EQUAL, ERRNO, RETURN, BpfInstruction, SyscallTable

_X86_64, _ARM64 = 0xC000003E, 0xC00000B7  # AUDIT_ARCH
# Numbers on x86-64 and arm64, from the kernel's asm/unistd_64.h and asm-generic/unistd.h.
_COMPUTES = {
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66), "pread64": (17, 67), "preadv": (295, 69),
    "preadv2": (327, 286),
    "lseek": (8, 62), "close": (3, 57), "fstat": (5, 80), "ppoll": (271, 73), "poll": (7, None),
    "sendto": (44, 206), "recvfrom": (45, 207), "sendmsg": (46, 211), "recvmsg": (47, 212),
    "mmap": (9, 222), "munmap": (11, 215), "mremap": (25, 216), "mprotect": (10, 226), "madvise": (28, 233),
    "brk": (12, 214), "futex": (202, 98), "set_robust_list": (273, 99), "rseq": (334, 293), "gettid": (186, 178),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "sigaltstack": (131, 132),
    "sched_yield": (24, 124), "sched_getaffinity": (204, 123), "getpid": (39, 172), "getppid": (110, 173),
    "nanosleep": (35, 101), "clock_nanosleep": (230, 115), "clock_gettime": (228, 113), "clock_getres": (229, 114),
    "gettimeofday": (96, 169), "getrusage": (98, 165), "getrandom": (318, 278),
    "exit": (60, 93), "exit_group": (231, 94),
}  # fmt: skip
_CLONE, _CLONE3, _OPENAT, _GETDENTS, _STAT = (56, 220), (435, 435), (257, 56), (217, 61), (262, 79)
_FCNTL = (72, 25)
_DESCRIPTORS = (0, 1, 2, 3, 1030)  # F_DUPFD, GETFD, SETFD, GETFL, DUPFD_CLOEXEC; not SETOWN, which sends signals
_CLONE_THREAD = 0x00010000  # of this process; without it another one is made
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_EMPTY_PATH = 0x1000  # AT_EMPTY_PATH: of what is open, which is how the C library asks for it
_UNKNOWN_BYTES = 1 << 30  # of address space that a process has before its work, where there is no /proc

NO_LANDLOCK = "this kernel has no Landlock, or refuses it"
NO_FILTER = "this system has no filters of system calls, or refuses them"


def confine(readable: Sequence[str], bytes_more: int) -> tuple[str, ...]:
    """Confine this process and its threads, for good, as far as the system can.

    Args:
        readable: folders in which files can still be read, where the kernel can keep a process to those.
        bytes_more: by which its address space may grow.

    Returns:
        Why it is not confined wholly: empty, or what the system lacks.
    """
    _limit(bytes_more)
    machine = seccomp.machine()
    if machine is None:
        return NO_FILTER, NO_LANDLOCK
    reads = _keeps_out(readable)
    missing = () if reads else (NO_LANDLOCK,)
    try:
        seccomp.install(tuple(_allow_list(machine, reads=reads)), machine.numbers["seccomp"])
    except LockFailed:
        return *missing, NO_FILTER
    return missing


def _keeps_out(readable: Sequence[str]) -> bool:
    """Whether Landlock keeps this process to files in these folders, and out of other processes."""
    try:
        seccomp.no_new_privileges()
        capabilities.give_up()
        known = landlock.abi()
        if not known or not _is_alone():
            return False
        landlock.keep_out(readable, known)
    except (LockFailed, OSError):
        return False
    return True


def _is_alone() -> bool:
    """Whether this process has one thread: Landlock keeps none but the one that asks for it."""
    return len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208 - only counted


def _limit(bytes_more: int) -> None:
    """Bound the memory; let the kernel choose this process where it has to end one for want of memory."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump would hold what was decoded
        if sys.platform == "linux":  # elsewhere it is not kept, or counts other things
            has = _UNKNOWN_BYTES
            with suppress(OSError):
                has = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (has + bytes_more,) * 2)


def _allow_list(machine: SyscallTable, *, reads: bool) -> Iterator[BpfInstruction]:
    """The filter.

    Args:
        machine: whose numbers.
        reads: whether files may be opened for reading, as Landlock says which.
    """
    which = {_X86_64: 0, _ARM64: 1}[machine.audit]
    refused = ERRNO | errno.EPERM
    yield from seccomp.start(machine)
    yield BpfInstruction(EQUAL, 0, 1, _CLONE3[which])
    yield BpfInstruction(RETURN, 0, 0, ERRNO | errno.ENOSYS)  # whose arguments no filter sees; `clone` is called then
    yield from seccomp.argument(_CLONE[which], 0, (_CLONE_THREAD,), ALLOW, refused, ANY_BIT)
    yield from seccomp.argument(_FCNTL[which], 1, _DESCRIPTORS, ALLOW, refused)
    yield from seccomp.argument(_STAT[which], 3, (_EMPTY_PATH,), ALLOW, refused, ANY_BIT)
    if reads:
        yield from seccomp.argument(_OPENAT[which], 2, (_WRITES,), refused, ALLOW, ANY_BIT)
        yield BpfInstruction(EQUAL, 0, 1, _GETDENTS[which])
        yield BpfInstruction(RETURN, 0, 0, ALLOW)
    for numbers in _COMPUTES.values():
        if (number := numbers[which]) is not None:
            yield BpfInstruction(EQUAL, 0, 1, number)
            yield BpfInstruction(RETURN, 0, 0, ALLOW)
    yield BpfInstruction(RETURN, 0, 0, refused)
