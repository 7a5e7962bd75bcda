"""Notes that a part of a signal was not read."""

from __future__ import annotations


class Gap(str):
    """A note that a part of a signal was not read, so that an answer says it, too.

    Attributes:
        said: what an answer says behind "Of" and the signal's name; nothing of the signal's content.
        column: of readings, where only answers that rest on it say it; empty for all.
    """

    said: str
    column: str

    def __new__(cls, note: str, said: str, column: str = "") -> Gap:
        """A note with what an answer says."""
        gap = super().__new__(cls, note)
        gap.said, gap.column = said, column
        return gap
