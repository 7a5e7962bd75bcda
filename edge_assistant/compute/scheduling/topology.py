"""On which cores to compute, by what the machine says of its CPUs and by what is granted.

What computes here is a pool of threads in lock-step (a layer is done when its slowest thread is), so that a pool is as
fast as its slowest core times its cores. Two threads of one core (SMT) share what multiplies, and memory is read no
faster by both; cores of another socket read memory across the sockets, so there are no more threads than one socket has
cores. That is a number and no more: no thread is bound to a core, the system places them. Facts come from Linux only.

Libraries that make pools of threads of their own accord are told how many, and not to spin, before they are loaded.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edge_assistant_models.machine import allowed, granted, usable_cores

_GAIN = 1.6  # times as fast on paper as slower cores have to make a pool, for they have less cache
_HALF = 0.5  # of what a performance core multiplies in a cycle is what Intel's efficiency core does
_SYSTEM = Path("sys/devices/system")
_MOST = 4_096  # a number of a CPU beyond which a list is not believed

# Turns of a loop in which a thread of llama.cpp's OpenMP waits before it sleeps. The default of 300,000 (some
# milliseconds) has it at its best on cores that nobody else uses; beside one busy process it decoded at 0.4 of the
# speed that it has with 1,000, which cost 2 to 6 % of it on free cores (Qwen 1.5B on two cores).
_SPIN = "1000"

BEFORE_NUMPY: Mapping[str, str] = {
    "OPENBLAS_NUM_THREADS": "1",  # numpy's products here take a millisecond; its idle threads spin for 20
    "GOMP_SPINCOUNT": _SPIN,
}


@dataclass(frozen=True, slots=True)
class Cpu:
    """One CPU as Linux counts them: a core, or one of a core's threads.

    Attributes:
        number: of the CPU.
        siblings: the CPUs of the same core, this one among them.
        package: the socket, or None where that is not told.
        node: the part of memory that is near, or None.
        speed: of the core against the others of its kind, in any unit; None where that is not told.
        efficient: whether the processor itself calls the core one for efficiency, which does less in each cycle.
    """

    number: int
    siblings: frozenset[int]
    package: int | None = None
    node: int | None = None
    speed: float | None = None
    efficient: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What there is and what is granted.

    Attributes:
        allowed: CPUs that the process may be scheduled on.
        cpus: what is known of CPUs; those that nothing is known of are each a core of their own.
        quota: CPU time that is granted in each second, in seconds; None without a limit.
    """

    allowed: frozenset[int]
    cpus: tuple[Cpu, ...] = ()
    quota: float | None = None


@dataclass(frozen=True, slots=True)
class Cores:
    """What to compute on.

    Attributes:
        threads: of one heavy computation, 1 at least.
        why: how that comes, for people, such as `4 performance cores of 12 CPUs`.
    """

    threads: int
    why: str


def decide(facts: Facts) -> Cores:
    """How many threads to compute with.

    >>> decide(Facts(frozenset({0, 1}))).threads
    2
    """
    cores = _cores(facts)
    near = _one_socket(cores)
    quick = _performance(near)
    threads = usable_cores(len(quick), facts.quota)
    kind = "quicker " if any(core.efficient for core in quick) else "performance "
    what = f"{kind if len(quick) < len(near) else ''}core"
    why = f"{len(quick)} {what}{'' if len(quick) == 1 else 's'}"
    why += " of one socket" if len(near) < len(cores) else ""
    why += f" of {len(facts.allowed)} CPUs" if len(quick) < len(facts.allowed) else ""
    granted = facts.quota is not None and facts.quota < len(quick)
    return Cores(threads, f"{why}, {facts.quota:g} CPUs granted" if granted else why)


def _cores(facts: Facts) -> list[Cpu]:
    """One CPU of each core that the process may use, for SMT siblings are not counted."""
    told = {cpu.number: cpu for cpu in facts.cpus}
    found: dict[int, Cpu] = {}
    for number in sorted(facts.allowed):
        cpu = told.get(number) or Cpu(number, frozenset({number}))
        found.setdefault(min((cpu.siblings | {number}) & facts.allowed), cpu)
    return list(found.values())


def _one_socket(cores: Sequence[Cpu]) -> list[Cpu]:
    """The cores of the socket that has most to give, where sockets have memory of their own.

    Virtual machines show each CPU as a socket of its own over one and the same memory: those are one.
    """
    groups: list[tuple[set[tuple[str, int]], list[Cpu]]] = []
    for core in cores:
        places = {(kind, at) for kind, at in (("socket", core.package), ("memory", core.node)) if at is not None}
        joined = [core]
        for group in [group for group in groups if group[0] & places or not places]:
            groups.remove(group)
            places |= group[0]
            joined = group[1] + joined
        groups.append((places, joined))
    return max((members for _, members in groups), key=_pace, default=[])


def _performance(cores: Sequence[Cpu]) -> list[Cpu]:
    """The quickest cores; slower ones where the pool gains much by them, as by eight beside two performance cores."""
    if any(core.speed is None for core in cores):
        cores = [replace(core, speed=None) for core in cores]  # what is told of some says nothing of the others
    pools = [[core for core in cores if _speed(core) >= least] for least in {_speed(core) for core in cores}]
    pools.sort(key=len)
    best = pools[0] if pools else []
    for pool in pools[1:]:
        best = pool if _pace(pool) >= _GAIN * _pace(best) else best
    return best


def _pace(pool: Sequence[Cpu]) -> float:
    """What a pool of threads gets done: its cores times the slowest of them."""
    return len(pool) * min(map(_speed, pool), default=0.0)


def _speed(core: Cpu) -> float:
    return (1.0 if core.speed is None else core.speed) * (_HALF if core.efficient else 1.0)


def facts(root: Path = Path("/"), cpus: frozenset[int] | None = None) -> Facts:
    """What there is and what is granted.

    Args:
        root: the folder that holds `proc` and `sys`.
        cpus: that the process may be scheduled on; None to ask the system.
    """
    mine = allowed() if cpus is None else cpus
    folder, near = root / _SYSTEM / "cpu", _nodes(root / _SYSTEM / "node")
    efficient, speeds = numbers(_line(root / "sys/devices/cpu_atom/cpus")), _speeds(folder, sorted(mine))
    found = [
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
    return Facts(mine, tuple(found), granted(root).cpus)


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


def tell_libraries(threads: int | None = None, environment: MutableMapping[str, str] = os.environ) -> None:
    """Tell libraries that are not loaded yet; what the environment says already holds.

    Args:
        threads: of one heavy computation; None where that is not known yet, as when a command begins.
        environment: in which the libraries look when they are loaded.
    """
    for name, value in BEFORE_NUMPY.items():
        environment.setdefault(name, value)
    if threads is not None:
        environment.setdefault("OPENCV_FOR_THREADS_NUM", str(threads))
        environment.setdefault("RAYON_NUM_THREADS", str(threads))  # tokenizers
