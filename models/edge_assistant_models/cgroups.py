"""What Linux control groups grant this process: CPU time and memory, of version 2 and of version 1, nested or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


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


def read(root: Path = Path("/")) -> Grant:
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
            granted = of(folder)
        except (OSError, ValueError):
            continue
        if granted is not None:
            yield granted


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
