"""A small typed language over readings: the model writes one call, code validates and computes it.

    call      = NAME "(" COLUMN ["," argument] ")" [when]
    argument  = COLUMN | a number with a unit | a time | ask "QUESTION"
    when      = words that name a time or a period | ... ask "QUESTION"

What a call asks for is told by other sources. A name that is not in `OPERATIONS`, a column that the readings do not
have, a limit in another unit: there is no result, and so no answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

import numpy as np

from edge_assistant.perception.table import Column, Computed, Table, Window, quantity
from edge_assistant.reasoning.instructions import instructions
from edge_assistant.reasoning.readings.moments import Period, period
from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.values.quantities import quantities
from edge_assistant.reasoning.values.units import convert, meanings
from edge_assistant.reasoning.values.values import Clock, Day, Quantity, Value

_CALL = re.compile(r'\s*(\w+)\s*\(((?:[^()"]|"[^"]*"|\([^()]*\))*)\)(.*)', re.S)
_ASK = re.compile(r'ask\s*"([^"]+)"?')
_AFTER = re.compile(r"^between(?=\s+(?:[\w.]+\s+){1,4}(?:after|before)\b)")
_UNIT = re.compile(r"\S{1,12}")  # one word
NONE = "none"  # what the model writes where the readings do not answer
_DIGITS = 2  # decimals of a computed number, at least


@dataclass(frozen=True, slots=True)
class Call:
    """A parsed call.

    Attributes:
        name: of the operation.
        column: what it is computed over.
        argument: a column, a limit or a time in words; empty where there is none.
        when: words that say when; empty for all of the readings.
        asks: the question whose answer is the argument, or None.
        asks_when: the question whose answer says when, or None.
    """

    name: str
    column: str
    argument: str = ""
    when: str = ""
    asks: str | None = None
    asks_when: str | None = None


@dataclass(frozen=True, slots=True)
class CallResult:
    """The result of a call."""

    value: Value
    text: str  # of the value, as an answer has it
    computed: Computed  # formula, number, rows and time
    column: str

    @property
    def formula(self) -> str:
        """How it is computed, and what it is."""
        return f"{self.computed.formula} = {self.text}"


def parse(text: str) -> Call | None:
    """The call that a text is; None where it is none.

    >>> call = parse('count_above(load, ask "What is the limit?") after ask "When did the break end?"')
    >>> call.column, call.asks, call.when, call.asks_when
    ('load', 'What is the limit?', 'after', 'When did the break end?')
    >>> parse("max(depth) on 2 May")
    Call(name='max', column='depth', argument='', when='on 2 May', asks=None, asks_when=None)
    >>> parse("min(clock error (minus = slow))").column
    'clock error (minus = slow)'
    >>> parse("none")
    """
    match = _CALL.match(text.split("\n")[0])
    if match is None or match[1] not in OPERATIONS:
        return None
    name, inside, when = match[1], match[2], match[3].strip(" )")
    asks = _ASK.search(inside)
    if asks:
        inside = inside[: asks.start()]
    column, _, argument = inside.partition(",")
    asks_when = _ASK.search(when)
    if asks_when:
        when = when[: asks_when.start()].strip()
    return Call(
        name,
        column.strip().strip("\"'"),
        argument.strip().strip("\"'"),
        when,
        asks[1] if asks else None,
        asks_when[1] if asks_when else None,
    )


def columns(table: Table) -> str:
    """The numeric columns as a prompt names them; what in their names and units may order something is left out."""
    numeric = (column for column in table.columns if column.numeric and not any(instructions(column.name)))
    return ", ".join(
        f"{one.name} [{one.unit}]" if one.unit and _UNIT.fullmatch(one.unit) else one.name for one in numeric
    )


def run(call: Call, table: Table, told: str = "", told_when: str = "") -> CallResult | None:
    """Compute a call with the answers to its two questions; None if it does not fit the readings."""
    column = _column(call.column, table, only=not call.name.startswith("column_at"))
    if column is None:
        return None
    column = _column_of_limit(column, call, told, table)
    when = _AFTER.sub("in the", f"{call.when} {told_when}".strip())  # "between ten minutes after five" has one end
    during = period(when, table) if when else None
    during = during or Period()
    if not during.known:
        return None
    return OPERATIONS[call.name](_Task(call, table, column, f"{call.argument} {told}".strip(), during))


def variants(call: Call) -> tuple[Call, ...]:
    """The call and, of one with two columns, that with both swapped, which a small model may have meant."""
    swapped = replace(call, column=call.argument, argument=call.column)
    return (call, swapped) if call.name.startswith("column_at") else (call,)


def limit_units(call: Call, table: Table) -> tuple[Quantity, ...]:
    """What a limit that a call asks for may be comparable with, its column first; nothing where it asks for none."""
    column = _column(call.column, table, only=True)
    if column is None or not call.asks or call.name not in LIMIT_OPERATIONS:
        return ()
    others = (other for other in table.columns if other.numeric and other is not column)
    return tuple(as_quantity(Decimal(0), one) for one in (column, *others))


def _column_of_limit(column: Column, call: Call, told: str, table: Table) -> Column:
    """The column, or the only other one, that is measured in the unit of a limit."""
    limits = [c.value for c in quantities(f"{call.argument} {told}") if isinstance(c.value, Quantity) and c.value.unit]
    if call.name not in LIMIT_OPERATIONS or not limits or convert_limit(limits[0].exact(), column) is not None:
        return column
    fitting = [
        other for other in table.columns if other.numeric and convert_limit(limits[0].exact(), other) is not None
    ]
    return fitting[0] if len(fitting) == 1 else column


@dataclass(frozen=True, slots=True)
class _Task:
    call: Call
    table: Table
    column: Column
    argument: str
    during: Period

    @property
    def window(self) -> Window:
        return self.during.window

    def limits(self) -> list[float]:
        """The numbers of the argument in the column's unit, the ends of a range as two."""
        found = []
        for candidate in quantities(self.argument):
            value = candidate.value
            if isinstance(value, Quantity):
                ends = [end for end in (value.least, value.most) if end is not None] or [value.readings[0]]
                exact = [convert_limit(replace(value.exact(), readings=(end,)), self.column) for end in ends]
                found += [float(number) for number in exact if number is not None]
        return found

    def beyond(self, method: str) -> Computed | None:
        """What a method of the table finds over the greatest limit or under the least; None where none is told."""
        limits = self.limits()
        if not limits:
            return None
        limit = max(limits) if method.endswith("over") else min(limits)
        found: Computed | None = getattr(self.table, method)(self.column.name, limit, self.window)
        return found

    def value(self, computed: Computed | None) -> CallResult | None:
        """A number in the column's unit."""
        if computed is None:
            return None
        number = round(Decimal(str(computed.value)), _DIGITS).normalize()
        number = number.quantize(Decimal(1)) if number == number.to_integral_value() else number
        text = quantity(float(number), computed.unit)
        return CallResult(as_quantity(number, self.column), text, computed, self.column.name)

    def length(self, computed: Computed | None) -> CallResult | None:
        """A length of time, computed in seconds."""
        if computed is None:
            return None
        value = Quantity((Decimal(str(computed.value / 60)),), "minute", measured=True)
        return CallResult(value, duration(computed.value), computed, self.column.name)

    def moment(self, computed: Computed | None) -> CallResult | None:
        """The time of a reading."""
        if computed is None or computed.time is None:
            return None
        at = computed.time
        text = self.table.shown(at)
        several = self.table.when(0).date() != self.table.when(len(self.table) - 1).date()
        clock = Clock((at.hour * 60 + at.minute,), day=Day(((at.year, at.month, at.day),)) if several else None)
        return CallResult(clock, text, computed, self.column.name)


