"""What a remark or recording says of sensor readings, sentence by sentence, and whether the readings bear it out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from edge_assistant import limits
from edge_assistant.perception.table import Column, Table
from edge_assistant.reasoning.meaning import Meaning
from edge_assistant.reasoning.readings import likened
from edge_assistant.reasoning.readings.columns import column_of, converted, score
from edge_assistant.reasoning.readings.compute import evaluate
from edge_assistant.reasoning.readings.measured import LIMITED, Computing, Kind, Wants
from edge_assistant.reasoning.readings.moments import Period, resolve
from edge_assistant.reasoning.readings.results import Result
from edge_assistant.reasoning.readings.subjects import other_subject, other_than, subjects
from edge_assistant.reasoning.readings.telling import Claimed, Telling, tellings
from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.told.corrections import corrected
from edge_assistant.reasoning.told.limits import limits_at
from edge_assistant.reasoning.values.candidates import MAX_TEXT
from edge_assistant.reasoning.values.units import is_temperature
from edge_assistant.reasoning.values.values import Clock, Day, Nothing, Quantity, Truth, Value, same

MAX_STATEMENTS = limits.STATEMENTS.value
MAX_LIKENED = 40  # clauses of one text that are compared with examples
_LATE = timedelta(minutes=10)  # that an approximate time of day may be off, see tolerances.toml
_SHARE = Decimal("0.25")  # that an approximate length of time may be off: people say two hours of ninety minutes
_ROUNDED = ((3600, 1800), (60, 30), (1, 0))  # a length of time in whole hours is off by half of one


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that a sentence says of readings.

    Attributes:
        text: the clause.
        start: first character in the text.
        end: after the last character.
        computing: what would have to be computed to say it.
        claimed: the value that it gives; a time of day, a length in seconds, yes or no.
        moments: the moments that it can mean, where it claims one.
        column: name of the column.
        approximate: said to be about so late or so long.
    """

    text: str
    start: int
    end: int
    computing: Computing
    claimed: Value
    moments: tuple[datetime, ...]
    column: str
    approximate: bool = False

    @property
    def kind(self) -> Kind:
        """The computation."""
        return self.computing.kind


@dataclass(frozen=True, slots=True)
class Verified:
    """A statement beside what the readings give."""

    statement: Statement
    result: Result
    agrees: bool


def stated(text: str, table: Table, about: str = "", head: str = "", meaning: Meaning | None = None) -> list[Statement]:
    """What a text says of readings.

    Args:
        text: a remark, or what a recording says.
        table: the readings; their column, dates and hours tell what is meant.
        about: what else tells of which thing the readings are: the name of their file.
        head: the heading of the log, which tells of which thing it is.
        meaning: compares what no rule knows with examples.

    Returns:
        Nothing of what should be ("must stay below 75"), of other things than the readings are of ("pump 2"), and of
        what only may be.
    """
    found_ones: list[Statement] = []
    before: Column | None = None
    open_ones = 0
    said = corrected(text[:MAX_TEXT])
    for telling in tellings(said, limits_at(said)):
        if (about and other_subject(telling.clause, about)) or _is_elsewhere(telling, said, head):
            before = None
            continue
        column = _column(telling, table, before)
        if column is None or not telling.is_about(column):
            continue
        before = column
        claims = list(telling.claims(column))
        if not claims and meaning is not None and open_ones < MAX_LIKENED:
            claims = likened.told(telling, column, meaning)
            open_ones += 1
        found_ones += _statements(telling, table, column, claims)
    return found_ones[:MAX_STATEMENTS]


def _is_elsewhere(telling: Telling, text: str, head: str) -> bool:
    """Whether a clause speaks of another thing, or goes on about one: "the press next door, in turn, got to 80"."""
    if other_than(telling.clause, head):
        return True
    before = _ENDS.split(text[: telling.start])[-1]
    return not (subjects(telling.clause) or _HERE.search(telling.clause)) and other_than(before, head) is not None


_ENDS = re.compile(r"[.!?;]\s|\n")
_HERE = re.compile(r"\b(?:here|ours|our|mine|this one|with us)\b", re.I)


def verify(statement: Statement, table: Table, limit: Quantity | None = None) -> Verified | None:
    """Compute what a statement claims, and compare; None where the readings do not tell, or a limit is missing."""
    result = evaluate(statement.computing, table, limit, column=table.column(statement.column))
    if not isinstance(result, Result):
        return None
    return Verified(statement, result, _agrees(statement, result, table))


