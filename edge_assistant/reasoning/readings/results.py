"""What a computation over readings gives: the typed value, how it is said, and the sentence of its evidence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from edge_assistant.perception.readings import decimals, quantity
from edge_assistant.perception.table import Column, Computed, Table, Window
from edge_assistant.reasoning.readings.columns import canonical, converted
from edge_assistant.reasoning.readings.comparing import numbers_in
from edge_assistant.reasoning.readings.measured import LIMITED, Computing, Kind, Wants
from edge_assistant.reasoning.readings.moments import Period
from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.values.values import Clock, Day, Quantity, Truth, Value, same

_DECIMALS = 2  # at least, of a computed number


@dataclass(frozen=True, slots=True)
class Result:
    """What was computed over readings.

    Attributes:
        value: typed; `Nothing` where it never happened.
        text: as it is said.
        evidence: the sentence that its evidence gets.
        computed: formula, number, rows and time.
        kind: the computation.
        wants: the sort of answer.
        column: name of the column, or None where it is about the rows alone.
    """

    value: Value
    text: str
    evidence: str
    computed: Computed
    kind: Kind
    wants: Wants
    column: str | None = None


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """Why the readings do not tell what they are asked for, in words."""

    reason: str


@dataclass(frozen=True, slots=True)
class Task:
    """A computation with everything that it takes: the column, the window or moment, the limit in the column's unit."""

    computing: Computing
    table: Table
    column: Column
    period: Period
    limit: Decimal
    note: str

    @property
    def window(self) -> Window:
        """From and to."""
        return self.period.window

    @property
    def over(self) -> bool:
        """Whether the limit is passed upwards."""
        return self.computing.over is not False


def reading(task: Task, computed: Computed | None) -> Result | None:
    """A reading or a number over some, as the question wants it: the value, the time of day or the day."""
    if computed is None:
        return None
    if (
        task.computing.wants is Wants.TRUTH
        and task.computing.kind not in LIMITED
        and (checked := _checked(task, computed)) is not None
    ):
        return checked
    if task.computing.wants in (Wants.MOMENT, Wants.DAY) and computed.time is not None:
        at = computed.time
        day = Day(((at.year, at.month, at.day),))
        if task.computing.wants is Wants.DAY:
            return result(task, day, at.date().isoformat(), computed)
        several = task.table.when(0).date() != task.table.when(len(task.table) - 1).date()
        clock = Clock((at.hour * 60 + at.minute,), day=day if several else None)
        return result(task, clock, task.table.shown(at), computed)
    return result(task, as_quantity(rounded(computed.value, task), task.column), shown(computed, task), computed)


def _checked(task: Task, computed: Computed) -> Result | None:
    """Whether a number or a time of day that the question names is the computed one: "was the maximum 96.9?"."""
    numbers = [n.value for n in numbers_in(task.computing.rest) if isinstance(n.value, Quantity)]
    value = as_quantity(rounded(computed.value, task), task.column)
    if len(numbers) == 1 and converted(numbers[0], task.column) is not None:
        yes, said = same(numbers[0], value), shown(computed, task)
    elif not numbers and task.period.moments and computed.time is not None:
        slack = timedelta(seconds=task.table.interval or 60.0)
        at = computed.time.replace(tzinfo=None)
        yes, said = any(abs(moment - at) < slack for moment in task.period.moments), task.table.shown(computed.time)
    else:
        return None
    return result(task, Truth(yes), f"{'yes' if yes else 'no'}, {said}", computed)


def result(task: Task, value: Value, text: str, computed: Computed) -> Result:
    """The result with the sentence of its evidence, which holds all that is said."""
    computed = replace(computed, formula=computed.formula + task.note)
    number = duration(computed.value) if computed.unit == "s" != task.column.unit else shown(computed, task)
    when = f" at {task.table.shown(computed.time)}" if computed.time else ""
    evidence = f"{task.column.name}: {computed.formula} = {number}{when}"
    evidence += "" if text in evidence else f": {text}"
    return Result(value, text, evidence, computed, task.computing.kind, task.computing.wants, task.column.name)


def shown(computed: Computed, task: Task) -> str:
    """A computed number with its unit."""
    return quantity(float(rounded(computed.value, task)), computed.unit)


def rounded(number: float, task: Task) -> Decimal:
    """A computed number with two decimals, or as many as the readings have."""
    values = task.table.present(task.column)[1]
    return Decimal(f"{round(number, max(_DECIMALS, decimals(values))):.10g}")


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
