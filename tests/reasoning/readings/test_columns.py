"""Numbers in the unit of a column of readings."""

from __future__ import annotations

from decimal import Decimal

import pytest
from helpers.readings import archive, furnace, read

from edge_assistant.reasoning.comprehension.programs import as_quantity, convert_limit
from edge_assistant.reasoning.values.values import Quantity, same


@pytest.mark.parametrize(
    ("table", "limit", "number"),
    [
        (furnace, Quantity((Decimal(212),), "degF"), Decimal(100)),
        (furnace, Quantity((Decimal(95),), "deg"), Decimal(95)),
        (archive, Quantity((Decimal(75),), "deg"), Decimal(75)),
        (archive, Quantity((Decimal(25),), "degC"), Decimal(77)),
        (furnace, Quantity((Decimal(95),)), Decimal(95)),
        (furnace, Quantity((Decimal("0.95"), Decimal(95))), Decimal(95)),
        (furnace, Quantity((Decimal(5),), "bar"), None),
    ],
)
def test_a_limit_in_the_unit_of_the_column(table, limit, number):
    assert convert_limit(limit, table().columns[0]) == number


@pytest.mark.parametrize(("unit", "known"), [("degC", "degC"), ("°F", "degF"), ("furlongs", None)])
def test_a_number_of_a_column_has_its_unit_where_that_is_known(unit, known):
    (column,) = read(f"time,x [{unit}]\n2025-03-14T14:00:00,60\n").columns
    measured = as_quantity(Decimal("85.04"), column)
    assert measured.unit == known
    assert same(measured, Quantity((Decimal("85.0"),), known))
