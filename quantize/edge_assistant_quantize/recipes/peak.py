"""The most memory that a process holds which opens a model and runs it over a few items through the product's sense."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from edge_assistant.compute.runtime import Runtime
from edge_assistant_quantize import senses
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.gguf import processes
from edge_assistant_quantize.progress import ignore

ITEMS = 2  # the second runs in what the first has allocated

_PEAK = "VmHWM:"  # the kernel's high-water mark of a process's own memory; getrusage counts that of its parent, too


def measure(candidate: Candidate, data: Mapping[str, object], *, threads: int) -> float | None:
    """MiB, with Python and the libraries; None where the system does not tell.

    Raises:
        QuantizationFailed: the model cannot be run over the data in a process of its own.
        ModelTooLarge: memory does not suffice.
    """
    request = {
        "name": candidate.name,
        "role": candidate.role,
        "files": {key: str(path.absolute()) for key, path in candidate.paths.items()},
        "options": dict(candidate.options),
        "data": {**data, "limit": ITEMS},
        "threads": threads,
    }
    lines: list[str] = []
    try:
        processes.run(processes.python(__name__, json.dumps(request, default=str)), (), {}, lines.append)
    except processes.Failed as error:
        raise processes.failed(f"the memory of {candidate.name} cannot be measured", error) from None
    told = next((line for line in lines if line.startswith(_PEAK)), "")
    return int(told.split()[1]) / 1024 if told else None


def main() -> None:
    """What the other process does."""
    request = json.loads(sys.argv[1])
    model = Candidate(request["name"], request["role"], Path("/"), request["files"], request["options"]).installed()
    for _ in senses.perceive(model, request["role"], request["data"], Runtime(request["threads"]), ignore):
        pass
    print(*(line for line in _status() if line.startswith(_PEAK)))


def _status() -> list[str]:
    try:
        return Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return []


if __name__ == "__main__":
    main()
