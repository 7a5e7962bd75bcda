"""CSV of readings: what loggers and spreadsheets write comes back as it was meant; what is no table is refused."""

from __future__ import annotations

import contextlib
import io
import math
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.core.errors import InputCorrupt, InputEmpty, InputError, InputTooLarge, InputUnsupported
from edge_assistant.perception import csvfile
from edge_assistant.perception.cells import parse_number, parse_time
from edge_assistant.perception.csvfile import read_csv
from edge_assistant.perception.table import Table


def read(content: str | bytes, encoding: str = "utf-8") -> tuple[Table, tuple[str, ...]]:
    data = content if isinstance(content, bytes) else content.encode(encoding)
    return read_csv(io.BytesIO(data), "log.csv", len(data))


numbers = st.one_of(st.none(), st.integers(-(10**6), 10**6).map(lambda n: n / 1000))
moments = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)).map(lambda moment: moment.replace(microsecond=0))


@given(
    rows=st.lists(st.tuples(moments, numbers, numbers), min_size=1, max_size=40),
    delimiter=st.sampled_from([",", ";", "\t"]),
    comma=st.booleans(),
    mark=st.booleans(),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
    between=st.sampled_from(["T", " "]),
    encoding=st.sampled_from(["utf-8", "utf-16"]),
    quoted=st.booleans(),
    last=st.booleans(),
)
def test_what_is_written_is_read(rows, delimiter, comma, mark, ending, between, encoding, quoted, last):
    """Any mix of separators, decimal marks, byte order marks, line ends and quotes; sorted by time, rows numbered."""

    def cell(number: float | None) -> str:
        text = "" if number is None else f"{number:.3f}"
        # without commas between cells a decimal comma is clear; a comma before three digits of many columns is not
        text = text.replace(".", ",") if comma and delimiter != "," else text
        return f'"{text}"' if quoted else text

    lines = [delimiter.join(["time", "a [degC]", "b"])]
    lines += [delimiter.join([m.isoformat(between), cell(a), cell(b)]) for m, a, b in rows]
    text = ending.join(lines) + (ending if last else "")
    data = text.encode("utf-8-sig" if mark and encoding == "utf-8" else encoding)
    if all(a is None for _, a, _ in rows) and all(b is None for _, _, b in rows):
        with pytest.raises(InputUnsupported):
            read(data)
        return
    table, _ = read(data)
    order = sorted(range(len(rows)), key=lambda i: rows[i][0])
    assert [table.when(i) for i in range(len(table))] == [rows[i][0] for i in order]
    assert table.rows.tolist() == [i + 1 for i in order]
    for column in table.columns:
        at = 1 if column.name == "a" else 2
        expected = [math.nan if rows[i][at] is None else rows[i][at] for i in order]
        np.testing.assert_allclose(column.values, expected, rtol=0, atol=1e-9)
        assert column.unit == ("degC" if column.name == "a" else None)


@given(st.one_of(st.binary(max_size=400), st.text(alphabet="time,;\t\n\r\"'0123456789-:.TZ+ a\ufeff", max_size=400)))
def test_whatever_the_bytes_nothing_but_an_input_error(content):
    with contextlib.suppress(InputError):
        table, _ = read(content)
        assert len(table)
        assert np.all(np.diff(table.times.astype(np.int64)) >= 0)
        assert all(len(column.values) == len(table) for column in table.columns)


