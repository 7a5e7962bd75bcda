"""Questions that are computed over readings, and what is to be seen of each."""

from __future__ import annotations

from datetime import datetime

from edge_assistant.perception.table import Table
from edge_assistant.reasoning.readings.compute import measure
from edge_assistant.reasoning.readings.results import Result
from edge_assistant.reasoning.values.values import Quantity


def result_of(question: str, table: Table, limit: Quantity | None = None, moment: datetime | None = None) -> Result:
    """The result of a question that the readings answer."""
    result = measure(question, table, limit, moment)
    assert isinstance(result, Result), result
    return result


def assert_computed(question: str, table: Table, text: str, formula: str, rows: tuple[int, int]) -> None:
    """It is said with this text, by this formula and over these rows, and the evidence tells all of it."""
    result = result_of(question, table)
    assert (result.text, result.computed.formula, result.computed.rows) == (text, formula, rows)
    assert formula in result.evidence
    assert text.partition(", ")[2] in result.evidence
    assert result.text in result.evidence
