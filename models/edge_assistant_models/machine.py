"""What this machine has, as facts for `profile.choose`."""

from __future__ import annotations

import math
import os
import platform
from dataclasses import dataclass
from pathlib import Path

from edge_assistant_models import cgroups

NVIDIA, AMD = "/dev/nvidiactl", "/dev/kfd"  # files by which the kernel shows a card whose driver computes
_UNLIMITED = 1 << 62  # bytes


@dataclass(frozen=True, slots=True)
class Machine:
    """Memory in bytes, cores, and the accelerators' names."""

    memory_bytes: int
    cores: int
    accelerators: tuple[str, ...] = ()

    @classmethod
    def detect(cls) -> Machine:
        """The facts of this machine, within the limits of its container."""
        found = [name for name, device in (("cuda", NVIDIA), ("rocm", AMD)) if Path(device).exists()]
        if is_apple():
            found.append("metal")
        return cls(min(physical_bytes(), cgroups.read().memory or _UNLIMITED), cores(), tuple(found))


def is_apple() -> bool:
    """Whether this is one of Apple's machines with Apple's processor, whose card needs no file."""
    return platform.system() == "Darwin" and platform.machine() == "arm64"


def physical_bytes() -> int:
    """Memory that is built in."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 8 << 30  # a system that does not tell; most have at least this


def cores() -> int:
    """How many CPUs computation may use, within the limits of the container."""
    return usable_cores(len(allowed()), cgroups.read().cpus)


def allowed() -> frozenset[int]:
    """The CPUs that the process may be scheduled on."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def usable_cores(cores: int, quota: float | None) -> int:
    """How many of some cores are worth a thread each.

    Half a CPU is worth one: threads are throttled in turn. Less is lost again, as each waits for the one that is
    throttled: of 1.5 CPUs two threads make of a language model 1.05 times what one makes, of 1.25 they make 0.7.

    Args:
        cores: that may be used.
        quota: CPU time that is granted in each second, in seconds; None without a limit.

    >>> usable_cores(8, None), usable_cores(8, 1.5), usable_cores(8, 1.25), usable_cores(8, 0.1)
    (8, 2, 1, 1)
    """
    if quota is None:
        return max(1, cores)
    return max(1, min(cores, math.floor(quota + 0.5)))
