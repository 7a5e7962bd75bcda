"""What was perceived is the same as bytes and back, whatever it is; what is no percept is none."""

from __future__ import annotations

import subprocess
import sys
import types
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.core.evidence import Box, Detail, Evidence, Line, Locator, Passage, Statistic
from edge_assistant.perception import percepts
from edge_assistant.perception.gap import Gap
from edge_assistant.perception.sense import Percept
from edge_assistant.perception.table import Column, Table

ZONES = st.none() | st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TEXT = st.text(max_size=20)
SCALARS = {
    str: TEXT,
    bool: st.booleans(),
    int: st.integers(-(2**53), 2**53),
    float: st.floats(allow_nan=False),
    datetime: st.builds(
        lambda moment, zone: moment.replace(tzinfo=zone, fold=0),
        st.datetimes(datetime(1700, 1, 1), datetime(2300, 1, 1)),
        ZONES,
    ),
}


def any_of(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of a type, by its fields and theirs."""
    if hint is type(None):
        return st.none()
    if get_origin(hint) in (Union, types.UnionType):
        return st.one_of([any_of(one) for one in get_args(hint)])
    if get_origin(hint) is tuple:
        first, *others = get_args(hint)
        if others == [...]:
            return st.lists(any_of(first), max_size=3).map(tuple)
        return st.tuples(any_of(first), *map(any_of, others))
    if is_dataclass(hint):
        known = get_type_hints(hint)
        return st.builds(hint, **{field.name: any_of(known[field.name]) for field in fields(hint)})
    return SCALARS[hint]


EVIDENCE = st.builds(
    Evidence, st.just(""), st.just("image:1"), TEXT, any_of(float | None), any_of(Locator), any_of(Detail)
)
NOTES = st.lists(TEXT, max_size=2).map(tuple)


def same(one: Percept | None, other: Percept) -> bool:
    """Whether nothing differs, not even 1 from 1.0 or a zone from another that tells the same moment."""
    return one is not None and repr((one.evidence, one.notes)) == repr((other.evidence, other.notes))


@given(st.lists(EVIDENCE, max_size=5), NOTES)
def test_any_evidence_comes_back_as_it_was(evidence: list[Evidence], notes: tuple[str, ...]) -> None:
    percept = Percept(tuple(evidence), None, notes)
    data = percepts.packed(percept, "form.png")

    assert data is not None
    assert same(percepts.unpacked(data, "image:1", "form.png"), percept)


def test_it_is_of_the_signal_that_is_asked_about_and_its_notes_of_one_of_this_name() -> None:
    gap = Gap("a.pdf: the pages after 50 were not read", "the pages after 50 were not read", "t")
    piece = Evidence("E7", "image:1", "it", None, Locator(), Passage())
    data = percepts.packed(Percept((piece,), None, ("a.pdf: another", gap)), "a.pdf")
    assert data is not None
    assert percepts.unpacked(data, "image:1", "b.pdf") is None
    found = percepts.unpacked(data, "image:2", "a.pdf")
    assert found is not None
    assert [(item.id, item.signal) for item in found.evidence] == [("", "image:2")]
    told = [(str(note), getattr(note, "said", None), getattr(note, "column", None)) for note in found.notes]
    assert told == [("a.pdf: another", None, None), (str(gap), gap.said, "t")]
    data = percepts.packed(Percept((piece,)), "a.pdf")
    assert data is not None
    assert percepts.unpacked(data, "image:1", "b.pdf") is not None


# readings

STATES = st.lists(st.none() | TEXT, min_size=6, max_size=6).map(lambda given: np.array(given, object))
NUMBERS = st.lists(st.floats(), min_size=6, max_size=6).map(lambda given: np.array(given, np.float64))
COLUMNS = st.lists(st.builds(Column, TEXT, st.none() | TEXT, STATES | NUMBERS), max_size=3).map(tuple)
TIMES = st.lists(st.integers(-(2**62), 2**62), min_size=6, max_size=6).map(
    lambda given: np.array(sorted(given), np.int64).view("M8[ns]")
)


@given(TIMES, COLUMNS, ZONES, st.permutations(range(1, 7)))
def test_any_table_comes_back_as_it_was(
    times: Any, columns: tuple[Column, ...], zone: timezone | None, rows: list[int]
) -> None:
    table = Table(times, np.array(rows, np.int64), columns, zone)
    data = percepts.packed(Percept((), table), "log.csv")
    assert data is not None
    found = percepts.unpacked(data, "readings:1", "log.csv")
    assert found is not None
    assert found.table is not None
    assert (found.table.times == times).all()
    assert found.table.times.dtype == times.dtype
    assert (found.table.rows == rows).all()
    assert repr(found.table.zone) == repr(zone)
    for one, other in zip(found.table.columns, columns, strict=True):
        assert (one.name, one.unit, one.numeric) == (other.name, other.unit, other.numeric)
        assert one.values.dtype == other.values.dtype
        assert one.values.tolist() == other.values.tolist() or np.array_equal(one.values, other.values, equal_nan=True)


def table(columns: int = 2) -> Table:
    times = np.arange(50).astype("M8[s]").astype("M8[ns]")
    values = [Column("t", "degC", np.linspace(0, 1, 50)), Column("state", None, np.array(["on", None] * 25, object))]
    return Table(times, np.arange(1, 51), tuple(values[:columns]), UTC)


# what is no percept

WHOLE = Percept(
    (
        Evidence("", "image:1", "Allergies: none", 0.97, Locator(1, (1, 2, 3, 4)), Line(("Allergies:", "none"))),
        Evidence("", "image:1", "20 degC", None, Locator(rows=(1, 2)), Statistic("t", "degC", "max", 20.0, None)),
    ),
    table(),
    ("form.png: a note",),
)


@given(st.binary(max_size=60), st.integers(0, 5_000), st.integers(1, 255))
def test_bytes_that_are_no_percept(data: bytes, place: int, change: int) -> None:
    assert percepts.unpacked(data, "image:1", "form.png") is None
    whole = bytearray(percepts.packed(WHOLE, "form.png") or b"")
    assert percepts.unpacked(bytes(whole[: place % len(whole)]), "image:1", "form.png") is None
    whole[place % len(whole)] ^= change
    found = percepts.unpacked(bytes(whole), "image:1", "form.png")
    assert found is None or isinstance(found, Percept)


def changed(change: Any) -> bytes:
    parts = msgspec.msgpack.decode(percepts.packed(WHOLE, "form.png") or b"")
    change(parts)
    return msgspec.msgpack.encode(parts)


CHANGES = {
    "another version": lambda parts: parts.__setitem__(0, percepts.VERSION + 1),
    "a class that is no detail": lambda parts: parts[2][0].__setitem__(3, "Evidence"),
    "a class of another detail": lambda parts: parts[2][1].__setitem__(3, "Line"),
    "a text that is a number": lambda parts: parts[2][0].__setitem__(0, 7),
    "a box of three": lambda parts: parts[2][0][2].__setitem__("box", [1, 2, 3]),
    "fewer rows than times": lambda parts: parts[4].__setitem__(1, b""),
    "half a number": lambda parts: parts[4].__setitem__(1, b"1234567"),
    "times that go back": lambda parts: parts[4].__setitem__(0, bytes(reversed(parts[4][0]))),
    "a state that is none": lambda parts: parts[4][2][1].__setitem__(3, b"\x09\x00" * 50),
    "a zone of no world": lambda parts: parts[4].__setitem__(3, 10**9),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_does_not_fit_is_none(change: Any) -> None:
    assert percepts.unpacked(changed(lambda parts: None), "image:1", "form.png") is not None
    assert percepts.unpacked(changed(change), "image:1", "form.png") is None


def test_what_cannot_be_given_back_is_not_kept() -> None:
    def percept(**other: Any) -> Percept:
        given: dict[str, Any] = {"text": "it", "confidence": 0.5, "locator": Locator(), "detail": Passage()} | other
        return Percept((Evidence("", "image:1", **given),))

    box: Box = (1, 2, 3, np.int64(4))  # type: ignore[assignment]
    assert percepts.packed(percept(), "form.png") is not None
    for wrong in (
        percept(text="\udcff"),
        percept(locator=Locator(box=box)),
        percept(detail=Locator()),
        percept(locator=Locator(rows=(1, 2**70))),
    ):
        assert percepts.packed(wrong, "form.png") is None


FIRST = """
import importlib.util, sys, threading
from edge_assistant.perception import percepts, sense

sys.setswitchinterval(1e-6)
data = percepts.packed(sense.Percept(()), "form.png")

def anew(name):
    spec = importlib.util.find_spec(name)
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

def unpack(module):
    gate.wait()
    found.append(module.unpacked(data, "image:1", "form.png"))

for _ in range(100):
    anew("edge_assistant.core.evidence")
    gate, found, fresh = threading.Barrier(4), [], anew(percepts.__name__)
    threads = [threading.Thread(target=unpack, args=(fresh,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [sense.Percept(())] * 4, found
"""


def test_the_first_that_are_unpacked_may_be_side_by_side() -> None:
    subprocess.run([sys.executable, "-c", FIRST], check=True)
