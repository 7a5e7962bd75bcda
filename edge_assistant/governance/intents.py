"""The list of what is being forgotten, by ids, on the disk before anything is destroyed and until all is done."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from edge_assistant.storage import atomic
from edge_assistant.vault.master import keys_dir

FILE = "forgetting.json"
WHAT = "the list of an erasure"
_MAX_BYTES = 64 << 20  # two million conversations


@dataclass(frozen=True, slots=True)
class Intent:
    """What is being forgotten.

    Attributes:
        ids: of conversations, those of single questions too.
        why: `asked` by a person, or `expired`.
        all: whether it is everything, and so logs, too.
        files: set aside damaged, by name; they lie beside the history.
        destroyed: whether all of it is gone from the disk.
        recorded: whether the audit trail says so.
    """

    ids: list[str]
    why: str
    all: bool = False
    files: list[str] | None = None
    destroyed: bool = False
    recorded: bool = False


def write(intent: Intent) -> None:
    """Write it down; raises StorageFull."""
    with atomic.storing(WHAT), atomic.writing(keys_dir() / FILE) as stream:
        stream.write(json.dumps(asdict(intent)).encode())


def remove() -> None:
    """All is done; raises StorageFull."""
    with atomic.storing(WHAT):
        (keys_dir() / FILE).unlink(missing_ok=True)


def read() -> Intent | None:
    """What is written down; None where nothing is, or nothing that was written by us; raises StorageFull."""
    file = keys_dir() / FILE
    with atomic.storing(WHAT):
        try:
            found = json.loads(atomic.read_small(file, _MAX_BYTES))
            ids, files = list(found["ids"]), list(found["files"] or ())
            if not all(isinstance(text, str) for text in (*ids, *files)) or any(":" in id for id in ids):
                raise ValueError
            why = "expired" if found["why"] == "expired" else "asked"
            destroyed = found.get("destroyed") is True
            recorded = found.get("recorded", destroyed) is True  # an earlier version recorded before it said so
            return Intent(ids, why, found["all"] is True, files, destroyed, recorded)
        except FileNotFoundError:
            return None
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
            file.unlink()
            return None
