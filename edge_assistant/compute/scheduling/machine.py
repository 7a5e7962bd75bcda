"""The facts that `topology` decides by, read from where Linux tells them; nothing that is not told is guessed here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edge_assistant.compute.scheduling.topology import Cpu, Facts
from edge_assistant_models import cgroups
from edge_assistant_models.machine import allowed

_SYSTEM = Path("sys/devices/system")
_MOST = 4_096  # a number of a CPU beyond which a list is not believed


def facts(root: Path = Path("/"), granted: frozenset[int] | None = None) -> Facts:
    """What there is and what is granted.

    Args:
        root: the folder that holds `proc` and `sys`.
        granted: CPUs that the process may be scheduled on; None to ask the system.
    """
    mine = allowed() if granted is None else granted
    folder, near = root / _SYSTEM / "cpu", _nodes(root / _SYSTEM / "node")
    efficient, speeds = numbers(_line(root / "sys/devices/cpu_atom/cpus")), _speeds(folder, sorted(mine))
    cpus = [
        Cpu(
            number,
            _siblings(folder / f"cpu{number}/topology") | {number},
            _count(folder / f"cpu{number}/topology/physical_package_id"),
            near.get(number),
            speeds.get(number),
            number in efficient,
        )
        for number in sorted(mine)
    ]
    return Facts(mine, tuple(cpus), cgroups.read(root).cpus)


def numbers(text: str) -> frozenset[int]:
    """The numbers of a list as Linux writes it; what is no list is empty.

    >>> sorted(numbers("0-2,5")), sorted(numbers("")), sorted(numbers("3-1,x,-2"))
    ([0, 1, 2, 5], [], [])
    """
    found: set[int] = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        if not (first.isascii() and first.isdigit() and (last or first).isascii() and (last or first).isdigit()):
            return frozenset()
        if int(last or first) > _MOST:
            return frozenset()
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


def _siblings(folder: Path) -> frozenset[int]:
    return numbers(_line(folder / "core_cpus_list") or _line(folder / "thread_siblings_list"))


def _speeds(folder: Path, cpus: Sequence[int]) -> dict[int, float]:
    """Capacities where all CPUs have one, else their highest frequencies; the two do not compare with each other."""
    for file in ("cpu_capacity", "cpufreq/cpuinfo_max_freq"):
        found = {number: _count(folder / f"cpu{number}" / file) or 0 for number in cpus}
        if all(found.values()):
            return dict(found)
    return {}


def _nodes(folder: Path) -> dict[int, int]:
    """The part of memory that is near, by CPU."""
    lists = sorted(folder.glob("node[0-9]*/cpulist"))
    return {number: at for at, path in enumerate(lists) for number in numbers(_line(path))}


def _count(file: Path) -> int | None:
    """A number that is not negative; Linux writes -1 where it does not know."""
    text = _line(file)
    return int(text) if text.isascii() and text.isdigit() else None


def _line(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, ValueError):
        return ""