def answers(
    asked: Computing, statements: Sequence[Statement], table: Table, limit: Quantity | None = None
) -> list[tuple[Statement, Value]]:
    """The statements that answer a question, each with its answer.

    Args:
        asked: the question, see `measured.statistic`.
        statements: of one text.
        table: the readings.
        limit: the limit that something else tells, where the question has none.
    """
    column = column_of(asked.rest, table, asked.limit or limit)
    if column is None:
        return []
    period = resolve(asked.whens, table)
    frame = _frame(period, table)
    told = []
    for statement in statements:
        own = resolve(statement.computing.whens, table)
        if period and own and period.moments[:1] and period.moments[0] in own.moments[1:]:
            statement = replace(statement, computing=replace(statement.computing, whens=asked.whens))  # "ten thirty"
            own = period
        if statement.column == column.name and frame == _frame(own, table):
            value = _answer(asked, statement, column, limit)
            if value is not None:
                told.append((statement, value))
    return told


def bounds(
    asked: Computing, statements: Sequence[Statement], table: Table, result: Result
) -> list[tuple[Statement, Value]]:
    """The statements that bound what a question asks for, where they give it or contradict it.

    "It never got past 77.3" gives the highest value if that is 77.3, and contradicts one of 80; over one of 70 it says
    nothing that a question for the highest wants to know.
    """
    if asked.kind not in (Kind.MAXIMUM, Kind.MINIMUM) or not isinstance(result.value, Quantity):
        return []
    frame, told = _frame(resolve(asked.whens, table), table), list[tuple[Statement, Value]]()
    for statement in statements:
        own = statement.computing
        upper = asked.kind is Kind.MAXIMUM
        column = table.column(statement.column)
        bound = converted(own.limit, column) if own.limit is not None else None
        if own.kind is not Kind.STAYED or statement.claimed != Truth(True) or own.over is not upper or bound is None:
            continue
        if statement.column != result.column or frame != _frame(resolve(own.whens, table), table):
            continue
        assert own.limit is not None
        beyond = result.computed.value > bound if upper else result.computed.value < bound
        if same(own.limit, result.value):
            told.append((statement, result.value))
        elif beyond:
            told.append((statement, own.limit))
    return told


def _answer(asked: Computing, statement: Statement, column: Column, limit: Quantity | None) -> Value | None:
    """What a statement of the same time says to a question: its value, or the yes or no that follows from it."""
    own = statement.computing
    known, told = asked.limit or limit, own.limit or limit
    if own.kind is asked.kind and own.wants is asked.wants and own.over == asked.over:
        same_limit = own.kind not in LIMITED or (known and told and converted(known, column) == converted(told, column))
        if same_limit or (known is None and told is None):
            return statement.claimed
    if own.kind is asked.kind is Kind.TREND and isinstance(statement.claimed, Truth) and asked.wants is Wants.TRUTH:
        return Truth(not statement.claimed.yes)  # what rises does not fall
    bound = converted(known, column) if known else None
    if asked.kind not in (Kind.STAYED, Kind.WENT_BEYOND) or bound is None:
        return None
    beyond = _is_beyond(statement, asked.over is not False, bound, column, limit)
    return None if beyond is None else Truth(beyond is (asked.kind is Kind.WENT_BEYOND))


def _is_beyond(statement: Statement, over: bool, bound: Decimal, column: Column, limit: Quantity | None) -> bool | None:
    """Whether readings were beyond a limit, if a statement is true; None where it does not follow."""
    own = statement.computing
    if own.kind is (Kind.MAXIMUM if over else Kind.MINIMUM) and isinstance(statement.claimed, Quantity):
        value = converted(statement.claimed, column)
        return None if value is None else value > bound if over else value < bound
    told = own.limit or limit
    mark = converted(told, column) if told else None
    if mark is None or own.over is not over:
        return None
    happened = own.kind in (Kind.FIRST_BEYOND, Kind.TIME_BEYOND, Kind.EXCURSIONS, Kind.WENT_BEYOND, Kind.WAS_BEYOND)
    if own.kind in (Kind.STAYED, Kind.WENT_BEYOND) and isinstance(statement.claimed, Truth):
        happened = statement.claimed.yes is (own.kind is Kind.WENT_BEYOND)
    elif not happened:
        return None
    implied = (mark >= bound if over else mark <= bound) if happened else (mark <= bound if over else mark >= bound)
    return happened if implied else None


