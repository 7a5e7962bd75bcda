"""What this machine has, as facts for `profile.choose`."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

_DEVICES = {"cuda": "/dev/nvidiactl", "rocm": "/dev/kfd"}


@dataclass(frozen=True, slots=True)
class Machine:
    """Memory in bytes, cores, and the accelerators' names."""

    memory_bytes: int
    cores: int
    accelerators: tuple[str, ...] = ()

    @classmethod
    def detect(cls) -> Machine:
        """The facts of this machine, within the limits of its container."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        found = [name for name, device in _DEVICES.items() if Path(device).exists()]
        if platform.system() == "Darwin" and platform.machine() == "arm64":
            found.append("metal")
        return cls(min(_physical_bytes(), _cgroup_bytes()), cores, tuple(found))


def _physical_bytes() -> int:
    """Memory that is built in."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 8 << 30  # a system that does not tell; most have at least this


def _cgroup_bytes() -> int:
    """Memory that the process's cgroup v2 grants."""
    try:
        own = Path("/proc/self/cgroup").read_text().rpartition("::")[2].strip().lstrip("/")
        return int((Path("/sys/fs/cgroup") / own / "memory.max").read_text())
    except (OSError, ValueError):
        return 1 << 62