Operation = Callable[[_Task], CallResult | None]


def _value_of(method: str) -> Operation:
    """What a method of the table finds in the column."""
    return lambda task: task.value(getattr(task.table, method)(task.column.name, task.window))


def _time_of(method: str) -> Operation:
    """When it finds it."""
    return lambda task: task.moment(getattr(task.table, method)(task.column.name, task.window))


def _at(task: _Task) -> CallResult | None:
    moments = task.during.moments
    for named in (f"{task.call.when} {task.argument}", f"{task.call.when} at {task.argument} o'clock"):
        if task.argument and (during := period(named, task.table)) and during.moments and during.known:
            moments = during.moments
            break
    return task.value(task.table.at(task.column.name, moments[0])) if moments else None


def _total(task: _Task) -> CallResult | None:
    mean = task.table.mean(task.column.name, task.window)
    if mean is None:
        return None
    _, values = task.table.present(task.column, task.window)
    formula = mean.formula.replace("mean(", "sum(", 1)
    return task.value(Computed(formula, float(values.sum()), task.column.unit, mean.rows, None))


def _change(task: _Task) -> CallResult | None:
    if task.during.moments:
        return _at(task)  # nothing changes at one moment
    first = task.table.first(task.column.name, task.window)
    last = task.table.last(task.column.name, task.window)
    if task.window[1] is not None and (end := task.table.at(task.column.name, task.window[1])) is not None:
        last = end  # "until nine" has the reading at nine
    if first is None or last is None:
        return None
    formula = f"{last.formula} - {first.formula}"
    return task.value(Computed(formula, last.value - first.value, task.column.unit, _rows(first, last)))


