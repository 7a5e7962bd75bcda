"""What every device that is read has in common, and what can happen to it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Protocol, TypeVar

T_co = TypeVar("T_co", covariant=True)


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
