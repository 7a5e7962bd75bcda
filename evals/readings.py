"""Readings: a table with everything that is said about it, against pandas' read_csv alone, alternating in one run."""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge_assistant.core.errors import UsageError

NAME = "readings"
HELP = "a million rows of readings against pandas.read_csv alone"
_CHUNK = 100_000


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of two numeric columns (default: a million)")
    parser.add_argument("--repeats", type=int, default=7, help="times that each is measured (default: 7)")
    parser.add_argument("--seed", type=int, default=0, help="of the invented readings (default: 0)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Measure and print; 0."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "readings.csv"
        write_readings(path, args.rows, args.seed)
        figures = measure(path, args.repeats)
    if args.json:
        print(json.dumps(figures))
        return 0
    print(f"{args.rows:,} rows, {figures['bytes'] / 1e6:.0f} MB, median of {args.repeats}, alternating:")
    for name, label in (("read", "read to a table"), ("perceive", "read and described"), ("pandas", "pandas.read_csv")):
        ratio = figures["ratios"].get(name)
        against = f", {ratio:.2f} x pandas" if ratio else ""
        print(f"  {label:20} {figures['seconds'][name]:.3f} s{against}, peak {figures['peak_mib'][name]:.0f} MiB")
    return 0


def write_readings(path: Path, rows: int, seed: int) -> None:
    """Write invented readings, one a second: a wandering temperature and a noisy humidity."""
    import numpy as np

    random = np.random.default_rng(seed)
    start, level = np.datetime64("2024-01-01T00:00:00"), 20.0
    with path.open("w", encoding="ascii") as file:
        file.write("time,temperature [degC],humidity [%]\n")
        for first in range(0, rows, _CHUNK):
            count = min(_CHUNK, rows - first)
            times = (start + np.arange(first, first + count)).astype(str)
            temperature = level + random.normal(0, 0.01, count).cumsum()
            level = float(temperature[-1])
            cells = zip(times, temperature.tolist(), random.normal(50, 5, count).tolist(), strict=True)
            file.writelines(f"{moment},{a:.2f},{b:.3f}\n" for moment, a, b in cells)


def measure(path: Path, repeats: int) -> dict[str, Any]:
    """Seconds, ratios to pandas and peak memory of reading, of the whole sense, and of pandas.read_csv.

    Peak memory is that of a process of its own, interpreter and libraries included.
    """
    for work in _WORK.values():
        work(path)
    seconds: dict[str, list[float]] = {name: [] for name in _WORK}
    for _ in range(repeats):
        for name, work in _WORK.items():
            start = time.perf_counter()
            work(path)
            seconds[name].append(time.perf_counter() - start)
    ratios = {
        name: statistics.median(a / b for a, b in zip(taken, seconds["pandas"], strict=True))
        for name, taken in seconds.items()
        if name != "pandas"
    }
    return {
        "bytes": path.stat().st_size,
        "seconds": {name: statistics.median(taken) for name, taken in seconds.items()},
        "ratios": ratios,
        "peak_mib": {name: _peak_mib(name, path) for name in _WORK},
    }


def _read(path: Path) -> None:
    from edge_assistant.perception.csvfile import read_csv

    with path.open("rb") as stream:
        read_csv(stream, path.name, path.stat().st_size)


def _perceive(path: Path) -> None:
    from edge_assistant.compute.runtime import Runtime
    from edge_assistant.core.signals import Kind, Origin, Signal
    from edge_assistant.perception.sense import Request
    from edge_assistant.perception.senses.readings import Readings

    signal = Signal("readings:1", Kind.READINGS, Origin.FILE, path.name, "", datetime.now(UTC), path)
    Readings({}, Runtime.detect()).perceive(signal, Request())


def _pandas(path: Path) -> None:
    try:
        import pandas
    except ImportError:
        raise UsageError("pandas is not installed", "install the extra 'bench'") from None
    pandas.read_csv(path)


_WORK: dict[str, Callable[[Path], None]] = {"read": _read, "perceive": _perceive, "pandas": _pandas}


def _peak_mib(name: str, path: Path) -> float:
    import multiprocessing

    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_peak_of, (name, path))


def _peak_of(name: str, path: Path) -> float:
    """In a fresh process: the peak of its memory in MiB after the work."""
    _WORK[name](path)
    with contextlib.suppress(OSError):  # on Linux ru_maxrss has the parent's peak in it
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024 / (1024 if sys.platform == "darwin" else 1)
