"""What a figure belongs to: the machine, the versions, the models; and whether other things kept it busy."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from edge_assistant import __version__
from edge_assistant_models.machine import Machine
from edge_assistant_models.model import InstalledModel

LIBRARIES = (
    "llama-cpp-python", "onnxruntime", "numpy", "opencv-python-headless", "faster-whisper", "ctranslate2", "rapidocr",
)  # fmt: skip
BUSY_CORES = 0.15  # that others took in the mean; with more, what is measured waits now and then
BUSY_LOAD = 0.5  # load of the last minute at the beginning, for each core


def facts(models: Sequence[InstalledModel]) -> dict[str, Any]:
    """The machine, what is installed, and the models with their sums."""
    here = Machine.detect()
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "product": __version__,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "processor": processor(),
        "cores": here.cores,
        "memory_bytes": here.memory_bytes,
        "accelerators": list(here.accelerators),
        "libraries": {name: version for name in LIBRARIES if (version := _version(name)) is not None},
        "models": {model.name: model.sha256 for model in models},
        "load": load(),
    }


def processor() -> str:
    """The processor's name as the kernel has it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def load() -> float | None:
    """The load of the last minute; None where the system does not tell."""
    try:
        return round(os.getloadavg()[0], 2)
    except (OSError, AttributeError):
        return None


def differences(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between the machines of two runs, one line each; times alone are worth nothing then."""
    before, after = _flat(earlier), _flat(now)
    return [
        f"{key}: {before.get(key)}, now {after.get(key)}"
        for key in dict.fromkeys((*before, *after))
        if before.get(key) != after.get(key)
    ]


def _flat(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What two machines are told apart by, each library and model by itself."""
    found: dict[str, Any] = {key: facts.get(key) for key in ("processor", "cores", "python")}
    for kind in ("libraries", "models"):
        found |= {f"{kind} {name}": told for name, told in (facts.get(kind) or {}).items()}
    return found


@dataclass(frozen=True, slots=True)
class Clock:
    """Seconds at one moment: by the wall, computed by anybody, and by this process and those that it waited for."""

    wall: float
    everybody: float
    own: float

    @classmethod
    def now(cls) -> Clock | None:
        """This moment; None where the system does not tell."""
        everybody = _busy_seconds()
        own = os.times()
        return None if everybody is None else cls(time.monotonic(), everybody, sum(own[:4]))

    def others_since(self, earlier: Clock, apart: float = 0.0) -> float:
        """How many cores others took in the mean since an earlier moment.

        Args:
            earlier: that moment.
            apart: seconds that processes computed for us since, but for those that were waited for.
        """
        wall = self.wall - earlier.wall
        taken = (self.everybody - earlier.everybody) - (self.own - earlier.own) - apart
        return max(0.0, taken / wall) if wall > 0 else 0.0


def cpu_seconds(process: int) -> float:
    """Seconds that a process has computed, and those that it waited for; 0 where it is gone or nobody tells."""
    try:
        told = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return sum(int(ticks) for ticks in told[11:15]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return 0.0


def warning(load_before: float | None, cores: int, others: Mapping[str, float]) -> str:
    """What to say where the machine was busy; empty where it was quiet.

    Args:
        load_before: of the minute before.
        cores: of the machine.
        others: by part, how many cores others took meanwhile.
    """
    disturbed = {part: taken for part, taken in others.items() if taken > BUSY_CORES}
    if disturbed:
        told = ", ".join(f"{taken:.1f} in {part}" for part, taken in disturbed.items())
        return f"other programs took cores meanwhile ({told}): the figures are worth little, measure again"
    if load_before is not None and load_before > BUSY_LOAD * cores:
        return (
            f"the machine was busy (load {load_before:.1f} on {cores} cores) before: it may not have been at rest yet"
        )
    return ""


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _busy_seconds() -> float | None:
    """Seconds that all cores together have computed: user, nice, system, irq, softirq; None where nobody tells."""
    try:
        words = Path("/proc/stat").read_text().splitlines()[0].split()
        ticks = [int(word) for word in words[1:8]]
    except (OSError, ValueError, IndexError):
        return None
    user, nice, system, _, _, irq, softirq = ticks
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")
