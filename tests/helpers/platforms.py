"""What this machine can do, asked without the product: a fault of its own detection must fail tests, not skip them."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import platform
import socket
import sys
from pathlib import Path

import pytest

_LANDLOCK_CREATE_RULESET = 444  # of x86-64 and arm64
_VERSION = 1  # LANDLOCK_CREATE_RULESET_VERSION
_PEERPIDFD = 77  # SO_PEERPIDFD


def _landlock() -> int:
    """The version of Landlock that the kernel has; -1 if it has none."""
    version: int = ctypes.CDLL(None).syscall(ctypes.c_long(_LANDLOCK_CREATE_RULESET), None, 0, _VERSION)
    return version


def _names_peers() -> bool:
    """Whether the kernel gives the process at the other end of a socket as a descriptor."""
    one, other = socket.socketpair()
    with one, other:
        try:
            descriptor = one.getsockopt(socket.SOL_SOCKET, _PEERPIDFD)
        except OSError:
            return False
    os.close(descriptor)
    return True


def _yama() -> int:
    """How far the kernel keeps processes of one user apart (Yama's ptrace_scope); 0 if it does not."""
    scope = Path("/proc/sys/kernel/yama/ptrace_scope")
    return int(scope.read_text()) if scope.exists() else 0


CAN_LOCK = sys.platform == "linux" and platform.machine() in {"x86_64", "aarch64"}
LANDLOCK = _landlock() if CAN_LOCK else -1
PORTAUDIO = ctypes.util.find_library("portaudio") is not None

needs_lock = pytest.mark.skipif(not CAN_LOCK, reason="the lock works on Linux on x86-64 and arm64 only")
needs_landlock = pytest.mark.skipif(LANDLOCK < 1, reason="this kernel has no Landlock")
needs_peer_descriptors = pytest.mark.skipif(
    sys.platform != "linux" or not _names_peers(), reason="Linux before 6.5 names processes by number alone"
)
needs_landlock_scopes = pytest.mark.skipif(LANDLOCK < 6, reason="Landlock has scopes since Linux 6.12")
needs_no_yama = pytest.mark.skipif(_yama() > 0, reason="Yama keeps the processes of a user apart on this system")
