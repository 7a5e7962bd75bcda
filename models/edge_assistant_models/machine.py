"""What this machine has, as facts for `profile.choose`, and what Linux control groups grant this process of it.

The groups are of version 2 and of version 1, nested or not.
"""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

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
        return cls(min(physical_bytes(), granted().memory or _UNLIMITED), cores(), tuple(found))


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
    return usable_cores(len(allowed()), granted().cpus)


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


@dataclass(frozen=True, slots=True)
class Grant:
    """What the tightest of the groups around a process grants; None where none limits it.

    Attributes:
        cpus: CPU time in each second, in seconds: 1.5 is one CPU and a half.
        memory: bytes.
        memory_left: bytes that are not taken yet; files in the page cache give way and do not count as taken.
    """

    cpus: float | None = None
    memory: int | None = None
    memory_left: int | None = None


def granted(root: Path = Path("/")) -> Grant:
    """What is granted now. What cannot be read, as on another system, limits nothing.

    Args:
        root: the folder that holds `proc` and `sys`.
    """
    paths, tree = _own(root), root / "sys/fs/cgroup"
    second = [*_folders(tree, paths.get("")), *_folders(tree / "unified", paths.get(""))]  # where both are mounted
    cpus = [*_each(second, _quota_2), *_each(_folders(tree / "cpu", paths.get("cpu")), _quota_1)]
    memory = [*_each(second, _memory_2), *_each(_folders(tree / "memory", paths.get("memory")), _memory_1)]
    return Grant(
        min(cpus, default=None),
        min((limit for limit, _ in memory), default=None),
        min((max(0, limit - taken) for limit, taken in memory), default=None),
    )


def _own(root: Path) -> dict[str, str]:
    """The path of the process's group by controller; that of version 2 under no name."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except (OSError, ValueError):
        return {}
    found: dict[str, str] = {}
    for line in lines:
        controllers, _, path = line.partition(":")[2].partition(":")
        found.update(dict.fromkeys(controllers.split(","), path))
    return found


def _folders(mount: Path, path: str | None) -> list[Path]:
    """The folders of a group and of those around it.

    In a container the path is often the host's, which is not there; the mount is the container's own group then.
    """
    if path is None:
        return []
    own = mount.joinpath(*(part for part in path.split("/") if part not in {"", ".."}))
    return [own, *(folder for folder in own.parents if folder.is_relative_to(mount))]


def _each(folders: Sequence[Path], of: Callable[[Path], T | None]) -> Iterator[T]:
    """What each folder grants, without those that limit nothing."""
    for folder in folders:
        try:
            grant = of(folder)
        except (OSError, ValueError):
            continue
        if grant is not None:
            yield grant


def _quota_2(folder: Path) -> float | None:
    quota, period = (folder / "cpu.max").read_text().split()
    return None if quota == "max" else _cpus(int(quota), int(period))


def _quota_1(folder: Path) -> float | None:
    return _cpus(_number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us"))


def _cpus(quota_us: int, period_us: int) -> float | None:
    """CPU time in each second; -1 is no limit."""
    return quota_us / period_us if quota_us >= 0 and period_us > 0 else None


def _memory_2(folder: Path) -> tuple[int, int] | None:
    limit = (folder / "memory.max").read_text().strip()
    return None if limit == "max" else (int(limit), _taken(folder / "memory.current", folder))


def _memory_1(folder: Path) -> tuple[int, int]:
    """No limit is the largest number there is."""
    limit = _number(folder / "memory.limit_in_bytes")
    return limit, _taken(folder / "memory.usage_in_bytes", folder, "total_")


def _taken(usage: Path, folder: Path, before: str = "") -> int:
    """Bytes in use without what the page cache gives back; what is not told is 0.

    Files in use are given back too, as the system's own `MemAvailable` counts them: weights that are mapped are such.

    Args:
        usage: the file that says how much is in use.
        folder: of the group.
        before: stands before the names of what the group's children use too.
    """
    cache = tuple(f"{before}{kind}_file " for kind in ("active", "inactive"))
    taken, given_back = 0, 0
    with suppress(OSError, ValueError):
        taken = _number(usage)
        lines = (folder / "memory.stat").read_text().splitlines()
        given_back = sum(int(line.partition(" ")[2]) for line in lines if line.startswith(cache))
    return max(0, taken - given_back)


def _number(file: Path) -> int:
    return int(file.read_text())
