"""Units: every size is pint's, every writing is found behind a number, and conversion is exact both ways."""

from __future__ import annotations

import tomllib
from fractions import Fraction
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.reasoning.rules.vocabulary import shipped
from edge_assistant.reasoning.values import units

ENTRIES: dict[str, dict[str, Any]] = tomllib.loads(
    (files("edge_assistant.reasoning.rules") / "units.toml").read_text(encoding="utf-8")
)["unit"]
SIZED = [name for name, entry in ENTRIES.items() if "dimension" in entry]


def test_a_size_is_the_one_of_pint() -> None:
    import pint

    quantity = pint.UnitRegistry().Quantity
    for unit in SIZED:
        entry = ENTRIES[unit]
        first = next(name for name in SIZED if ENTRIES[name]["dimension"] == entry["dimension"])
        for number in (1, 37):
            theirs = quantity(float(number), entry.get("pint", unit)).to(ENTRIES[first].get("pint", first))
            ours = units.convert(Fraction(number), unit, first)
            assert float(ours) == pytest.approx(theirs.magnitude, rel=1e-9, abs=1e-9), unit


def test_no_writing_has_two_units() -> None:
    written = [writing for entry in ENTRIES.values() for writing in entry["written"]]
    assert len(written) == len(set(written))
    assert not set(written) & shipped().hundredths.keys()


@given(st.fractions(-1000, 1000), st.sampled_from(SIZED), st.sampled_from(SIZED))
def test_conversion_goes_back(number: Fraction, unit: str, other: str) -> None:
    if ENTRIES[unit]["dimension"] == ENTRIES[other]["dimension"]:
        assert units.convert(units.convert(number, unit, other), other, unit) == number
        assert units.is_exact(unit, other) == units.is_exact(other, unit)


@given(st.sampled_from(sorted(ENTRIES)), st.sampled_from(sorted(ENTRIES)))
def test_what_two_units_mean_has_no_direction(a: str, b: str) -> None:
    assert {(y, x) for x, y in units.meanings(a, b)} == set(units.meanings(b, a))
