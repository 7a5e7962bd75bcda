"""Computations over readings: the question names a statistic, code computes it and records formula and rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from edge_assistant.perception.table import Column, Computed, Table
from edge_assistant.reasoning.candidates import as_words
from edge_assistant.reasoning.question import Expect, Query
from edge_assistant.reasoning.values import Clock, Quantity, Truth, Value

NEEDS_LIMIT = frozenset({"first_over", "first_under", "time_over", "stayed_under", "stayed_over"})
_DECIMALS = 2  # of a computed mean or trend beyond what the readings have


@dataclass(frozen=True, slots=True)
class Result:
    """A computation's typed value, as it is said, with the sentence that its evidence gets."""

    value: Value
    text: str
    evidence: str
    computed: Computed


def compute(query: Query, table: Table, limit: float | None) -> Result | None:
    """Compute what a question asks of readings; None where it names no statistic or the rows do not tell.

    Args:
        query: names the statistic.
        table: the readings.
        limit: what `first_over` and its like compare with.
    """
    column = _column(query, table)
    if query.statistic is None or column is None or (query.statistic in NEEDS_LIMIT and limit is None):
        return None
    computed = _statistics(table, column.name, limit or 0.0)[query.statistic]()
    return None if computed is None else _result(query, table, column, computed, limit)


def _statistics(table: Table, column: str, limit: float) -> dict[str, Callable[[], Computed | None]]:
    def stayed(count: Computed | None, worst: Callable[[str], Computed | None]) -> Computed | None:
        return None if count is None else worst(column)

    return {
        "maximum": lambda: table.maximum(column),
        "minimum": lambda: table.minimum(column),
        "mean": lambda: table.mean(column),
        "trend": lambda: table.trend(column),
        "first_over": lambda: table.first_over(column, limit),
        "first_under": lambda: table.first_under(column, limit),
        "time_over": lambda: table.time_over(column, limit),
        "stayed_under": lambda: stayed(table.count_over(column, limit), table.maximum),
        "stayed_over": lambda: stayed(table.count_under(column, limit), table.minimum),
    }


def _column(query: Query, table: Table) -> Column | None:
    """The numeric column whose name has most words in common with the question, else the first."""
    numeric = [column for column in table.columns if column.numeric]
    asked = as_words(query.text).tokens
    return max(numeric, key=lambda column: len(asked & as_words(column.name).tokens), default=None)


def _result(query: Query, table: Table, column: Column, computed: Computed, limit: float | None) -> Result:
    number = f"{round(computed.value, _DECIMALS):.10g}"
    said = f"{number} {computed.unit}" if computed.unit else number
    when = table.shown(computed.time) if computed.time else None
    evidence = f"{column.name}: {computed.formula} = {said}" + (f" at {when}" if when else "")
    if query.statistic in ("stayed_under", "stayed_over") and limit is not None:
        yes = computed.value <= limit if query.statistic == "stayed_under" else computed.value >= limit
        word = "highest" if query.statistic == "stayed_under" else "lowest"
        return Result(Truth(yes), f"{'yes' if yes else 'no'}, {word} {said}", evidence, computed)
    timed = query.expects in (Expect.CLOCK, Expect.DATE) or query.statistic in ("first_over", "first_under")
    if timed and computed.time and when:
        return Result(Clock((computed.time.hour * 60 + computed.time.minute,)), when, evidence, computed)
    return Result(Quantity((Decimal(number),), measured=True), said, evidence, computed)
