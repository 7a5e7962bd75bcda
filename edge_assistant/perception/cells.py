"""Cells of a CSV column to numbers, texts and times: a fast way for whole blocks, a patient one for what it refuses."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from edge_assistant.core import limits
from edge_assistant.core.errors import InputCorrupt
from edge_assistant.perception.characters import shown
from edge_assistant.perception.gap import Gap

if TYPE_CHECKING:
    import pyarrow

T = TypeVar("T", bound=np.generic)

MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "-", "--", "---")
LARGEST = 1e100  # beyond it a number is no reading, and squares and sums would overflow
MAX_STATES = limits.READINGS_STATES.value
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_COMMA_GROUPS = re.compile(r"[+-]?\d{1,3}(,\d{3})+", re.ASCII)
_DOT_GROUPS = re.compile(r"[+-]?\d{1,3}(\.\d{3})+", re.ASCII)
_OFFSET = re.compile(r"(?<=\d)(?:Z|[+-]\d{2}(?::?\d{2})?)$", re.ASCII)
_LONGEST_OFFSET = 7  # +01:00 and the digit before it
_SPACED_ZONE = re.compile(r"\s*(?:UTC|GMT|Z|z)$|\s+(?=[+-]\d{2}(?::?\d{2})?$)")
_MICROSECOND = timedelta(microseconds=1)
_FIRST, _LAST = datetime(1677, 9, 22), datetime(2262, 4, 11)  # what 64 bits of nanoseconds hold


def parse_number(cell: str, delimiter: str = ",", decimal_comma: bool = False) -> float | None:
    """A number as loggers and spreadsheets write it, or None.

    Where both marks occur the last one is the decimal mark. A comma alone is the decimal mark, except between groups of
    three digits in a file whose cells are separated by commas. Dots between groups of three digits group them where the
    column is known to have decimal commas, or where there are several.

    >>> parse_number("1,5", ";"), parse_number("1,500"), parse_number("1.234,5"), parse_number("1.500", ";", True)
    (1.5, 1500.0, 1234.5, 1500.0)
    """
    text = cell.strip().replace("\N{MINUS SIGN}", "-")
    comma, dot = text.rfind(","), text.rfind(".")
    if comma >= 0 and dot >= 0:
        text = text.replace(".", "").replace(",", ".", 1) if comma > dot else text.replace(",", "")
    elif comma >= 0:
        grouped = _COMMA_GROUPS.fullmatch(text) and (delimiter == "," or text.count(",") > 1)
        text = text.replace(",", "") if grouped else text.replace(",", ".", 1)
    elif dot >= 0 and _DOT_GROUPS.fullmatch(text) and (decimal_comma or text.count(".") > 1):
        text = text.replace(".", "")
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number if abs(number) <= LARGEST else None


def parse_time(cell: str) -> datetime | None:
    """An ISO 8601 time, with its zone where it has one, or None. The year and month at least must be there."""
    text = cell.strip()
    if not text[:4].isdigit() or len(text) < 8:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        spaced = _SPACED_ZONE.search(text)
        if not spaced:
            return None
        zone = text[spaced.end() :] or "Z"
        try:
            moment = datetime.fromisoformat(text[: spaced.start()] + zone)
        except ValueError:
            return None
    return moment if _FIRST <= moment.replace(tzinfo=None) < _LAST else None


def _away(offset: str) -> timedelta:
    """An offset such as `Z`, `+01` or `-0530` as the time east of UTC."""
    digits = offset[1:].replace(":", "").ljust(4, "0")
    east = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -east if offset[0] == "-" else east


def _check_closed(cells: list[str], name: str) -> None:
    """Refuse a cell that has swallowed rows because a quote was not closed: they would be missing unnoticed."""
    for cell in cells:
        for line in cell.splitlines()[1:3]:
            if parse_time(re.split("[,;\t]", line, maxsplit=1)[0]):
                raise InputCorrupt(f"{name} has a quote that is not closed", "export it as CSV again")


class Cells:
    """One column beside the time, gathered block by block.

    The first block with content decides: numbers, where at least half of its cells are. Of a column of numbers, cells
    that are none become gaps; of a column of texts, everything is text.
    """

    def __init__(self, delimiter: str, name: str) -> None:
        self._delimiter = delimiter
        self._name = name
        self._decimal_comma = False
        self._numeric: bool | None = None
        self._blocks: list[NDArray[Any]] = []
        self._states: dict[str, int] = {}
        self._length = 0
        self._bad = 0
        self._first_bad: tuple[int, str] | None = None

    def add(self, block: pyarrow.StringArray) -> None:
        """Take the next block."""
        if block.null_count == len(block):
            self._blocks.append(np.full(len(block), -1, np.int32))
        elif self._numeric is not False and (values := self._numbers(block)) is not None:
            self._numeric = True
            self._blocks.append(values)
        else:
            self._numeric = False
            self._blocks.append(self._codes(block))
        self._length += len(block)

    def finish(self, numbers: NDArray[np.int64]) -> tuple[NDArray[Any] | None, str]:
        """The values of all blocks, None where there is nothing to keep, and a note or an empty one.

        Args:
            numbers: the data row of each cell, for the note.
        """
        if self._numeric is None:
            return None, "no cell has content: left out"
        if not self._numeric and len(self._states) > MAX_STATES:
            return None, f"over {MAX_STATES:,} different texts: left out"
        if not self._numeric:
            states = np.array([*self._states, None], dtype=object)
            return states[self._joined(np.int32)], ""
        note = ""
        if self._first_bad is not None:
            count = "1 cell is not a number" if self._bad == 1 else f"{self._bad:,} cells are not numbers"
            index, cell = self._first_bad
            said = f"{count}, first in row {numbers[index]}, and could not be read"
            note = Gap(f"{count}, first {cell[:20]!r} in row {numbers[index]}, taken as missing", said)
        return self._joined(np.float64), note

    def _joined(self, kind: type[np.generic]) -> NDArray[Any]:
        """All blocks in one array; blocks without content are -1 as codes and NaN as numbers."""
        whole: NDArray[Any] = np.empty(self._length, kind)
        position = 0
        for i, block in enumerate(self._blocks):
            empty = kind is np.float64 and block.dtype != np.float64
            whole[position : position + len(block)] = np.nan if empty else block
            position += len(block)
            self._blocks[i] = whole[:0]  # frees the block, so that the column is never held twice
        return whole

    def _numbers(self, block: pyarrow.StringArray) -> NDArray[np.float64] | None:
        """The block as float64 with NaN for gaps; None where it decides that the column is text."""
        import pyarrow
        import pyarrow.compute

        try:
            plain = block
            if self._decimal_comma:
                if pyarrow.compute.any(pyarrow.compute.match_substring(block, ".")).as_py():
                    return self._patiently(block)
                plain = pyarrow.compute.replace_substring(block, ",", ".")
            values = copied(plain.cast(pyarrow.float64()), np.float64, math.nan)
        except pyarrow.ArrowInvalid:
            return self._patiently(block)
        return self._patiently(block) if (np.abs(values) > LARGEST).any() else values

    def _patiently(self, block: pyarrow.StringArray) -> NDArray[np.float64] | None:
        """The same, each different cell on its own."""
        coded = block.dictionary_encode()
        texts = coded.dictionary.to_pylist()
        if self._delimiter != "," and any(parse_number(t, ";") is not None and "," in t for t in texts):
            self._decimal_comma = True
        _check_closed(texts, self._name)
        parsed = [parse_number(text, self._delimiter, self._decimal_comma) for text in texts]
        codes = copied(coded.indices, np.int32, -1)
        bad = np.array([n is None and t.strip() not in MISSING for n, t in zip(parsed, texts, strict=True)] + [False])
        bad_cells = bad[codes]
        values = np.array([math.nan if n is None else n for n in parsed] + [math.nan])[codes]
        count = int(bad_cells.sum())
        if self._numeric is None and (count > int((~np.isnan(values)).sum())):
            return None
        if count and self._first_bad is None:
            index = int(np.argmax(bad_cells))
            self._first_bad = self._length + index, texts[codes[index]].strip()
        self._bad += count
        return np.asarray(values, dtype=np.float64)

    def _codes(self, block: pyarrow.StringArray) -> NDArray[np.int32]:
        """The block as codes of its texts, -1 for gaps."""
        coded = block.dictionary_encode()
        own = []
        texts = coded.dictionary.to_pylist()
        _check_closed(texts, self._name)
        for text in texts:
            text = " ".join(shown(text).split())
            if text in MISSING or len(self._states) > MAX_STATES:
                own.append(-1)
            else:
                own.append(self._states.setdefault(text, len(self._states)))
        codes = copied(coded.indices, np.int32, -1)
        return np.asarray(np.array([*own, -1], np.int32)[codes])


def copied(numbers: pyarrow.Array, kind: type[T], gap: float) -> NDArray[T]:
    """Numbers of Arrow as NumPy's, in memory of their own, as Arrow's is used again.

    `np.array` would do, but for it, and for each value that it is handed, pyarrow imports pandas where that is
    installed, which takes 0.2 s.

    Args:
        numbers: of the type `kind`.
        kind: of the array.
        gap: stands where there is none.
    """
    if not len(numbers):
        return np.zeros(0, kind)
    _, data = numbers.buffers()
    values = np.frombuffer(data, kind, len(numbers), numbers.offset * np.dtype(kind).itemsize).copy()
    if numbers.null_count:
        values[copied(numbers.is_null().cast("uint8"), np.uint8, 0) == 1] = gap
    return values


class Times:
    """The column of times, gathered block by block: nanoseconds since 1970, of UTC where a zone stands."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._blocks: list[NDArray[np.int64]] = []
        self._kinds: list[NDArray[np.int8]] = []  # 0 unreadable, 1 without a zone, 2 with
        self._offsets: dict[timedelta, None] = {}

    def add(self, block: pyarrow.StringArray) -> None:
        """Take the next block."""
        nanoseconds, kinds = self._fast(block) or self._patiently(block)
        self._blocks.append(nanoseconds)
        self._kinds.append(kinds)

    def finish(
        self, numbers: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_], timezone | None, list[str]]:
        """All times, which of them are good, the zone they are told in, and notes.

        One zone throughout is kept; several become UTC. Of times with and without a zone, which cannot be compared, the
        kind that most rows have is kept.

        Args:
            numbers: the data row of each time, for the notes.
        """
        nanoseconds, kinds = np.concatenate(self._blocks), np.concatenate(self._kinds)
        self._blocks.clear()
        self._kinds.clear()
        notes: list[str] = []
        zoned, plain = int((kinds == 2).sum()), int((kinds == 1).sum())
        keep, drop = (2, 1) if zoned > plain else (1, 2)
        reasons = {0: "without a readable time", 1: "without a time zone", 2: "with a time zone where most have none"}
        for kind in (0, drop):
            if (kinds == kind).any():
                count, first = int((kinds == kind).sum()), int(numbers[kinds == kind].min())
                what = f"{'1 row' if count == 1 else f'{count:,} rows'} {reasons[kind]}, first row {first}"
                notes.append(Gap(f"{what}: left out", f"{what}, could not be read"))
        zone = None
        if keep == 2:
            zone, note = self._zone()
            notes += note
            nanoseconds += (zone.utcoffset(None) // _MICROSECOND) * 1000
        return nanoseconds, kinds == keep, zone, notes

    def _zone(self) -> tuple[timezone, list[str]]:
        if len(self._offsets) == 1:
            offset = next(iter(self._offsets))
            return (timezone(offset) if offset else UTC), []
        names = ", ".join(timezone(offset).tzname(None) for offset in sorted(self._offsets)[:4])
        return UTC, [f"the times have several time zones ({names}): all are shown in UTC"]

    def _fast(self, block: pyarrow.StringArray) -> tuple[NDArray[np.int64], NDArray[np.int8]] | None:
        """Blocks that are written the same way throughout; None where this one is not."""
        import pyarrow
        import pyarrow.compute

        if block.null_count or not len(block):
            return None
        zoned = ":" in block[0].as_py() and _OFFSET.search(block[0].as_py()) is not None
        kind = pyarrow.timestamp("ns", "UTC" if zoned else None)
        try:
            nanoseconds = copied(block.cast(kind).cast(pyarrow.int64()), np.int64, 0)
        except pyarrow.ArrowInvalid:  # among others where some times have a zone and some none
            return None
        if zoned:
            ends = pyarrow.compute.unique(pyarrow.compute.utf8_slice_codeunits(block, -_LONGEST_OFFSET, None))
            for end in ends.to_pylist():
                if (offset := _OFFSET.search(end)) is None:
                    return None
                self._offsets[_away(offset[0])] = None
        return nanoseconds, np.full(len(block), 2 if zoned else 1, np.int8)

    def _patiently(self, block: pyarrow.StringArray) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
        """The same, time by time."""
        nanoseconds, kinds = np.zeros(len(block), np.int64), np.zeros(len(block), np.int8)
        epoch, epoch_utc = datetime(1970, 1, 1), datetime(1970, 1, 1, tzinfo=UTC)
        for i, text in enumerate(block.to_pylist()):
            moment = parse_time(text) if text else None
            if moment is None:
                _check_closed([text or ""], self._name)
                continue
            away = moment.utcoffset()
            if away is None:
                nanoseconds[i], kinds[i] = (moment - epoch) // _MICROSECOND * 1000, 1
            else:
                nanoseconds[i], kinds[i] = (moment - epoch_utc) // _MICROSECOND * 1000, 2
                self._offsets[away] = None
        return nanoseconds, kinds
