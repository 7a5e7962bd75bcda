"""What this machine has, as facts for `profile.choose`."""

from __future__ import annotations

import math
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
        found = [name for name, device in _DEVICES.items() if Path(device).exists()]
        if platform.system() == "Darwin" and platform.machine() == "arm64":
            found.append("metal")
        return cls(min(_physical_bytes(), _cgroup_bytes()), cores(), tuple(found))


def _physical_bytes() -> int:
    """Memory that is built in."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 8 << 30  # a system that does not tell; most have at least this


def _cgroup_bytes() -> int:
    """Memory that the process's cgroup v2 grants."""
    try:
        return int(_cgroup("memory.max"))
    except (OSError, ValueError):
        return 1 << 62


def cores() -> int:
    """How many cores computation should use, within the limits of the container."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return usable_cores(affinity, *_cgroup_quota())


def usable_cores(affinity: int, quota_us: int | None, period_us: int) -> int:
    """How many cores computation should use.

    Args:
        affinity: cores that the process may be scheduled on.
        quota_us: CPU time that its cgroup grants per period, or None without a limit.
        period_us: length of that period, in microseconds.

    >>> usable_cores(8, None, 100_000), usable_cores(8, 150_000, 100_000), usable_cores(8, 10_000, 100_000)
    (8, 2, 1)
    """
    if quota_us is None or period_us <= 0:
        return max(1, affinity)
    return max(1, min(affinity, math.ceil(quota_us / period_us)))


def _cgroup_quota() -> tuple[int | None, int]:
    """CPU time that the process's cgroup v2 grants a period, in microseconds; (None, 100000) without a limit."""
    try:
        quota, period = _cgroup("cpu.max").split()
        return (None if quota == "max" else int(quota)), int(period)
    except (OSError, ValueError):
        return None, 100_000


def _cgroup(file: str) -> str:
    """A control file of the process's own cgroup v2."""
    own = Path("/proc/self/cgroup").read_text().rpartition("::")[2].strip().lstrip("/")
    return (Path("/sys/fs/cgroup") / own / file).read_text()
