"""Which cores are computed on: recorded machines as data, any machine by hypothesis, and folders as Linux has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.compute.scheduling import topology
from edge_assistant.compute.scheduling.topology import Cpu, Facts, decide


def cpus(
    cores: int,
    *,
    smt: int = 1,
    speed: float | None = None,
    first: int = 0,
    package: int | None = 0,
    node: int | None = 0,
) -> list[Cpu]:
    """Cores of one kind, numbered on; siblings lie side by side."""
    made = []
    for core in range(cores):
        siblings = frozenset(range(first + core * smt, first + core * smt + smt))
        made += [Cpu(number, siblings, package, node, speed) for number in sorted(siblings)]
    return made


def facts(known: Sequence[Cpu], allowed: set[int] | None = None, quota: float | None = None) -> Facts:
    return Facts(frozenset(cpu.number for cpu in known) if allowed is None else frozenset(allowed), tuple(known), quota)


def spread(cores: int) -> list[Cpu]:
    """SMT as most servers number it: the siblings of CPU n and n + cores."""
    return [Cpu(n, frozenset({n % cores, n % cores + cores}), 0, 0) for n in range(2 * cores)]


def hybrid(
    performance: int, efficient: int, quick: float | None = 5_000_000, slow: float | None = 3_800_000
) -> list[Cpu]:
    """Intel's: performance cores with SMT, then efficiency cores without."""
    first = 2 * performance
    atoms = [Cpu(n, frozenset({n}), 0, 0, slow, efficient=True) for n in range(first, first + efficient)]
    return [*cpus(performance, smt=2, speed=quick), *atoms]


SOCKETS = [*cpus(16, smt=2), *cpus(16, smt=2, first=32, package=1, node=1)]
SLOWER = [Cpu(n, frozenset({n}), 0, 0, 2_100_000, efficient=True) for n in (12, 13)]
RECORDED: dict[str, tuple[Facts, int, str]] = {
    "one core": (facts(cpus(1)), 1, "1 core"),
    "a laptop with SMT": (facts(cpus(4, smt=2, speed=4_700_000)), 4, "4 cores of 8 CPUs"),
    "4 and 4, by capacity": (
        facts([*cpus(4, speed=1024), *cpus(4, speed=446, first=4)]), 4, "4 performance cores of 8 CPUs"),
    "4 with SMT and 8, told by the processor": (facts(hybrid(4, 8)), 4, "4 performance cores of 16 CPUs"),
    "2 with SMT and 8": (facts(hybrid(2, 8)), 10, "10 cores of 12 CPUs"),
    "2 with SMT, 8, and 2 that are slower yet": (facts([*hybrid(2, 8), *SLOWER]), 10, "10 quicker cores of 14 CPUs"),
    "a telephone: one prime core, three big, four little": (
        facts([*cpus(1, speed=1024), *cpus(3, speed=801, first=1), *cpus(4, speed=326, first=4)]),
        4, "4 performance cores of 8 CPUs"),
    "a container held to 1.5 CPUs": (facts(cpus(8), quota=1.5), 2, "8 cores, 1.5 CPUs granted"),
    "a container held to 1.25 CPUs": (facts(cpus(8), quota=1.25), 1, "8 cores, 1.25 CPUs granted"),
    "an affinity mask of both siblings of one core": (facts(spread(4), {1, 5}), 1, "1 core of 2 CPUs"),
    "two sockets with SMT, each with its memory": (facts(SOCKETS), 16, "16 cores of one socket of 64 CPUs"),
    "two sockets, of which more is granted on the second": (
        facts([*cpus(16), *cpus(16, first=16, package=1, node=1)], {14, 15, 20, 21, 22}),
        3, "3 cores of one socket of 5 CPUs"),
    "one socket whose memory is in four parts": (
        facts([cpu for node in range(4) for cpu in cpus(8, first=8 * node, node=node)]), 32, "32 cores"),
    "nothing is told": (Facts(frozenset({0, 1, 2})), 3, "3 cores"),
    "no CPU is granted": (Facts(frozenset()), 1, "0 cores"),
}  # fmt: skip


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_machine(name: str) -> None:
    there, threads, why = RECORDED[name]
    found = decide(there)
    assert (found.threads, found.why) == (threads, why)