@given(st.lists(st.lists(st.sampled_from(["1", "2.5", "", "x"]), max_size=5), min_size=1, max_size=30))
def test_rows_of_any_length_keep_their_numbers(rows):
    """Short rows have gaps, rows with content beyond the header are left out, the others keep their place."""
    start = datetime(2024, 1, 1)
    lines = ["time,a,b"] + [",".join([(start + timedelta(minutes=i)).isoformat(), *row]) for i, row in enumerate(rows)]
    kept = [i for i, row in enumerate(rows) if not any(row[2:])]
    try:
        table, _ = read("\n".join(lines))
    except (InputCorrupt, InputUnsupported):
        return
    assert table.rows.tolist() == [i + 1 for i in kept]
    for name, place in (("a", 0), ("b", 1)):
        for column in (column for column in table.columns if column.name == name and column.numeric):
            expected = [parse_number(rows[i][place]) if len(rows[i]) > place else None for i in kept]
            assert [None if math.isnan(value) else value for value in column.values] == expected


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        (b"", InputEmpty, "no rows"),
        (b"\n\n", InputEmpty, "no rows"),
        (b"time,a\n", InputEmpty, "no rows"),
        (b"time,a", InputEmpty, "no rows"),
        (b"2024-01-01T00:00,1\n2024-01-01T00:01,2\n", InputUnsupported, "no header"),
        (b"time\n2024-01-01\n", InputUnsupported, "one column"),
        (b"name,a\nx,1\ny,2\n", InputUnsupported, "no ISO 8601 times"),
        (b"time,a\n01/02/2024,1\n02/02/2024,2\n", InputUnsupported, "no ISO 8601 times"),
        (b"time,a\n2024-01-01,\n2024-01-02,\n", InputUnsupported, "no column of readings"),
        (b"time,a\n2024-01-01,1,2,3\n2024-01-02,1,2,3\n", InputCorrupt, "more cells"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(100), InputUnsupported, "not text"),
        ("time,a\n2024-01-01,1\n".encode("utf-16-le"), InputUnsupported, "not text"),
        ("time,a\n2024-01-01,1\n".encode("utf-32"), InputUnsupported, "not text"),
        ("time,a\n2024-01-01,1\n".encode("utf-16")[:-1], InputUnsupported, "UTF-16"),
        (b"time," + b",".join(b"c%d" % i for i in range(600)) + b"\n", InputTooLarge, "599 columns|600 columns"),
        (b"time,a\n" + b"2024-01-01\n2024-01-01,1,9\n" * 6000, InputCorrupt, "do not fit"),
        (b'time,a\n2024-01-01,"' + b"x\n" * (5 << 20), InputCorrupt, "breaks off"),
        (b'time,a\n2024-01-01,"1\n2024-01-02,2\n2024-01-03,3\n', InputCorrupt, "not closed"),
        (b'time,a\n"2024-01-01,1\n2024-01-02,2\n', InputCorrupt, "not closed|no ISO"),
        (b'time,"a\n2024-01-01,1\n', InputEmpty, "no rows"),
    ],
)
def test_what_is_no_table_is_refused(content, error, words):
    with pytest.raises(error, match=words):
        read(content)


def test_too_many_cells_are_refused_while_reading(monkeypatch):
    monkeypatch.setattr(csvfile, "MAX_CELLS", 1000)
    with pytest.raises(InputTooLarge, match="over 1,000 cells"):
        read("time,a\n" + "2024-01-01,1\n" * 600)


HOUR = timezone(timedelta(hours=1))


BACK = "the times are not in order, first at row 3: the rows were sorted by time"
PLAIN = "1 row without a time zone, first row 2: left out"
ZONES = {
    "2024-03-31T01:30+01:00,2024-03-31T02:30+01:00": (HOUR, [1, 2], "2024-03-31 01:30 +01:00", ""),
    "2024-03-31T01:30:00Z,2024-03-31 02:30:00 UTC": (UTC, [1, 2], "2024-03-31 01:30 UTC", ""),
    "2024-10-27T02:30+02:00,2024-10-27T02:15+01:00": (
        UTC,
        [1, 2],
        "2024-10-27 00:30 UTC",
        "several time zones (UTC+01",
    ),
    "2024-01-01T00:00Z,2024-01-01T01:00,2024-01-01T02:00Z": (UTC, [1, 3], "2024-01-01 00:00 UTC", PLAIN),
    # in autumn an hour occurs twice, which is not guessed
    "2024-10-27T02:00,2024-10-27T02:30,2024-10-27T02:00": (None, [1, 3, 2], "2024-10-27 02:00", BACK),
}


@pytest.mark.parametrize("cells", ZONES)
def test_zones_are_kept_or_said(cells):
    zone, rows, first, note = ZONES[cells]
    table, notes = read("time,a\n" + "".join(f"{cell},1\n" for cell in cells.split(",")))
    assert (table.zone, table.rows.tolist(), table.shown(table.when(0))) == (zone, rows, first)
    assert note in "".join(notes[:1])
    assert bool(notes) == bool(note)


@pytest.mark.parametrize("offsets", [["Z"], ["+01:00"], ["-0530"], ["+02"], ["Z", "+01:00", "-03:30"], ["+00:00", "Z"]])
def test_zones_of_whole_blocks_and_of_single_rows_are_the_same(offsets):
    moments = [datetime(2024, 1, 1) + timedelta(hours=2 * i) for i in range(20)]
    cells = [f"{m.isoformat()}{offsets[i % len(offsets)]}" for i, m in enumerate(moments)]
    fast, _ = read("time,a\n" + "".join(f"{cell},1\n" for cell in cells))
    slow, _ = read("time,a\n" + "".join(f" {cell},1\n" for cell in cells))
    assert fast.zone == slow.zone
    assert [fast.when(i) for i in range(20)] == sorted(datetime.fromisoformat(cell) for cell in cells)
    assert fast.times.tolist() == slow.times.tolist()


def test_notes_name_what_was_repaired():
    table, notes = read(
        "time;level;state\n2024-01-01;1,5;on\n2024-01-02;ERR;on\n2024-01-03\n;4;off\n2024-01-05;5;off;;\n"
    )
    assert table.rows.tolist() == [1, 2, 3, 5]
    assert notes == (
        "1 row with fewer cells than the header, first row 3: read as gaps",
        "level: 1 cell is not a number, first 'ERR' in row 2, taken as missing",
        "1 row without a readable time, first row 4: left out",
    )
    assert table.column("STATE").values.tolist() == ["on", "on", None, "off"]


