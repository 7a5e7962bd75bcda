"""What control groups grant: version 2 and 1, both at once, nested, in containers, and nothing that can be read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from edge_assistant_models import machine
from edge_assistant_models.machine import Grant

GIB = 1 << 30
V2, CPU, MEMORY = "sys/fs/cgroup", "sys/fs/cgroup/cpu", "sys/fs/cgroup/memory"
NO_LIMIT = str(9223372036854771712)  # what version 1 writes

GRANTS: dict[str, tuple[dict[str, str], Grant]] = {
    "nothing is there": ({}, Grant()),
    "version 2 without limits": (
        {"proc/self/cgroup": "0::/", f"{V2}/cpu.max": "max 100000", f"{V2}/memory.max": "max"},
        Grant(),
    ),
    "version 2 in a container": (
        {
            "proc/self/cgroup": "0::/",
            f"{V2}/cpu.max": "150000 100000",
            f"{V2}/memory.max": str(4 * GIB),
            f"{V2}/memory.current": str(3 * GIB),
            f"{V2}/memory.stat": f"anon 5\ninactive_file {GIB // 2}\nactive_file {GIB // 2}\nunevictable 7\n",
        },
        Grant(1.5, 4 * GIB, 2 * GIB),
    ),
    "version 2, the tightest of nested groups": (
        {
            "proc/self/cgroup": "0::/a/b",
            f"{V2}/a/cpu.max": "300000 100000",
            f"{V2}/a/b/cpu.max": "800000 100000",
            f"{V2}/a/memory.max": str(2 * GIB),
            f"{V2}/a/b/memory.max": str(8 * GIB),
        },
        Grant(3.0, 2 * GIB, 2 * GIB),
    ),
    "version 2, the path of the host, which is not there": (
        {"proc/self/cgroup": "0::/docker/1234", f"{V2}/cpu.max": "50000 100000"},
        Grant(0.5),
    ),
    "version 1": (
        {
            "proc/self/cgroup": "4:memory:/box\n3:cpuset:/\n2:cpu,cpuacct:/box\n0::/",
            f"{CPU}/box/cpu.cfs_quota_us": "250000",
            f"{CPU}/box/cpu.cfs_period_us": "100000",
            f"{MEMORY}/box/memory.limit_in_bytes": str(GIB),
            f"{MEMORY}/box/memory.usage_in_bytes": str(GIB // 2),
            f"{MEMORY}/box/memory.stat": (
                "active_file 1\ninactive_file 2\ntotal_active_file 300\ntotal_inactive_file 20\n"
            ),
            f"{MEMORY}/memory.limit_in_bytes": NO_LIMIT,
        },
        Grant(2.5, GIB, GIB // 2 + 320),
    ),
    "version 1 without limits": (
        {
            "proc/self/cgroup": "2:cpu:/",
            f"{CPU}/cpu.cfs_quota_us": "-1",
            f"{CPU}/cpu.cfs_period_us": "100000",
        },
        Grant(),
    ),
    "both versions, the second beside the first": (
        {
            "proc/self/cgroup": "2:cpu:/\n0::/unit",
            f"{CPU}/cpu.cfs_quota_us": "400000",
            f"{CPU}/cpu.cfs_period_us": "100000",
            f"{V2}/unified/unit/cpu.max": "200000 100000",
        },
        Grant(2.0),
    ),
    "a path that leads out": (
        {"proc/self/cgroup": "0::/../../secret", f"{V2}/secret/cpu.max": "100000 100000"},
        Grant(1.0),
    ),
    "damaged": (
        {
            "proc/self/cgroup": "no colons\n\n2:cpu:/\n0::/",
            f"{V2}/cpu.max": "lots",
            f"{V2}/memory.max": "much",
            f"{CPU}/cpu.cfs_quota_us": "100000",
            f"{CPU}/cpu.cfs_period_us": "0",
        },
        Grant(),
    ),
    "more is taken than granted": (
        {"proc/self/cgroup": "0::/", f"{V2}/memory.max": "100", f"{V2}/memory.current": "900", f"{V2}/memory.stat": ""},
        Grant(memory=100, memory_left=0),
    ),
}


def written(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{text}\n")
    return root


@pytest.mark.parametrize("name", GRANTS)
def test_what_is_granted(name: str, tmp_path: Path) -> None:
    files, grant = GRANTS[name]
    assert machine.granted(written(tmp_path, files)) == grant


def test_a_quota_limits_the_choice_of_a_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(16)), raising=False)
    monkeypatch.setattr(machine, "granted", lambda: Grant(3.0, GIB))
    assert (machine.Machine.detect().cores, machine.Machine.detect().memory_bytes) == (3, GIB)
