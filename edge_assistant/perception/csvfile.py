"""CSV of readings to a table, block by block: what loggers and spreadsheets write, in bounded memory.

pyarrow splits and decodes; cells stay strings until each block's columns are converted at once, and only cells that
the fast conversion refuses are looked at one by one. Rows keep their number in the file, whatever the order of time.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from edge_assistant.core import limits
from edge_assistant.core.errors import InputCorrupt, InputEmpty, InputTooLarge, InputUnsupported
from edge_assistant.perception.cells import MISSING, Cells, Times, parse_time
from edge_assistant.perception.characters import HEAD, encoding_of, shown
from edge_assistant.perception.gap import Gap
from edge_assistant.perception.statistics import Bools, Ints
from edge_assistant.perception.table import Column, Table

if TYPE_CHECKING:
    import pyarrow.csv

MAX_COLUMNS = limits.READINGS_COLUMNS.value
MAX_CELLS = limits.READINGS_CELLS.value
MAX_RAGGED = limits.READINGS_RAGGED.value
MAX_UNIT = limits.READINGS_UNIT.value
MAX_NAME = limits.READINGS_NAME.value
_BLOCK = 4 << 20
_UNIT = re.compile(r"^(?P<name>.*?)\s*(?:\[(?P<unit>[^\[\]]*)\]|\((?P<short>[^\s()]{1,8})\))$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class CsvLayout:
    """How a file is written.

    Attributes:
        encoding: a codec's name.
        delimiter: between cells: `,`, `;` or a tab.
        header: the cells of the header.
        skip: lines up to and with the header.
        quoted: whether quotes occur, so that cells may hold line breaks.
    """

    encoding: str
    delimiter: str
    header: tuple[str, ...]
    skip: int
    quoted: bool


def read_csv(
    stream: BinaryIO, name: str, size: int, progress: Callable[[float], None] = lambda _: None
) -> tuple[Table, tuple[str, ...]]:
    """Read a table of readings.

    Args:
        stream: the file, seekable.
        name: what messages call it.
        size: bytes it has, for the progress.
        progress: called with 0..1 after each block.

    Returns:
        The table in the order of time, and notes on what was repaired or left out.

    Raises:
        InputUnsupported: no text, no header, no column of times, nothing beside the times.
        InputEmpty: no rows.
        InputCorrupt: the rows do not fit together.
        InputTooLarge: more than `MAX_COLUMNS` columns or `MAX_CELLS` cells.
    """
    head = stream.read(HEAD)
    encoding = encoding_of(head)
    if encoding is None:
        raise InputUnsupported(f"{name} is not text", "give readings as CSV in UTF-8 with a header row")
    for attempt in dict.fromkeys((encoding, encoding if encoding == "utf-16" else "cp1252")):
        try:
            table, notes = _read(stream, _layout(head, name, attempt), name, size, progress)
        except UnicodeDecodeError:
            continue
        return table, notes if attempt == encoding else (f"{name} is not UTF-8 and was read as Windows-1252", *notes)
    raise InputUnsupported(f"{name} is not text in UTF-8 or UTF-16", "save it as UTF-8")


def _layout(head: bytes, name: str, encoding: str) -> CsvLayout:
    """Look at the first bytes: delimiter and header."""
    text = codecs.getincrementaldecoder(encoding)().decode(head, final=len(head) < HEAD)
    skip, delimiter = 0, ""
    if match := re.match(r"sep=([,;\t])\r?\n", text):  # Excel's own first line
        text, skip, delimiter = text[match.end() :], 1, match[1]
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter or _delimiter(text))
    try:
        header = next((cells for cells in lines if any(cell.strip() for cell in cells)), None)
    except csv.Error as error:
        raise InputCorrupt(f"the header of {name} cannot be read ({error})", "export it as CSV again") from None
    if header is None:
        raise InputEmpty(f"{name} has no rows", "give readings with a header and rows")
    layout = CsvLayout(encoding, lines.dialect.delimiter, tuple(header), skip + lines.line_num, '"' in text)
    _check_header(layout, name)
    return layout


def _delimiter(text: str) -> str:
    """The delimiter of the first line with content: a tab or semicolon where it has one, for commas may be decimal."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    bare = re.sub(r'"[^"]*"', "", first)
    return next((mark for mark in ("\t", ";") if mark in bare), ",")


def _check_header(layout: CsvLayout, name: str) -> None:
    columns = len(layout.header) - 1
    if parse_time(layout.header[0]) is not None:
        raise InputUnsupported(f"{name} has no header row", "put one first, such as 'time,temperature [degC]'")
    if columns < 1:
        raise InputUnsupported(
            f"{name} has one column only", "separate the cells by commas, semicolons or tabs, the time first"
        )
    if columns > MAX_COLUMNS:
        raise InputTooLarge(f"{name} has {columns:,} columns, over the limit of {MAX_COLUMNS}", "leave some out")


class _Ragged:
    """Rows with another number of cells than the header: those are kept that have no content beyond it."""

    def __init__(self, layout: CsvLayout) -> None:
        self._layout, self._width = layout, len(layout.header)
        self.kept: list[tuple[int, list[str]]] = []
        self.dropped: list[int] = []

    def __len__(self) -> int:
        return len(self.kept) + len(self.dropped)

    def __call__(self, row: pyarrow.csv.InvalidRow) -> str:
        """Pyarrow's handler of invalid rows: look at the row and skip it."""
        if len(self) >= MAX_RAGGED:
            return "error"
        cells = next(csv.reader([row.text], delimiter=self._layout.delimiter), [])
        number = row.number - self._layout.skip
        if any(cell.strip() for cell in cells[self._width :]):
            self.dropped.append(number)
        else:
            self.kept.append((number, cells))
        return "skip"

    def batch(self) -> pyarrow.RecordBatch:
        """What is kept: missing cells are null, empty cells beyond the header are dropped."""
        import pyarrow

        padded = ([*cells, *[""] * self._width][: self._width] for _, cells in self.kept)
        columns = (
            [None if cell.strip() in MISSING else cell for cell in column] for column in zip(*padded, strict=True)
        )
        arrays = [pyarrow.array(column, pyarrow.string()) for column in columns]
        return pyarrow.RecordBatch.from_arrays(arrays, [str(i) for i in range(self._width)])

    def numbers(self, rows: int) -> Ints:
        """Numbers of so many regular rows, which are those that no ragged row has, then those of the kept ones."""
        kept = [row for row, _ in self.kept]
        everything = np.arange(1, rows + len(self) + 1)
        regular = np.delete(everything, np.array([*kept, *self.dropped], np.int64) - 1) if len(self) else everything
        return np.concatenate((regular, np.array(kept, np.int64))) if kept else regular

    def notes(self) -> list[str]:
        """What was repaired or left out."""
        notes = []
        if short := [row for row, cells in self.kept if len(cells) < self._width]:
            notes.append(f"{_some(len(short))} with fewer cells than the header, first row {short[0]}: read as gaps")
        if self.dropped:
            what = f"{_some(len(self.dropped))} with more cells than the header, first row {self.dropped[0]}"
            notes.append(Gap(f"{what}: left out", f"{what}, could not be read"))
        return notes


def _read(
    stream: BinaryIO, layout: CsvLayout, name: str, size: int, progress: Callable[[float], None]
) -> tuple[Table, tuple[str, ...]]:
    """Convert block after block, then put the columns together in the order of time."""
    width = len(layout.header)
    times, columns, ragged = Times(name), [Cells(layout.delimiter, name) for _ in range(width - 1)], _Ragged(layout)
    rows = 0

    def add(batch: pyarrow.RecordBatch) -> None:
        times.add(batch.column(0))
        for column, cells in zip(columns, batch.columns[1:], strict=True):
            column.add(cells)

    for batch in _ahead(_batches(stream, layout, ragged, name)):
        rows += len(batch)
        if rows * width > MAX_CELLS:
            raise InputTooLarge(f"{name} has over {MAX_CELLS:,} cells", "give a shorter period or fewer columns")
        add(batch)
        progress(min(1.0, stream.tell() / max(size, 1)))
    if ragged.kept:
        add(ragged.batch())
    if rows + len(ragged) == 0:
        raise InputEmpty(f"{name} has no rows", "give readings with a header and rows")
    if rows + len(ragged.kept) < len(ragged.dropped):
        raise InputCorrupt(f"the rows of {name} have more cells than its header", "export it as CSV again")
    return _table(times, columns, layout, ragged.numbers(rows), name, ragged.notes())


def _ahead(batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
    """The same batches, each read while the one before it is converted; pyarrow reads without Python's lock."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = reader.submit(next, batches, None)
            yield batch


def _batches(stream: BinaryIO, layout: CsvLayout, ragged: _Ragged, name: str) -> Iterator[pyarrow.RecordBatch]:
    """The record batches of the file, all columns strings, missing cells null."""
    import pyarrow
    import pyarrow.csv

    stream.seek(0)
    names = [str(i) for i in range(len(layout.header))]
    encoding = "utf8" if layout.encoding == "utf-8-sig" else layout.encoding
    try:
        yield from pyarrow.csv.open_csv(
            stream,
            pyarrow.csv.ReadOptions(
                use_threads=False,  # with threads invalid rows come without their number
                block_size=_BLOCK,
                skip_rows=layout.skip,
                column_names=names,
                encoding=encoding,
            ),
            pyarrow.csv.ParseOptions(
                delimiter=layout.delimiter, newlines_in_values=layout.quoted, invalid_row_handler=ragged
            ),
            pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pyarrow.string()),
                null_values=MISSING,
                strings_can_be_null=True,
                check_utf8=True,
            ),
        )
    except pyarrow.ArrowInvalid as error:
        text = str(error)
        if "Could not skip" in text or "Empty CSV" in text:
            return
        if "invalid UTF8" in text:
            raise UnicodeDecodeError("utf-8", b"", 0, 1, "invalid") from None
        if "expected" in text.casefold() and len(ragged) >= MAX_RAGGED:
            raise InputCorrupt(
                f"{name} has over {MAX_RAGGED:,} rows whose cells do not fit its header", "export it as CSV again"
            ) from None
        raise InputCorrupt(
            f"{name} breaks off inside a cell or has a row over 4 MiB", "export it as CSV again"
        ) from None


def _some(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _table(
    times: Times, columns: list[Cells], layout: CsvLayout, numbers: Ints, name: str, notes: list[str]
) -> tuple[Table, tuple[str, ...]]:
    """Name the columns and put the rows in the order of time; rows without a time are left out."""
    moments, good, zone, time_notes = times.finish(numbers)
    if good.sum() * 2 < len(good) or not good.any():
        raise InputUnsupported(
            f"the first column of {name} holds no ISO 8601 times", "write times such as 2014-01-15T04:30:00"
        )
    order, order_notes = _order(moments, good, numbers)
    made = []
    for (label, unit), cells in zip(_titles(layout.header), columns, strict=True):
        values, note = cells.finish(numbers)
        if isinstance(note, Gap):
            notes.append(Gap(f"{label}: {note}", note.said, label))
        elif note:
            notes.append(f"{label}: {note}")
        if values is not None:
            made.append(Column(label, unit, values if order is None else values[order]))
    if not made:
        raise InputUnsupported(f"{name} has no column of readings", "give columns of numbers or states beside the time")
    if order is not None:
        moments, numbers = moments[order], numbers[order]
    table = Table(moments.view("datetime64[ns]"), numbers, tuple(made), zone)
    return table, (*notes, *time_notes, *order_notes)


def _order(moments: Ints, good: Bools, numbers: Ints) -> tuple[Ints | None, list[str]]:
    """Indices of the good rows in the order of time, or None where they are in it already, and notes."""
    order, notes = None, []
    if not good.all() or numbers[-1] < len(numbers):  # repaired rows come last: back to the file's order
        order = np.argsort(numbers, kind="stable")
        order = order[good[order]]
        moments, numbers = moments[order], numbers[order]
    apart = np.diff(moments)
    if np.any(apart < 0):
        back = int(numbers[1:][apart < 0][0])
        notes.append(f"the times are not in order, first at row {back}: the rows were sorted by time")
        by_time = np.argsort(moments, kind="stable")
        order = by_time if order is None else order[by_time]
        apart = np.diff(moments[by_time])
    if repeats := int((apart == 0).sum()):
        notes.append(f"{_some(repeats)} with the time of another row")
    return order, notes


def _titles(header: tuple[str, ...]) -> list[tuple[str, str | None]]:
    """Names and units of the columns beside the time; names are made distinct."""
    found: list[tuple[str, str | None]] = []
    taken: dict[str, int] = {}
    for number, cell in enumerate(header[1:], 2):
        text = " ".join(shown(cell).split())
        match = _UNIT.match(text)
        label = (match["name"] if match else text)[:MAX_NAME].rstrip() or f"column {number}"
        taken[label] = taken.get(label, 0) + 1
        unit = (match["unit"] or match["short"] or "").strip() if match else ""
        unit = unit if len(unit) <= MAX_UNIT else ""
        found.append((label if taken[label] == 1 else f"{label} ({taken[label]})", unit or None))
    return found
