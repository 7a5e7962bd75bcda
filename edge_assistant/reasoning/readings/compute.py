"""Computations over readings: a question names one, code computes it and records formula and rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from edge_assistant.evidence import counted
from edge_assistant.perception.readings import quantity
from edge_assistant.perception.table import Column, Computed, Table
from edge_assistant.reasoning.readings.columns import column_of, converted, measures, score
from edge_assistant.reasoning.readings.measured import LIMITED, Computing, Kind, Wants, range_kind
from edge_assistant.reasoning.readings.moments import Period, resolve
from edge_assistant.reasoning.readings.results import (
    Result,
    Task,
    Unmeasured,
    as_quantity,
    duration,
    reading,
    result,
    rounded,
    shown,
)
from edge_assistant.reasoning.rules.phrasing import found
from edge_assistant.reasoning.values.values import Nothing, Quantity, Truth

_SLOPE_DIGITS = 3  # of a trend


def evaluate(
    computing: Computing,
    table: Table,
    limit: Quantity | None = None,
    moment: datetime | None = None,
    column: Column | None = None,
) -> Result | Unmeasured | None:
    """What `measure` does, for a question that is understood already, or what a remark says of a column."""
    known = computing.limit or limit
    period = resolve(computing.whens, table) or Period()
    if moment is not None and not period.moments:
        period = replace(period, moments=(moment.replace(tzinfo=None),))
    if computing.kind is Kind.SPAN:
        return Unmeasured(period.trouble) if period.trouble else _span(computing, table, period)
    column = column or _asked_column(computing, table, known)
    if column is None or (computing.kind in LIMITED and known is None):
        return None
    if period.trouble:
        return Unmeasured(period.trouble)
    number = converted(known, column) if known else Decimal(0)
    if number is None:
        return None
    note = _conversion(known, number, column) if known and computing.kind in LIMITED else ""
    task = Task(computing, table, column, period, number, note)
    if known is not None and _is_range(known) and computing.kind in LIMITED:
        return _within(task, known) if _asks_range(computing) else _outside(task, known, moment)
    if table.first(column.name, period.window) is None:
        return Unmeasured(f"there is no reading of {column.name} then")
    return _COMPUTE[computing.kind](task)


def _asked_column(computing: Computing, table: Table, limit: Quantity | None) -> Column | None:
    """The column of a question; one that may ask for anything at a moment ("what was ... at ten?") has to mean it."""
    column = column_of(computing.rest, table, limit)
    if column is None or computing.kind is not Kind.AT or score(computing.rest, column):
        return column
    level = found(computing.rest, "statistics", "level") or found(computing.rest, "words", "instrument")
    return column if level else None


def _conversion(limit: Quantity, number: Decimal, column: Column) -> str:
    """How a limit was converted, for the formula."""
    if limit.unit is None or column.unit is None or number in limit.readings:
        return ""
    return f", {quantity(float(limit.readings[0]), limit.unit)} = {quantity(float(number), column.unit)}"


def _extreme(task: Task) -> Result | Unmeasured | None:
    name, window = task.column.name, task.window
    high = task.computing.kind is Kind.MAXIMUM
    if "latency" in measures(task.column) and found(task.computing.rest, "words", "inverse"):
        high = not high
    if task.period.moments and task.computing.wants is not Wants.TRUTH:
        return _at(task)
    computed = task.table.maximum(name, window) if high else task.table.minimum(name, window)
    return reading(task, computed)


def _number(task: Task) -> Result | Unmeasured | None:
    compute = {
        Kind.MEAN: task.table.mean,
        Kind.SPREAD: task.table.spread,
        Kind.FIRST: task.table.first,
        Kind.LAST: task.table.last,
    }[task.computing.kind]
    return reading(task, compute(task.column.name, task.window))


def _at(task: Task) -> Result | Unmeasured | None:
    if not task.period.moments:
        return None
    computed = task.table.at(task.column.name, task.period.moments[0])
    if computed is None:
        return Unmeasured(f"there is no reading of {task.column.name} at {task.table.shown(task.period.moments[0])}")
    return reading(task, computed)


def _change(task: Task) -> Result | Unmeasured | None:
    first, last = task.table.first(task.column.name, task.window), task.table.last(task.column.name, task.window)
    if first is None or last is None:
        return None
    rows = (min(first.rows[0], last.rows[0]), max(first.rows[1], last.rows[1]))
    computed = Computed(f"{last.formula} - {first.formula}", last.value - first.value, task.column.unit, rows)
    number = rounded(abs(computed.value), task)
    word = "rose" if computed.value > 0 else "fell"
    text = f"{word} by {quantity(float(number), task.column.unit)}" if number else "no change"
    return result(task, as_quantity(number, task.column), text, computed)


def _trend(task: Task) -> Result | Unmeasured | None:
    computed = task.table.trend(task.column.name, task.window)
    if computed is None:
        return Unmeasured(f"there are not enough readings of {task.column.name} then")
    slope = float(f"{computed.value:.{_SLOPE_DIGITS}g}")
    per_hour = quantity(abs(slope), computed.unit)
    said = f"rising by {per_hour}" if slope > 0 else f"falling by {per_hour}" if slope < 0 else "steady"
    if task.computing.wants is Wants.TRUTH and task.computing.over is not None:
        yes = slope > 0 if task.computing.over else slope < 0
        return result(task, Truth(yes), f"{'yes' if yes else 'no'}, {said}", computed)
    value = Quantity((Decimal(f"{slope:.10g}"),), measured=True)
    return result(task, value, quantity(slope, computed.unit), computed)


def _first_beyond(task: Task) -> Result | Unmeasured | None:
    table, name, limit = task.table, task.column.name, float(task.limit)
    find: dict[Kind, Callable[[], Computed | None]] = {
        Kind.FIRST_BEYOND: lambda: (table.first_over if task.over else table.first_under)(name, limit, task.window),
        Kind.LAST_BEYOND: lambda: (table.last_over if task.over else table.last_under)(name, limit, task.window),
        Kind.BACK: lambda: table.back(name, limit, task.window, over=not task.over),
    }
    computed = find[task.computing.kind]()
    return reading(task, computed) if computed is not None else _never(task)


def _beyond(task: Task) -> Result | Unmeasured | None:
    """How long, or in how many readings."""
    table, name, limit = task.table, task.column.name, float(task.limit)
    if task.computing.kind is Kind.TIME_BEYOND:
        computed = (table.time_over if task.over else table.time_under)(name, limit, task.window)
    else:
        computed = (table.count_over if task.over else table.count_under)(name, limit, task.window)
    if computed is None:
        return None
    number = Decimal(f"{computed.value:.10g}")
    if task.computing.kind is Kind.TIME_BEYOND:
        said = duration(computed.value) if computed.value else "not at all"
        return result(task, Quantity((number,), "s", measured=True), said, computed)
    return result(task, Quantity((number,), measured=True), counted(int(number), "reading"), computed)


def _excursions(task: Task) -> Result | Unmeasured | None:
    runs = task.table.excursions(task.column.name, float(task.limit), task.window, over=task.over)
    sign = ">" if task.over else "<"
    formula = f"runs({task.column.name} {sign} {task.limit:.10g})"
    every = task.table.count_over(task.column.name, float(task.limit), task.window)
    if every is None:
        return None
    rows = (min(run.rows[0] for run in runs), max(run.rows[1] for run in runs)) if runs else every.rows
    computed = Computed(formula, float(len(runs)), None, rows, runs[0].time if runs else None)
    return result(task, Quantity((Decimal(len(runs)),), measured=True), counted(len(runs), "time"), computed)


def _excess(task: Task) -> Result | Unmeasured | None:
    worst = _worst(task)
    if worst is None:
        return None
    excess = (worst.value - float(task.limit)) * (1 if task.over else -1)
    if excess <= 0:
        return _never(task)
    limit = f"{task.limit:.10g}"
    formula = f"{worst.formula} - {limit}" if task.over else f"{limit} - {worst.formula}"
    return reading(task, replace(worst, formula=formula, value=excess))


def _went(task: Task) -> Result | Unmeasured | None:
    """Whether readings ever pass the limit, stay within it, or pass it at a moment."""
    kind, limit = task.computing.kind, float(task.limit)
    if kind is Kind.WAS_BEYOND:
        at = _at(task)
        if not isinstance(at, Result):
            return at
        yes = at.computed.value > limit if task.over else at.computed.value < limit
        return result(task, Truth(yes), f"{'yes' if yes else 'no'}, {at.text}", at.computed)
    worst = _worst(task)
    if worst is None:
        return None
    beyond = worst.value > limit if task.over else worst.value < limit
    yes = beyond if kind is Kind.WENT_BEYOND else not beyond
    said = f"{'highest' if task.over else 'lowest'} {shown(worst, task)}"
    return result(task, Truth(yes), f"{'yes' if yes else 'no'}, {said}", worst)


def _within(task: Task, limit: Quantity) -> Result | Unmeasured | None:
    """Whether readings stay in a range."""
    low, high = (_end(limit, end, task.column) for end in (limit.least, limit.most))
    least, most = task.table.minimum(task.column.name, task.window), task.table.maximum(task.column.name, task.window)
    if least is None or most is None or low is None or high is None or task.computing.wants is not Wants.TRUTH:
        return None
    inside = least.value >= low and most.value <= high
    worst = most if most.value > high else least
    yes = inside if task.computing.kind is Kind.STAYED else not inside
    said = f"lowest {shown(least, task)}, highest {shown(most, task)}"
    computed = replace(worst, formula=f"{low:.10g} <= {least.formula} and {most.formula} <= {high:.10g}{task.note}")
    text = f"{'yes' if yes else 'no'}, {said}"
    evidence = f"{task.column.name}: {computed.formula}: {text}"
    return Result(Truth(yes), text, evidence, computed, task.computing.kind, Wants.TRUTH, task.column.name)


def _is_range(limit: Quantity) -> bool:
    return limit.least is not None and limit.most is not None


def _asks_range(computing: Computing) -> bool:
    """Whether yes or no is wanted on the whole range: "did it stay within limits?", but not "was it too cold?"."""
    whole = computing.over is None or range_kind(computing.rest) is not None
    return whole and computing.kind in (Kind.STAYED, Kind.WENT_BEYOND) and computing.wants is Wants.TRUTH


def _outside(task: Task, limit: Quantity, moment: datetime | None) -> Result | Unmeasured | None:
    """A computation beyond the one end of a range that the question means, or beyond either."""
    computing = task.computing
    ends = [(over, end) for over, end in ((True, limit.most), (False, limit.least)) if computing.over in (None, over)]
    found: list[Result] = []
    for over, end in ends:
        assert end is not None
        single = replace(computing, over=over, limit=Quantity((end,), limit.unit))
        one = evaluate(single, task.table, None, moment, task.column)
        if not isinstance(one, Result):
            return one
        found.append(one)
    return found[0] if len(found) == 1 else _either(task, found)


def _either(task: Task, found: Sequence[Result]) -> Result:
    """What is beyond either end: the first or last of both, or the sum."""
    kind = task.computing.kind
    happened = [one for one in found if not isinstance(one.value, Nothing)]
    if kind is Kind.WAS_BEYOND:
        return next((one for one in found if one.value == Truth(True)), found[0])
    if kind in _SUMMED:
        total = sum(one.computed.value for one in found)
        rows = [one.computed.rows for one in found if one.computed.value] or [found[0].computed.rows]
        formula = " + ".join(one.computed.formula for one in found)
        computed = replace(found[0].computed, formula=formula, value=total)
        computed = replace(computed, rows=(min(a for a, _ in rows), max(b for _, b in rows)))
        number = Decimal(f"{total:.10g}")
        unit = "s" if kind is Kind.TIME_BEYOND else None
        noun = "reading" if kind is Kind.COUNT_BEYOND else "time"
        said = counted(int(number), noun) if unit is None else duration(total) if total else "not at all"
        return result(task, Quantity((number,), unit, measured=True), said, computed)
    if not happened:
        return found[0]
    if kind is Kind.EXCESS:
        return max(happened, key=lambda one: one.computed.value)
    timed = sorted(happened, key=lambda one: one.computed.rows)
    return timed[-1] if kind is Kind.LAST_BEYOND else timed[0]


_SUMMED = frozenset({Kind.TIME_BEYOND, Kind.COUNT_BEYOND, Kind.EXCURSIONS})


def _end(limit: Quantity, end: Decimal | None, column: Column) -> float | None:
    number = None if end is None else converted(Quantity((end,), limit.unit), column)
    return None if number is None else float(number)


def _count(task: Task) -> Result | Unmeasured | None:
    indices, _ = task.table.present(task.column, task.window)
    rows = task.table.rows[indices]
    computed = Computed(f"count({task.column.name})", float(len(rows)), None, (int(rows.min()), int(rows.max())))
    return result(task, Quantity((Decimal(len(rows)),), measured=True), counted(len(rows), "reading"), computed)


def _span(computing: Computing, table: Table, period: Period) -> Result | None:
    computed = table.span(period.window)
    if computed is None:
        return None
    said = duration(computed.value)
    value = Quantity((Decimal(f"{computed.value:.10g}"),), "s", measured=True)
    return Result(value, said, f"{computed.formula} = {said}", computed, computing.kind, Wants.DURATION)


def _worst(task: Task) -> Computed | None:
    return (task.table.maximum if task.over else task.table.minimum)(task.column.name, task.window)


def _never(task: Task) -> Result | None:
    """It never happened: the reading that came nearest proves it."""
    over = task.over if task.computing.kind is not Kind.BACK else not task.over
    worst = (task.table.maximum if over else task.table.minimum)(task.column.name, task.window)
    if worst is None:
        return None
    text = f"never, {'highest' if over else 'lowest'} {shown(worst, task)}"
    return result(task, Nothing(), text, worst)


_COMPUTE: dict[Kind, Callable[[Task], Result | Unmeasured | None]] = {
    Kind.MAXIMUM: _extreme,
    Kind.MINIMUM: _extreme,
    Kind.MEAN: _number,
    Kind.SPREAD: _number,
    Kind.FIRST: _number,
    Kind.LAST: _number,
    Kind.AT: _at,
    Kind.CHANGE: _change,
    Kind.TREND: _trend,
    Kind.COUNT: _count,
    Kind.FIRST_BEYOND: _first_beyond,
    Kind.LAST_BEYOND: _first_beyond,
    Kind.BACK: _first_beyond,
    Kind.TIME_BEYOND: _beyond,
    Kind.COUNT_BEYOND: _beyond,
    Kind.EXCURSIONS: _excursions,
    Kind.EXCESS: _excess,
    Kind.WENT_BEYOND: _went,
    Kind.STAYED: _went,
    Kind.WAS_BEYOND: _went,
}