@st.composite
def machines(draw: st.DrawFn) -> Facts:
    numbers = draw(st.sets(st.integers(0, 20), max_size=12))
    known = [
        Cpu(
            number,
            draw(st.frozensets(st.integers(0, 20), max_size=4)),
            draw(st.none() | st.integers(0, 3)),
            draw(st.none() | st.integers(0, 3)),
            draw(st.none() | st.floats(1, 1e7)),
            draw(st.booleans()),
        )
        for number in numbers
    ]
    quota = draw(st.none() | st.floats(0, 64))
    return Facts(draw(st.frozensets(st.integers(0, 20))), tuple(known), quota)


@given(machines())
def test_never_none_and_never_more_than_is_granted(there: Facts) -> None:
    threads = decide(there).threads
    assert 1 <= threads <= max(1, len(there.allowed))
    assert there.quota is None or threads <= max(1.0, there.quota + 0.5)


def written(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{text}\n")
    return root


CPU = "sys/devices/system/cpu/cpu"
HYBRID = {
    **{f"{CPU}{n}/topology/core_cpus_list": "0-1" if n < 2 else str(n) for n in range(4)},
    **{f"{CPU}{n}/topology/physical_package_id": "0" for n in range(4)},
    **{f"{CPU}{n}/cpufreq/cpuinfo_max_freq": "5000000" if n < 2 else "3800000" for n in range(4)},
    "sys/devices/cpu_atom/cpus": "2-3",
    "sys/devices/system/node/node0/cpulist": "0-3",
    "proc/self/cgroup": "0::/app.slice/box",
    "sys/fs/cgroup/app.slice/cpu.max": "150000 100000",
    "sys/fs/cgroup/app.slice/box/cpu.max": "max 100000",
}


def test_what_linux_tells_is_read(tmp_path: Path) -> None:
    found = topology.facts(written(tmp_path, HYBRID), frozenset(range(4)))
    both = frozenset({0, 1})
    assert found == Facts(
        frozenset(range(4)),
        (
            *(Cpu(n, both, 0, 0, 5_000_000) for n in range(2)),
            *(Cpu(n, frozenset({n}), 0, 0, 3_800_000, efficient=True) for n in (2, 3)),
        ),
        1.5,
    )
    assert decide(found).threads == 1


def test_capacities_go_before_frequencies_and_count_only_where_all_have_one(tmp_path: Path) -> None:
    root = written(tmp_path, {f"{CPU}{n}/cpu_capacity": str(1024 - 500 * n) for n in range(2)})
    written(root, {f"{CPU}{n}/cpufreq/cpuinfo_max_freq": "2000000" for n in range(3)})
    assert [cpu.speed for cpu in topology.facts(root, frozenset({0, 1})).cpus] == [1024, 524]
    assert [cpu.speed for cpu in topology.facts(root, frozenset({0, 1, 2})).cpus] == [2_000_000] * 3
    assert [cpu.speed for cpu in topology.facts(root, frozenset({0, 9})).cpus] == [None, None]


@pytest.mark.parametrize("content", ["", "no number", "-1", "9" * 30 + "-1", "0-99999999999", "\0", "²"])
def test_what_is_no_topology_is_left_out(tmp_path: Path, content: str) -> None:
    names = [name for name in HYBRID if name.startswith("sys/devices")]
    root = written(tmp_path, dict.fromkeys(names, content))
    found = decide(topology.facts(root, frozenset(range(4))))
    assert found.threads == 4


def test_without_sysfs_each_cpu_is_a_core(tmp_path: Path) -> None:
    assert topology.facts(tmp_path, frozenset({3, 4})) == Facts(
        frozenset({3, 4}), tuple(Cpu(n, frozenset({n})) for n in (3, 4))
    )
    (tmp_path / CPU).parent.mkdir(parents=True)
    (tmp_path / f"{CPU}3").write_text("a file where a folder should be")
    assert decide(topology.facts(tmp_path, frozenset({3, 4}))).threads == 2
