"""Files that stand for devices."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from edge_assistant.core.signals import Kind, Origin, Signal, printable


def shown(path: Path) -> str:
    """What messages call a file."""
    return printable(path.name or str(path))


def as_signal(path: Path, kind: Kind, origin: Origin) -> Signal:
    """A file as a signal to be decoded, without its sum, which takes long and nobody asks for."""
    return Signal(f"{kind}:0", kind, origin, shown(path), "", datetime.now(UTC), path)