def _first_or_last(method: str) -> Operation:
    """When a limit is passed; nothing where the very first reading has passed it, for that begins nowhere."""

    def compute(task: _Task) -> CallResult | None:
        found = task.beyond(method)
        start = task.table.first(task.column.name, task.window)
        begins = method.startswith("first") and found is not None and start is not None and found.rows == start.rows
        return None if begins else task.moment(found)

    return compute


def _count(*methods: str) -> Operation:
    """How many readings are beyond a limit, or outside of two."""

    def compute(task: _Task) -> CallResult | None:
        counts = [found for method in methods if (found := task.beyond(method)) is not None]
        if len(counts) < len(methods) or (len(methods) > 1 and len(set(task.limits())) < len(methods)):
            return None
        total = counts[0]
        for other in counts[1:]:
            formula = f"{total.formula} + {other.formula}"
            total = Computed(formula, total.value + other.value, None, _rows(total, other), None)
        number = Decimal(int(total.value))
        return CallResult(Quantity((number,)), str(number), total, task.column.name)

    return compute


def _difference(task: _Task) -> CallResult | None:
    other = _column(task.argument, task.table)
    if other is None:
        return None
    one, two = (
        task.table.at(column.name, task.during.moments[0])
        if task.during.moments
        else task.table.mean(column.name, task.window)
        for column in (task.column, other)
    )
    if one is None or two is None:
        return None
    formula = f"{one.formula} - {two.formula}"
    return task.value(Computed(formula, one.value - two.value, task.column.unit, _rows(one, two), one.time))


def _rows(one: Computed, other: Computed) -> tuple[int, int]:
    """The rows of two computations together."""
    return min(one.rows[0], other.rows[0]), max(one.rows[1], other.rows[1])


def _column_at(method: str) -> Operation:
    """The column's value where a method of the table finds its extreme of another column."""

    def compute(task: _Task) -> CallResult | None:
        other = _column(task.argument, task.table)
        found = getattr(task.table, method)(other.name, task.window) if other else None
        return None if found is None or found.time is None else task.value(task.table.at(task.column.name, found.time))

    return compute


LIMIT_OPERATIONS = frozenset(
    f"{name}_{side}" for name in ("first", "last", "count", "minutes") for side in ("above", "below", "outside")
)

OPERATIONS: Mapping[str, Operation] = {
    "max": _value_of("maximum"),
    "min": _value_of("minimum"),
    "time_of_max": _time_of("maximum"),
    "time_of_min": _time_of("minimum"),
    "mean": _value_of("mean"),
    "first": _value_of("first"),
    "last": _value_of("last"),
    "total": _total,
    "span": lambda task: task.length(task.table.span(task.window)),
    "at": _at,
    "change": _change,
    "first_above": _first_or_last("first_over"),
    "first_below": _first_or_last("first_under"),
    "last_above": _first_or_last("last_over"),
    "last_below": _first_or_last("last_under"),
    "count_above": _count("count_over"),
    "count_below": _count("count_under"),
    "count_outside": _count("count_under", "count_over"),
    "minutes_above": lambda task: task.length(task.beyond("time_over")),
    "minutes_below": lambda task: task.length(task.beyond("time_under")),
    "difference": _difference,
    "column_at_max": _column_at("maximum"),
    "column_at_min": _column_at("minimum"),
}


def _column(name: str, table: Table, *, only: bool = False) -> Column | None:
    """The numeric column that a name means: its own, the one with most of the words, or the only one there is."""
    numeric = [column for column in table.columns if column.numeric]
    wanted = re.sub(r"\[.*?\]", "", name).strip().lower()
    if not wanted:
        return None
    for column in numeric:
        if column.name.lower() == wanted:
            return column
    words = set(wanted.replace("_", " ").split())
    shared = [(len(words & set(column.name.lower().replace("_", " ").split())), column) for column in numeric]
    best = max((count for count, _ in shared), default=0)
    found = [column for count, column in shared if count == best]
    if best and len(found) == 1:
        return found[0]
    return numeric[0] if only and len(numeric) == 1 else None


def _canonical(unit: str) -> str:
    """A unit as quantities carry it."""
    return vocabulary().units.get(unit) or vocabulary().units.get(unit.lower()) or unit


def convert_limit(limit: Quantity, column: Column) -> Decimal | None:
    """A limit in the unit of a column; of an ambiguous number the reading nearest to what the column holds."""
    number = _plausible(limit, column)
    if limit.unit is None or column.unit is None:
        return number
    pairs = meanings(_canonical(limit.unit), _canonical(column.unit))
    if not pairs or any(unit == into for unit, into in pairs):  # degrees are the column's
        return number if pairs else None
    return Decimal(f"{float(convert(Fraction(number), *pairs[0])):.6g}")


def _plausible(limit: Quantity, column: Column) -> Decimal:
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
    unit = _canonical(column.unit) if column.unit else None
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
