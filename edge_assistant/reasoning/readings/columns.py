"""Numbers in the unit of a column of readings, and computed ones as they are said."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np

from edge_assistant.perception.table import Column
from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.values.units import convert, meanings
from edge_assistant.reasoning.values.values import Quantity


def canonical(unit: str) -> str:
    """A unit as quantities carry it."""
    return vocabulary().units.get(unit) or vocabulary().units.get(unit.lower()) or unit


def converted(limit: Quantity, column: Column) -> Decimal | None:
    """A limit in the unit of a column; of an ambiguous number the reading nearest to what the column holds."""
    number = plausible(limit, column)
    if limit.unit is None or column.unit is None:
        return number
    pairs = meanings(canonical(limit.unit), canonical(column.unit))
    best = next((pair for pair in pairs if pair[0] == pair[1]), pairs[0] if pairs else None)  # degrees are the column's
    return in_unit(number, *best) if best else None


def in_unit(number: Decimal, unit: str, into: str) -> Decimal:
    """A number of one unit in another of the same dimension, to six digits."""
    exact = convert(Fraction(number), unit, into)
    return number if unit == into else Decimal(f"{float(exact):.6g}")


def plausible(limit: Quantity, column: Column) -> Decimal:
    """The reading of an ambiguous number that is nearest to what the column holds."""
    if len(limit.readings) == 1:
        return limit.readings[0]
    values = column.values[~np.isnan(column.values)]
    if not len(values):
        return limit.readings[0]
    low, high = float(values.min()), float(values.max())
    return min(limit.readings, key=lambda number: max(low - float(number), float(number) - high, 0.0))


def as_quantity(number: Decimal, column: Column) -> Quantity:
    """A number as a measured quantity in the column's unit, where that is a known one."""
    unit = canonical(column.unit) if column.unit else None
    return Quantity((number,), unit if unit in vocabulary().scales else None, measured=True)


def duration(seconds: float) -> str:
    """A length of time in words.

    >>> duration(7800), duration(45), duration(90061)
    ('2 h 10 min', '45 s', '1 d 1 h 1 min 1 s')
    """
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        whole, seconds = divmod(seconds, size)
        parts += [f"{whole:.0f} {unit}"] if whole else []
    return " ".join([*parts, f"{seconds:.10g} s"] if seconds or not parts else parts)