def _column(telling: Telling, table: Table, before: Column | None) -> Column | None:
    """The column of a clause; one without words for it goes on about the column before."""
    limit = telling.numbers[0].value if telling.numbers and isinstance(telling.numbers[0].value, Quantity) else None
    column = column_of(telling.rest, table, limit)
    if column is None or before is None or column is before:
        return column
    unit_fits = limit is None or converted(limit, before) is not None
    return column if score(telling.rest, column) or not unit_fits else before


def _statements(telling: Telling, table: Table, column: Column, claims: Iterable[Claimed]) -> Iterator[Statement]:
    for computing, claimed, approximate in claims:
        own = resolve(computing.whens, table)
        if own is not None and own.trouble:
            continue
        period = resolve(telling.whens, table)
        moments = period.moments if period and isinstance(claimed, Clock) else ()
        if isinstance(claimed, Clock) and not moments:
            continue
        days = {moment.date() for moment in moments}
        if isinstance(claimed, Clock) and len(days) == 1 and table.when(0).date() != table.when(len(table) - 1).date():
            (day,) = days
            claimed = replace(claimed, day=Day(((day.year, day.month, day.day),)))
        yield Statement(
            telling.clause, telling.start, telling.end, computing, claimed, moments, column.name, approximate
        )


def _agrees(statement: Statement, result: Result, table: Table) -> bool:
    claimed, column = statement.claimed, table.column(statement.column)
    if isinstance(claimed, Clock):
        return _same_moment(statement, result, table)
    if isinstance(claimed, Quantity) and isinstance(result.value, Quantity):
        if statement.computing.wants is Wants.DURATION:
            return _same_length(claimed, result.computed.value, statement.approximate, table)
        return _same_number(claimed, result, column)
    return same(claimed, result.value)


def _same_number(claimed: Quantity, result: Result, column: Column) -> bool:
    """Whether a stated number is the computed one, rounded as it was stated, in its unit."""
    assert isinstance(result.value, Quantity)
    if (
        claimed.unit is None
        or result.value.unit is None
        or same(replace(claimed, unit=None), replace(result.value, unit=None))
    ):
        return same(claimed, result.value)
    into = converted(claimed, column)
    if into is None or into in claimed.readings:
        return same(claimed, result.value)
    step = Decimal(1).scaleb(int(claimed.readings[0].as_tuple().exponent)) / 2
    ends = [converted(replace(claimed, readings=(claimed.readings[0] + s,)), column) for s in (-step, step)]
    low, high = (min(e for e in ends if e is not None), max(e for e in ends if e is not None))
    number = Decimal(str(result.computed.value))
    rule = vocabulary().tolerances["measured"]
    near = is_temperature(claimed.unit) or abs(number - into) <= Decimal(float(rule.share)) * abs(number)
    return low <= number <= high and near


def _same_moment(statement: Statement, result: Result, table: Table) -> bool:
    """Whether a stated moment is the computed one, to a sampling interval; or an equal reading stands there."""
    at = result.computed.time
    if at is None or isinstance(result.value, Nothing | Truth):
        return False
    at = at.replace(tzinfo=None)
    slack = timedelta(seconds=table.interval or 0.0)
    if statement.approximate:
        slack = max(slack, _LATE) + timedelta(microseconds=1)
    if any(abs(moment - at) < max(slack, timedelta(minutes=1)) for moment in statement.moments):
        return True
    there = (table.at(statement.column, moment) for moment in statement.moments)
    extreme = statement.kind in (Kind.MAXIMUM, Kind.MINIMUM)
    return extreme and any(reading is not None and reading.value == result.computed.value for reading in there)


def _same_length(claimed: Quantity, seconds: float, approximate: bool, table: Table) -> bool:
    """Whether a stated length of time is the computed one, to a sampling interval and as it was rounded."""
    stated_s = claimed.readings[0]
    rounding = next(Decimal(half) for unit, half in _ROUNDED if stated_s % unit == 0)
    slack = max(rounding, Decimal(str(table.interval or 0.0)))
    if approximate or claimed.approximate:
        slack = max(slack, _SHARE * stated_s)
    return abs(stated_s - Decimal(str(seconds))) <= slack


def _frame(period: Period | None, table: Table) -> object:
    """A period as it is compared: none where no text names one, or it is that of all the readings."""
    if period is None:
        return None
    start, end = period.window
    first, last = (table.when(i).replace(tzinfo=None) for i in (0, len(table) - 1))
    whole = (start is None or start <= first) and (end is None or end > last)
    return (period.moments[:1], None if whole else period.window) if period.moments or not whole else None
