"""The most memory that a process holds which opens a model and runs it over a few items through the product's sense."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge_assistant.compute.runtime import Runtime
from edge_assistant_quantize import room, senses, worker
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.progress import Watch, ignore

ITEMS = 2  # the second runs in what the first has allocated

_PEAK = "VmHWM"  # the kernel's high-water mark of a process's own memory; getrusage counts that of its parent, too


def measure(candidate: Candidate, data: Mapping[str, object], *, threads: int) -> float | None:
    """MiB, with Python and the libraries; None where the system does not tell.

    Raises:
        EdgeAssistantError: the model cannot be run over the data in a process of its own.
    """
    files = {key: str(path.absolute()) for key, path in candidate.paths.items()}
    model = {"name": candidate.name, "role": candidate.role, "files": files, "options": dict(candidate.options)}
    request = {"model": model, "data": {**data, "limit": ITEMS}, "threads": threads}
    failure, hint = f"the memory of {candidate.name} cannot be measured", "the model may be unusual"
    found: float | None = worker.run(__name__, request, ignore, failure=failure, hint=hint)
    return found


def work(request: Mapping[str, Any], watch: Watch) -> float | None:
    """Run the model, in the other process; its peak of memory in MiB."""
    found = Candidate(folder=Path("/"), **request["model"])
    with found.held() as (model, _):
        for _ in senses.perceive(model, found.role, request["data"], Runtime(request["threads"]), watch):
            pass
    peak = room.of_kernel("self/status", _PEAK)
    return int(peak.split()[0]) / 1024 if peak else None
