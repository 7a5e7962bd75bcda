"""The ways in which code tries to reach a network or the shell, for the proof: each raises what it is refused with."""

from __future__ import annotations

import ctypes
import mmap
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial

from edge_assistant.governance.offline.listener import LOOPBACK, REACH_S, reach, use
from edge_assistant.sandbox import seccomp

Attempt = Callable[[int, int, int], None]

_IN_CHILD = """
import sys
from edge_assistant.governance.offline.listener import reach
try:
    reach(*map(int, sys.argv[1:]))
except OSError as error:
    sys.exit(error.errno)
"""
# On a terminal of its own, which it has to control: else the kernel refuses by itself, as it may for other reasons too.
_IN_TERMINAL = """
import fcntl, os, sys, termios
_, terminal = os.openpty()
fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
try:
    fcntl.ioctl(terminal, int(sys.argv[1]), bytes(4))
except OSError as error:
    sys.exit(error.errno)
"""
_RING_ENTRIES = 4
_RING, _ENTRIES = 0, 0x10000000  # offsets at which io_uring's memory is mapped
_MAKE_SOCKET = 45  # IORING_OP_SOCKET, Linux 5.19
_WAIT = 1  # IORING_ENTER_GETEVENTS


def c_library(family: int, kind: int, port: int) -> None:
    """As a library written in C does."""
    made = ctypes.CDLL(None, use_errno=True).socket(family, kind, 0)
    if made < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    use(socket.socket(fileno=made), family, port)


def system_call(family: int, kind: int, port: int) -> None:
    """As machine code does that asks no library."""
    use(socket.socket(fileno=_call("socket", family, kind, 0)), family, port)


def thread(family: int, kind: int, port: int) -> None:
    """In a thread of this process."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        pool.submit(reach, family, kind, port).result()


def child(family: int, kind: int, port: int) -> None:
    """In a program that this one starts."""
    _run(_IN_CHILD, int(family), int(kind), port)


def io_uring(family: int, kind: int, port: int) -> None:
    """By the kernel's queue of requests, which makes sockets without the call `socket`."""
    parameters = bytearray(120)  # struct io_uring_params
    address = (ctypes.c_char * len(parameters)).from_buffer(parameters)
    ring = _call("io_uring_setup", _RING_ENTRIES, ctypes.addressof(address))
    try:
        fields = struct.unpack_from("30I", parameters)
        tail, array, results = fields[11], fields[16], fields[25]  # sq_off.tail, sq_off.array, cq_off.cqes
        size = max(array + 4 * _RING_ENTRIES, results + 2 * 16 * _RING_ENTRIES)
        with (
            mmap.mmap(ring, size, offset=_RING) as queue,
            mmap.mmap(ring, _RING_ENTRIES * 64, offset=_ENTRIES) as entries,
        ):
            struct.pack_into("<BBHiQQI", entries, 0, _MAKE_SOCKET, 0, 0, family, kind, 0, 0)
            struct.pack_into("<I", queue, array, 0)
            struct.pack_into("<I", queue, tail, 1)
            _call("io_uring_enter", ring, 1, 1, _WAIT, 0, 0)
            (made,) = struct.unpack_from("<8xi", queue, results)
    finally:
        os.close(ring)
    if made < 0:
        raise OSError(-made, os.strerror(-made))
    use(socket.socket(fileno=made), family, port)


def ffmpeg(family: int, kind: int, port: int) -> None:
    """As the library that decodes sound and video opens an address."""
    import av

    host = LOOPBACK[socket.AddressFamily(family)]
    scheme = "tcp" if kind == socket.SOCK_STREAM else "udp"
    address = f"{scheme}://[{host}]:{port}" if family == socket.AF_INET6 else f"{scheme}://{host}:{port}"
    with av.open(address, "w", format="s16le", timeout=REACH_S) as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame(format="s16", layout="mono", samples=160)
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))


def terminal(request: int) -> None:
    """By a request to a terminal: to take a key as pressed, or to load another line discipline."""
    _run(_IN_TERMINAL, request, start_new_session=True)


ATTEMPTS: Mapping[str, Attempt] = {
    "Python": reach,
    "C library": c_library,
    "system call": system_call,
    "thread": thread,
    "child process": child,
    "io_uring": io_uring,
    "FFmpeg": ffmpeg,
}


# What is tried once, as it does not lead to an address: keys for the shell that has the network.
ONCE: Mapping[str, Callable[[], None]] = {
    "TIOCSTI": partial(terminal, seccomp.TIOCSTI),
    "TIOCLINUX": partial(terminal, seccomp.TIOCLINUX),
    "TIOCSETD": partial(terminal, seccomp.TIOCSETD),
}


def _run(code: str, *arguments: int, start_new_session: bool = False) -> None:
    """Run Python code in a process of its own, which ends with the number of the error that it met; raises OSError."""
    command = [sys.executable, "-P", "-c", code, *map(str, arguments)]
    number = subprocess.run(command, check=False, start_new_session=start_new_session).returncode
    if number:
        raise OSError(number, os.strerror(number))


def _call(name: str, *arguments: int) -> int:
    """A system call of this machine; one that the filter does not know is not made.

    Raises:
        OSError: the machine is none of those that the lock knows.
    """
    machine = seccomp.machine()
    if machine is None:
        raise OSError(0, "not tried on this machine")
    return seccomp.system_call(machine.numbers[name], *map(ctypes.c_long, arguments))
