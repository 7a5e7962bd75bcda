"""Records from files of unknown origin."""

from __future__ import annotations

import os

import msgspec
import pytest
from helpers.records import record
from msgspec.structs import replace

from edge_assistant.core.errors import InputCorrupt
from edge_assistant_quantize import record as records
from edge_assistant_quantize.errors import InputMissing
from edge_assistant_quantize.record import Interval, Measure


@pytest.mark.parametrize("unit", ["<http://example.org>", "![x](http://example.org/x)", "\x1b[31m", "dB\n", "d" * 99])
def test_a_unit_is_a_word(tmp_path, unit):
    """It stands in pages and on terminals as it is."""
    path = tmp_path / "record.json"
    records.write(replace(record(), measures={"wer": Measure(True, unit)}), path)
    with pytest.raises(InputCorrupt, match=r"record\.json is no record \(.* matching regex"):
        records.read(path)


def test_an_interval_of_an_older_record_does_not_say_its_clusters():
    old = b'{"difference": 0.1, "low": 0.0, "high": 0.2, "level": 0.95}'
    assert msgspec.json.decode(old, type=Interval) == Interval(0.1, 0.0, 0.2, 0.95, n=0)


def test_a_file_that_is_no_record(tmp_path):
    path = tmp_path / "record.json"
    for content in ("", "[]", '{"name": 1}', '{"more": ' + "[" * 100_000 + "]" * 100_000 + "}"):
        path.write_text(content)
        with pytest.raises(InputCorrupt, match=r"record\.json is no record"):
            records.read(path)
    with path.open("wb") as file:
        file.truncate(records.MAX_BYTES + 1)
    with pytest.raises(InputCorrupt, match="it is larger than"):
        records.read(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(InputMissing, match=r"there is no folder record\.json"):
        records.read(path)
