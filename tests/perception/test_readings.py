"""Readings as evidence: what is said, with which rows, in how many pieces."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.errors import InputError, InputUnsupported
from edge_assistant.core.signals import Kind, Origin, take_bytes
from edge_assistant.perception.sense import Percept, Request
from edge_assistant.perception.senses.readings import MAX_EVIDENCE, Readings


def perceive(content: str | bytes) -> Percept:
    data = content.encode() if isinstance(content, str) else content
    signal = take_bytes(data, Kind.READINGS, 1, origin=Origin.SENSOR, name="log.csv")
    return Readings({}, Runtime(1)).perceive(signal, Request())


def csv(columns: dict[str, list], start: str = "2014-01-15T00:00:00", minutes: float = 5) -> str:
    """A table with one row every few minutes; None is an empty cell."""
    first = datetime.fromisoformat(start)
    lines = [",".join(["time", *columns])]
    for i, cells in enumerate(zip(*columns.values(), strict=True)):
        moment = (first + timedelta(minutes=minutes * i)).isoformat()
        lines.append(",".join([moment, *("" if cell is None else str(cell) for cell in cells)]))
    return "\n".join(lines) + "\n"


def told(percept: Percept, name: str) -> list[tuple[str, tuple[int, int] | None]]:
    return [(e.text, e.locator.rows) for e in percept.evidence if e.detail.name == name]


def test_range_and_summary():
    percept = perceive(csv({"temperature [degC]": [20.5, 19.25, 105.59, 20.5, 20.0]}, "2014-01-15T16:10:00"))
    assert told(percept, "table") == [
        ("Readings of temperature [degC]: 5 rows from 2014-01-15 16:10 to 2014-01-15 16:30, every 5 min", (1, 5))
    ]
    assert told(percept, "max") == [("temperature was highest at 105.59 degC at 2014-01-15 16:20 (row 3)", (3, 3))]
    assert told(percept, "min") == [("temperature was lowest at 19.25 degC at 2014-01-15 16:15 (row 2)", (2, 2))]
    assert told(percept, "mean")[0][0].startswith("temperature was 37.168 degC on average")
    detail = next(e.detail for e in percept.evidence if e.detail.name == "max")
    assert (detail.column, detail.unit, detail.value) == ("temperature", "degC", 105.59)
    assert detail.time == datetime(2014, 1, 15, 16, 20)
    assert percept.table is not None
    assert percept.table.maximum("temperature").rows == (3, 3)
    assert {e.signal for e in percept.evidence} == {"readings:1"}
    assert all(e.confidence is None for e in percept.evidence)


def test_a_highest_reading_that_occurs_again_and_a_constant():
    percept = perceive(csv({"a": [1, 3, 2, 3], "flow [l/min]": [4.0] * 4}))
    assert told(percept, "max") == [("a was highest at 3 at 2014-01-15 00:05 (row 2, the first of 2 times)", (2, 2))]
    assert [e.text for e in percept.evidence if "flow was" in e.text] == ["flow was 4 l/min throughout"]


def test_outliers_and_excursions():
    calm = np.random.default_rng(0).normal(50, 1, 200).round(2).tolist()
    calm[30], calm[100:105] = 12.0, [80.0, 82.0, 85.5, 83.0, 81.0]
    percept = perceive(csv({"rpm": calm}))
    (text, rows), *_ = told(percept, "excursion")
    assert rows == (101, 105)
    assert text.startswith(
        "rpm was unusually high from 2014-01-15 08:20 to 2014-01-15 08:40 (rows 101-105): up to 85.5"
    )
    (text, rows), *_ = told(percept, "outlier")
    assert rows == (31, 31)
    assert text.startswith("rpm was unusually low at 2014-01-15 02:30 (row 31): 12, modified z-score ")


def test_a_step_and_a_trend():
    noise = np.random.default_rng(1).normal(0, 0.1, 240)
    level = np.where(np.arange(240) < 90, 20.0, 35.0) + noise
    (text, rows), *_ = told(perceive(csv({"p [bar]": level.round(2).tolist()})), "step")
    assert rows == (91, 91)
    assert text == "p stepped from about 20 bar to 35 bar at 2014-01-15 07:30 (row 91)"
    rising = (10 + np.arange(240) * 0.05 + noise).round(2).tolist()
    ((text, rows),) = told(perceive(csv({"p [bar]": rising}, minutes=60)), "trend")
    assert rows == (1, 240)
    assert re.match(r"p rose by 0\.0(5|49)\d* bar per hour from 2014-01-15 00:00", text)
    assert told(perceive(csv({"p [bar]": (10 + noise).round(2).tolist()})), "trend") == []


def test_gaps_of_cells_and_of_rows():
    content = csv({"a": [1, 2, None, None, None, 3, 2, 1, None, 2]})
    lines = content.splitlines()
    percept = perceive("\n".join(lines[:8] + lines[9:]))  # the row of 00:35 is not there
    gaps = told(percept, "gap")
    assert gaps[0] == ("No readings between 2014-01-15 00:30 and 2014-01-15 00:40, about 1 missing", (7, 8))
    assert gaps[1] == ("a is missing from 2014-01-15 00:10 to 2014-01-15 00:20 (rows 3-5)", (3, 5))
    assert gaps[2] == ("a is missing at 2014-01-15 00:40 (row 8)", (8, 8))


def test_states_and_their_changes():
    percept = perceive(csv({"pump": ["off", "off", "on", None, "on", "off"]}))
    assert told(percept, "states") == [("pump changed 2 times between 2 states: off, on", (1, 6))]
    assert told(percept, "change") == [
        ("pump changed from 'off' to 'on' at 2014-01-15 00:10 (row 3)", (3, 3)),
        ("pump changed from 'on' to 'off' at 2014-01-15 00:25 (row 6)", (6, 6)),
    ]
    assert told(perceive(csv({"pump": ["off", "off"]})), "states") == [("pump was 'off' throughout", (1, 2))]


def test_rows_out_of_order_are_cited_by_their_place_in_the_file():
    percept = perceive("time,a\n2014-01-15T00:10,3\n2014-01-15T00:00,9\n2014-01-15T00:05,1\n")
    assert told(percept, "max") == [("a was highest at 9 at 2014-01-15 00:00 (row 2)", (2, 2))]
    assert "sorted by time" in percept.notes[0]
    with pytest.raises(InputUnsupported, match=r"log\.csv is not text"):
        perceive(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)))


def test_many_columns_stay_bounded_and_the_range_comes_first():
    random = np.random.default_rng(2)
    percept = perceive(csv({f"c{i}": random.normal(0, 1, 50).round(3).tolist() for i in range(100)}))
    assert len(percept.evidence) == MAX_EVIDENCE
    assert percept.evidence[0].detail.name == "table"
    assert {e.detail.name for e in percept.evidence[1:]} <= {"max", "min"}
    assert "observations of less weight are left out" in percept.notes[0]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 10**7),
            st.one_of(st.none(), st.floats(-1e100, 1e100), st.just(5.0)),
            st.sampled_from(["", "on", "off", "ERR 3"]),
        ),
        min_size=1,
        max_size=60,
    )
)
def test_whatever_the_readings_the_rows_cited_exist_and_the_texts_stand_alone(drawn):
    moments = [datetime(2024, 1, 1) + timedelta(seconds=seconds) for seconds, _, _ in drawn]
    lines = [f"{m.isoformat()},{'' if v is None else v!r},{s}" for m, (_, v, s) in zip(moments, drawn, strict=True)]
    try:
        percept = perceive("time,a [V],s\n" + "\n".join(lines))
    except InputError:
        return
    assert 1 <= len(percept.evidence) <= MAX_EVIDENCE
    for e in percept.evidence:
        first, last = e.locator.rows
        assert 1 <= first <= last <= len(drawn)
        assert "nan" not in e.text
        assert "inf" not in e.text
        assert "\n" not in e.text
        if e.detail.name in ("max", "min"):
            assert float(f"{drawn[first - 1][1]:.10g}") == float(f"{e.detail.value:.10g}")
