"""Where a verb may write besides its own folders."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge_assistant.governance.offline import bounds

# Benches write results where they are told and start other programs; the resident is not bounded, see `lock.engage`.
# Who forgets overwrites the master key where a link leads to it, as on a stick, and opens nothing of anybody's.
_FREE = frozenset(("bench", "forget", "resident"))
_WRITTEN = {("models", "export"), ("audit", "export"), ("audit", "checkpoint")}  # whose FILE is written


def keep(args: argparse.Namespace) -> None:
    """Let this process write only there from now on.

    Raises:
        LockFailed: the kernel refuses.
        StorageFull: there is no home folder.
    """
    if args.verb not in _FREE:
        bounds.keep(_named(args))


def _named(args: argparse.Namespace) -> list[Path]:
    """The folder of a file that the command line names, as another file takes its place once that is whole."""
    verb = args.verb, getattr(args, f"{args.verb}_verb", None)
    file: Path | None = getattr(args, "file", None) if verb in _WRITTEN else None
    return [] if file is None else [file.resolve().parent]
