"""A conversation as it comes back from the history."""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from edge_assistant.core.errors import InputError
from edge_assistant.core.signals import Kind, Origin, Signal

_TICK_NS = 20_000_000  # a file system's clock may lag behind by a tick of the kernel, 10 ms at most


class SavedState(StrEnum):
    """Whether a signal is still what it was."""

    READY = "ready"
    CHANGED = "changed"  # the file has other bytes than those that were asked about
    GONE = "gone"  # the file cannot be read any more


@dataclass(frozen=True, slots=True)
class SavedSignal:
    """A signal of a saved conversation.

    Attributes:
        signal: as it was taken; a captured one has its bytes.
        state: whether its bytes are still those.
        removed: it was taken out of the conversation after an answer had used it.
    """

    signal: Signal
    state: SavedState
    removed: bool


@dataclass(frozen=True, slots=True)
class SavedTurn:
    """A question with its answer.

    Attributes:
        asked: when it was kept, UTC.
        answer: the contract's object, as `Answer.to_json` made it.
    """

    asked: datetime
    answer: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unsent:
    """What a person typed that no answer holds.

    Attributes:
        draft: what stands in the prompt.
        inputs: what was sent or put aside, the last one last.
        waiting: questions that were sent and are not answered.
    """

    draft: str = ""
    inputs: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Saved:
    """A conversation with all that it holds, in the order in which it came; `lost` is how much could not be read."""

    id: str
    title: str
    began: datetime
    signals: tuple[SavedSignal, ...]
    turns: tuple[SavedTurn, ...]
    lost: int = 0
    unsent: Unsent = Unsent()

    @property
    def unanswered(self) -> tuple[str, ...]:
        """Questions that were being answered; an answer may have been kept just before that was."""
        answered = [turn.answer.get("question") for turn in self.turns[-len(self.unsent.waiting) :]]
        return tuple(question for question in self.unsent.waiting if question not in answered)

    @property
    def present(self) -> tuple[Signal, ...]:
        """The signals that can be asked about again as they were: not removed, not changed, not gone."""
        return tuple(kept.signal for kept in self.signals if kept.state is SavedState.READY and not kept.removed)


@dataclass(frozen=True, slots=True)
class Summary:
    """A conversation in a list; `touched` is when something was added last, `turns` the number of its turns."""

    id: str
    title: str
    began: datetime
    touched: datetime
    turns: int


def packed(value: object) -> bytes:
    """An object as the history keeps it: JSON, compressed, since answers repeat the evidence of those before."""
    return zlib.compress(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"), 1)


def unpacked(data: bytes | None) -> Any:  # noqa: ANN401 - what JSON holds
    """The object back; None where there are no bytes that `packed` made."""
    try:
        return json.loads(zlib.decompress(data or b"").decode("utf-8", "surrogatepass"))
    except (zlib.error, ValueError):
        return None


def signal_record(signal: Signal) -> dict[str, Any]:
    """What is kept of a signal besides its bytes; of a file, what tells quickly whether it changed."""
    record: dict[str, Any] = {
        "kind": signal.kind,
        "origin": signal.origin,
        "name": signal.name,
        "sha256": signal.sha256,
        "taken": signal.taken.isoformat(),
    }
    if signal.path is not None:
        stamp = _stamp(signal.path)
        as_taken = stamp is not None and stamp[1] < signal.taken.timestamp() * 1e9 - _TICK_NS
        record |= {"path": str(signal.path.absolute()), "stamp": stamp if as_taken else None}
    return record


def signal_back(id: str, record: dict[str, Any], data: bytes | None, *, removed: bool) -> SavedSignal:
    """The signal of a record; its file is looked at."""
    signal = Signal(
        id,
        Kind(record["kind"]),
        Origin(record["origin"]),
        record["name"],
        record["sha256"],
        datetime.fromisoformat(record["taken"]),
        data=data,
    )
    if data is not None or "path" not in record:
        return SavedSignal(signal, _state(signal, None) if data is not None else SavedState.GONE, removed)
    signal = replace(signal, path=Path(record["path"]))
    return SavedSignal(signal, _state(signal, record["stamp"]), removed)


def _state(signal: Signal, stamp: list[int] | None) -> SavedState:
    """Whether the bytes are those of the signal; a file of the same size and time is not read for that."""
    if stamp is not None and signal.path is not None and _stamp(signal.path) == stamp:
        return SavedState.READY
    try:
        with signal.open() as stream:
            digest = hashlib.file_digest(stream, "sha256")
    except (InputError, OSError):
        return SavedState.GONE
    return SavedState.READY if digest.hexdigest() == signal.sha256 else SavedState.CHANGED


def _stamp(path: Path) -> list[int] | None:
    """Size and time of change; None where the file cannot be looked at."""
    try:
        found = path.stat()
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns]


def now() -> datetime:
    """The time that is kept."""
    return datetime.now(UTC)
