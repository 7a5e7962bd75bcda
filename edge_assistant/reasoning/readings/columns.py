"""Which column of some readings a question or remark is about, and numbers in the unit of one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import numpy as np

from edge_assistant.perception.table import Column, Table
from edge_assistant.reasoning.attributes import asked, labelled
from edge_assistant.reasoning.readings.subjects import named_by, other_subject, particular, subjects
from edge_assistant.reasoning.rules.phrasing import found
from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.values.candidates import singular
from edge_assistant.reasoning.values.units import convert, meanings
from edge_assistant.reasoning.values.values import Quantity

_ANY = frozenset({"value", "reading", "figure", "output", "input"})  # nouns of every quantity
_WORD = re.compile(r"[^\W_]+|%")


def column_of(text: str, table: Table, limit: Quantity | None = None) -> Column | None:
    """The numeric column that a question or remark is about.

    Args:
        text: without what says when.
        table: the readings.
        limit: what it compares with; its unit tells the column where the words do not.

    Returns:
        None where the text is about something that the readings do not have: the humidity, pump 2.
    """
    numeric = [column for column in table.columns if column.numeric]
    own = [subjects(column.name) for column in numeric]
    if any(own) and (named := particular(subjects(text))) and not any(named_by(named, others) for others in own):
        return None
    fitting = [column for column in numeric if not other_subject(text, column.name, [c.name for c in numeric])]
    scored = [(score(text, column), column) for column in fitting]
    best = max((points for points, _ in scored), default=0)
    if best > 0:
        return next(column for points, column in scored if points == best)
    if _is_about_else(text, fitting):
        return None
    if limit is not None and limit.unit:
        by_unit = [column for column in fitting if comparable(limit.unit, column.unit)]
        return by_unit[0] if by_unit else None
    return fitting[0] if fitting else None


def score(text: str, column: Column) -> int:
    """How much of a text means a column: two for each word of its name, one for a word or unit of what it measures."""
    words = _both(text)
    name = _both(column.name)
    points = 2 * len(words & name)
    meant = measures(column)
    named = {mention.attribute.name for mention in asked(text)}
    points += len(meant & named)
    further = vocabulary().measuring["columns"]
    points += sum(1 for measure in meant if words & set(further.get(measure.replace(" ", "_"), ())))
    units = {vocabulary().units.get(word) for word in words if len(word) > 1 or word == "%"} - {None}
    return points + (1 if any(unit and column.unit and comparable(unit, column.unit) for unit in units) else 0)


def measures(column: Column) -> set[str]:
    """Names of the attributes that a column can hold, by its name, else by its unit."""
    named = {mention.attribute.name for mention in labelled(column.name)}
    words = _both(column.name)
    further = vocabulary().measuring["columns"]
    named |= {key.replace("_", " ") for key, told in further.items() if words & {*told, *key.split("_")}}
    share = column.unit in (None, "%")  # which says nothing of what is measured
    if not named and share and (own := found(column.name, "words", "quantity")) and own[0].lower() not in _ANY:
        return {own[0].lower()}  # a tank level in % is no humidity
    if named or column.unit is None:
        return named
    unit = canonical(column.unit)
    return {a.name for a in vocabulary().attributes.values() if unit in a.units}


def canonical(unit: str) -> str:
    """A unit as quantities carry it."""
    return vocabulary().units.get(unit) or vocabulary().units.get(unit.lower()) or unit


def comparable(a: str, b: str | None) -> bool:
    """Whether a number in one unit can be compared with one in the other."""
    if b is None:
        return True
    return bool(meanings(canonical(a), canonical(b)))


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


def _is_about_else(text: str, columns: Sequence[Column]) -> bool:
    """Whether a text asks for an attribute that none of the columns holds."""
    for table, name in (("asks", "duration"), ("asks", "times"), ("asks", "readings"), ("statistics", "trend")):
        match = found(text, table, name)  # the total time is no total, and how fast it falls no speed
        text = text.replace(match[0], " ") if match else text
    held = [measures(column) for column in columns]
    units = {canonical(column.unit) for column in columns if column.unit}
    others = _asked_for(text, units) - set().union(*held)
    passing = {name.replace("_", " ") for name in vocabulary().measuring["passing"]["attributes"]}
    if any(not names for names in held):  # what such a column holds is not known
        passing |= {a.name for a in vocabulary().attributes.values() if a.units}
        passing |= {key.replace("_", " ") for key in vocabulary().measuring["columns"]}
    return bool(others - passing)


def _asked_for(text: str, units: set[str]) -> set[str]:
    """Names of the attributes that a text means, by a name or a phrase that has more than question words.

    A phrase is none of an attribute that is not measured ("come back" of an appointment), nor of one whose unit the
    columns have.
    """
    rules = vocabulary().question
    plain = {*rules["auxiliary"], *rules["interrogative"]}
    names = {
        m.attribute.name
        for m in asked(text)
        if m.named
        or (
            m.attribute.value in ("quantity", "number")
            and not _words(text[m.start : m.end]) <= plain
            and not m.attribute.units & units
        )
    }
    words = _both(text)
    further = vocabulary().measuring["columns"]
    return names | {key.replace("_", " ") for key, told in further.items() if words & set(told)}


def _words(text: str) -> set[str]:
    return {match[0].lower() for match in _WORD.finditer(text)}


def _both(text: str) -> set[str]:
    """The words of a text, as they stand and in singular."""
    words = _words(text)
    return words | {singular(word) for word in words}
