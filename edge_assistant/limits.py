"""All limits that what a person gives can meet: one table, from which docs/limits.md is made.

A limit of an algorithm that no input meets by itself stands beside the algorithm. What a policy may set lower is read
through `now` where it is looked at; the others are constants of their module.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True, eq=False)
class Limit:
    """One limit.

    Attributes:
        value: the most that is taken.
        unit: of the value.
        of: what is bounded.
        beyond: the code of the error where more is given, or what is left out.
        why: where the number comes from; empty where it is mere prudence.
        lowers: whether a policy may set it lower.
    """

    value: int
    unit: str
    of: str
    beyond: str
    why: str = ""
    lowers: bool = False

    @property
    def now(self) -> int:
        """The most that is taken in this process."""
        return _lowered.get(self, self.value)


_lowered: dict[Limit, int] = {}

FILE_BYTES = Limit(
    4 << 30, "bytes", "a file", "error input.too_large", "three hours of 48 kHz stereo WAV are 2 GiB", lowers=True
)
TEXT_BYTES = Limit(16 << 20, "bytes", "a text", "error input.too_large", "it is held in memory whole", lowers=True)
SIGNALS = Limit(200, "signals", "a question", "error usage", "what a person says beside questions counts", lowers=True)
EVIDENCE = Limit(
    100_000,
    "pieces of evidence",
    "all signals of a question",
    "the end is left out, with a note",
    "50 pages of small print are 75,000",
    lowers=True,
)
QUESTION_CHARACTERS = Limit(
    4_000, "characters", "a question", "error usage", "more would push the evidence out of the context", lowers=True
)
ANSWER_TOKENS = Limit(320, "tokens", "a sentence that the language model makes", "it ends there", lowers=True)
PICTURE_PIXELS = Limit(
    120_000_000,
    "pixels",
    "a picture or page, as declared",
    "error input.too_large",
    "the largest phone sensors give 108 megapixels, 360 MB as RGB",
    lowers=True,
)
PAGES = Limit(50, "pages", "a document", "the pages after it are left out, with a note", lowers=True)
SOUND_SECONDS = Limit(
    12 * 3600,
    "seconds",
    "a recording",
    "the rest is left out, with a note",
    "a few kilobytes can declare days of silence",
    lowers=True,
)
VIDEO_SECONDS = Limit(12 * 3600, "seconds", "a video", "the rest is left out, with a note", lowers=True)
POLICY_BYTES = Limit(64 << 10, "bytes", "a policy file", "error policy.invalid: nothing is answered")


def lasting(seconds: int) -> str:
    """A time in the largest unit that it is whole in.

    >>> lasting(43_200), lasting(90)
    ('12 hours', '90 seconds')
    """
    size, unit = next(
        (size, unit) for size, unit in ((3600, "hours"), (60, "minutes"), (1, "seconds")) if not seconds % size
    )
    return f"{seconds // size} {unit}"


@cache
def table() -> Mapping[str, Limit]:
    """Every limit by its name, in the order of this file."""
    return {name.lower(): value for name, value in globals().items() if isinstance(value, Limit)}


@contextmanager
def lowered(values: Mapping[str, int]) -> Iterator[None]:
    """Lower limits in this process, all threads included, until the block ends.

    Args:
        values: by name; none is over the limit that holds without it, and all may be lowered.
    """
    before = dict(_lowered)
    _lowered.update((table()[name], value) for name, value in values.items())
    try:
        yield
    finally:
        _lowered.clear()
        _lowered.update(before)
