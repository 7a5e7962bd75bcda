"""What every device that is read has in common, what can happen to it, and how it is found and called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol, TypeVar

from edge_assistant.core.errors import DeviceMissing
from edge_assistant.core.signals import Kind, Origin, Signal, printable


class Named(Protocol):
    """Something that a person knows by a name."""

    @property
    def name(self) -> str:
        """The name."""


T_co = TypeVar("T_co", covariant=True)
N = TypeVar("N", bound=Named)


class Device(Protocol[T_co]):
    """Something that is opened, read by one thread, and closed; it may be opened again after that.

    Attributes:
        name: what a person calls it, and by which it is found again.
    """

    @property
    def name(self) -> str:
        """What a person calls it."""

    def open(self) -> None:
        """Find it by its name and start it.

        Raises:
            DeviceMissing: it is not there, or the library that drives it is not.
            DeviceBusy: another program has it.
        """

    def read(self) -> T_co | None:
        """Wait for what comes next, a second at most; None where nothing did and that is no failure.

        Raises:
            DeviceLost: nothing came, or it is gone.
            DeviceEnded: a recording that stands for it is over.
        """

    def close(self) -> None:
        """Let it go; nothing happens where it is not open."""


def numbered(name: str, others: Iterable[str]) -> str:
    """A name by which a device can be told from others that are found before it.

    >>> numbered("USB Audio", ["USB Audio", "Built-in"])
    'USB Audio #2'
    """
    same = sum(other == name or other.startswith(f"{name} #") for other in others)
    return f"{name} #{same + 1}" if same else name


class Change(StrEnum):
    """What happened to a device that is kept."""

    OPENED = "opened"
    LOST = "lost"  # and is tried again
    BACK = "back"
    CLOSED = "closed"  # it was stopped, or its recording is over; the thread is at its end
    FAILED = "failed"  # it could not be opened at all, or something broke; the thread is at its end


def by_name(wanted: str, there: Sequence[N], word: str, exact: Iterable[N]) -> N:
    """The first that is named in full, else the first with this in its name.

    Raises:
        DeviceMissing: there is none.
    """
    part = wanted.casefold()
    found = next(iter(exact), None) or next((one for one in there if part in one.name.casefold()), None)
    if found is None:
        names = " or ".join(one.name for one in there[:5])
        raise DeviceMissing(f"there is no {word} {wanted}", f"plug it in, or choose {names}")
    return found


def shown(path: Path) -> str:
    """What messages call a file."""
    return printable(path.name or str(path))


def as_signal(path: Path, kind: Kind, origin: Origin) -> Signal:
    """A file as a signal to be decoded, without its sum, which takes long and nobody asks for."""
    return Signal(f"{kind}:0", kind, origin, shown(path), "", datetime.now(UTC), path)
