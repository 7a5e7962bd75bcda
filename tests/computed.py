"""Questions that are computed over readings, and what is to be seen of each."""

from __future__ import annotations

from datetime import datetime

from edge_assistant.perception.table import Table
from edge_assistant.reasoning.readings.compute import evaluate
from edge_assistant.reasoning.readings.measured import Computing, statistic
from edge_assistant.reasoning.readings.moments import period
from edge_assistant.reasoning.readings.results import Result, Unmeasured
from edge_assistant.reasoning.readings.statements import Statement
from edge_assistant.reasoning.values.values import Clock, Quantity, Truth


def measure(
    question: str, table: Table, limit: Quantity | None = None, moment: datetime | None = None
) -> Result | Unmeasured | None:
    """What the readings tell of a question, as it was asked."""
    computing = statistic(question)
    return None if computing is None else evaluate(computing, table, limit, moment)


def moment_of(text: str, table: Table) -> datetime | None:
    """The likeliest moment that a text names; None where it names none."""
    found = period(text, table)
    return found.moments[0] if found and found.moments and not found.trouble else None


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


def asked_as(computing: Computing | None) -> str:
    """What a question asks for, as the rows of tests have it: "first beyond/moment/U80"."""
    if computing is None:
        return "none"
    side = "" if computing.limit is None and computing.over is None else "D" if computing.over is False else "U"
    limit = computing.limit.readings[0] if computing.limit else ""
    return f"{computing.kind}/{computing.wants}/{side}{limit}"


def told_as(statement: Statement) -> str:
    """What a remark tells, as the rows of tests have it: "maximum=95", "maximum@655" for 10:55."""
    match statement.claimed:
        case Clock(readings=(minute, *_)):
            return f"{statement.kind}@{minute}"
        case Truth(yes=yes):
            return f"{statement.kind}={'yes' if yes else 'no'}"
        case Quantity(readings=(number, *_)):
            return f"{statement.kind}={number}"
    return f"{statement.kind}: {statement.claimed}"