def test_excel_and_windows():
    """Excel's own first line, Latin-1 degrees, a unit in round brackets, names that occur twice or not at all."""
    table, notes = read("sep=;\r\nZeit;Temp (°C);Temp (°C);\r\n2024-01-01;1,5;2;3\r\n".encode("cp1252"))
    assert [(column.name, column.unit) for column in table.columns] == [
        ("Temp", "°C"),
        ("Temp (2)", "°C"),
        ("column 4", None),
    ]
    assert notes == ("log.csv is not UTF-8 and was read as Windows-1252",)


def test_latin_1_after_the_first_block(monkeypatch):
    monkeypatch.setattr(csvfile, "HEAD", 64)
    table, notes = read("time,state\n" + "2024-01-01,on\n" * 20 + "2024-01-02,gest\xf6rt\n", "latin-1")
    assert table.column("state").values[-1] == "gestört"
    assert "Windows-1252" in notes[0]


def test_several_blocks(monkeypatch):
    """Blocks that differ: a late decimal comma, a late word, a block of gaps first, times that change their style."""
    monkeypatch.setattr(csvfile, "_BLOCK", 256)
    start = datetime(2024, 1, 1)
    cells = ["", *["20"] * 40, "20,5", "off", "1.234,5"]
    cells = [""] * 30 + cells
    text = "time;a;s\n" + "".join(
        f"{(start + timedelta(hours=i)).isoformat('T' if i < 60 else ' ')};{cell};{'x' if i % 7 else 'y'}\n"
        for i, cell in enumerate(cells)
    )
    table, notes = read(text)
    assert table.rows.tolist() == list(range(1, len(cells) + 1))
    assert np.isnan(table.column("a").values[:31]).all()
    assert table.column("a").values[31:].tolist()[-4:-2] == [20.0, 20.5]
    assert table.column("a").values[-1] == 1234.5
    assert table.column("s").values[7] == "y"
    assert notes == (f"a: 1 cell is not a number, first 'off' in row {len(cells) - 1}, taken as missing",)


def test_remarks_are_no_states():
    text = "time,a,remark\n" + "".join(f"2024-01-01,1,remark {i}\n" for i in range(10_002))
    table, notes = read(text)
    assert [column.name for column in table.columns] == ["a"]
    assert notes[0] == "remark: over 10,000 different texts: left out"


def test_progress_goes_up_to_one_and_may_stop(monkeypatch):
    monkeypatch.setattr(csvfile, "_BLOCK", 1 << 10)
    data = b"time,a\n" + b"2024-01-01,1\n" * 1000
    seen: list[float] = []
    read_csv(io.BytesIO(data), "log.csv", len(data), seen.append)
    assert seen == sorted(seen)
    assert len(seen) > 5
    assert seen[-1] == 1.0

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_csv(io.BytesIO(data), "log.csv", len(data), stop)


@pytest.mark.parametrize(
    ("cell", "delimiter", "decimal_comma", "number"),
    [
        ("1.5", ",", False, 1.5),
        (" -1e3 ", ",", False, -1000.0),
        ("1,5", ";", False, 1.5),
        ("1,500", ",", False, 1500.0),
        ("1,500", ";", False, 1.5),
        ("1,234,567", ";", False, 1234567.0),
        ("1,234.5", ",", False, 1234.5),
        ("1.234,5", ",", False, 1234.5),
        ("1.500", ";", True, 1500.0),
        ("1.500", ";", False, 1.5),
        ("1.234.567", ",", False, 1234567.0),
        ("\N{MINUS SIGN}3", ",", False, -3.0),
        *((cell, ",", False, None) for cell in ("1e999", "inf", "0x10", "1_000", "\N{ARABIC-INDIC DIGIT ONE}", "")),
        ("1,2,3", ";", False, None),
    ],
)
def test_numbers(cell, delimiter, decimal_comma, number):
    assert parse_number(cell, delimiter, decimal_comma) == number


@given(st.floats(-1e100, 1e100))
def test_numbers_of_python_are_read(number):
    assert parse_number(repr(number)) == number
    assert parse_number(repr(number).replace(".", ","), ";") == number


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        ("2024-01-15", datetime(2024, 1, 15)),
        ("20240115T0430", datetime(2024, 1, 15, 4, 30)),
        ("2024-01-15 04:30:00,250", datetime(2024, 1, 15, 4, 30, 0, 250000)),
        (" 2024-01-15T04:30 Z", datetime(2024, 1, 15, 4, 30, tzinfo=UTC)),
        ("2024-01-15 04:30 -0530", datetime(2024, 1, 15, 4, 30, tzinfo=timezone(-timedelta(hours=5.5)))),
        *((cell, None) for cell in ("0001-01-01", "2024-13-01", "15.01.2024", "1705293000", "")),
    ],
)
def test_times(cell, moment):
    assert parse_time(cell) == moment
