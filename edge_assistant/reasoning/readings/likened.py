"""Computations that a question asks for, or a remark tells, in words that no rule knows; see computing.toml.

What stands in a text for what is measured, for a number and for a time of day is put as in the examples, and the
nearest of those whose computation can be meant decide. The limit, the time and the column are found by rules.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from edge_assistant.perception.table import Column, Table
from edge_assistant.reasoning.meaning import Meaning
from edge_assistant.reasoning.nearest import clear, nearness
from edge_assistant.reasoning.question import LIMIT, Query, as_computing, bare
from edge_assistant.reasoning.readings.columns import column_of, measures, score
from edge_assistant.reasoning.readings.comparing import direction, limit_of, numbers_in
from edge_assistant.reasoning.readings.happenings import fronted, happening
from edge_assistant.reasoning.readings.measured import (
    LIMITED,
    Computing,
    Kind,
    Wants,
    asks_else,
    asks_value,
    is_closed,
    is_moment,
    negated,
    wanted,
)
from edge_assistant.reasoning.readings.subjects import without_places
from edge_assistant.reasoning.readings.telling import Claimed, Telling
from edge_assistant.reasoning.readings.when import masked, whens
from edge_assistant.reasoning.rules.phrasing import found
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary
from edge_assistant.reasoning.told.clauses import any_word

# Mean cosine of the nearest examples from which on their computation is meant, and how far the next must be behind
LIKENESS = 0.45
MARGIN = 0.05
FAR = 0.1  # so far ahead of the next, it may be by so much less like
UNNAMED = 0.1  # by so much more where a question names no column
_PLACE = re.compile(r"\{(\w)\}")
_QUANTITY, _NUMBER, _MOMENT = "temperature", "80 degrees", "10:30"
_MOMENT_AT = f"at {_MOMENT}"  # for the words of a moment: "come noon", "at ten"
_STANDS_FOR = {"q": _QUANTITY, "l": _NUMBER, "t": _MOMENT, "d": "Tuesday"}
T = TypeVar("T")
_VALUES = {Wants.VALUE: _NUMBER, Wants.MOMENT: _MOMENT}  # what stands for a value that is told

Asked = tuple[Kind, Wants] | None
"""A computation and the sort of its answer, on whichever side; None for none."""


@dataclass(frozen=True, slots=True)
class _Example:
    """A text, and of what it is an example: upwards, downwards or neither."""

    text: str
    asked: Asked
    over: bool | None


def likened(query: Query, tables: Sequence[Table], meaning: Meaning) -> Query:
    """A question with the computation that examples say it asks for, where rules find none in it.

    Args:
        query: what is asked.
        tables: the readings at hand.
        meaning: compares with examples.
    """
    if query.computing or query.agreement or query.whole or query.counted or query.category:
        return query
    about_limit = bool(query.attributes) and query.attributes[0].name == LIMIT
    for table in tables:
        asked = _asked(bare(query.text), table, meaning)
        if asked is not None and (not about_limit or asked.kind in LIMITED):
            return as_computing(query, asked)
    return query


def told(telling: Telling, column: Column, meaning: Meaning) -> list[Claimed]:
    """The value or the time that a clause tells of a column, where no rule knows of which computation it is."""
    left = telling.left(column)
    if left is None:
        return []
    wants, start, end = left
    text = _put_quantity(_put(telling.clause, (start, end), _NUMBER if wants is Wants.VALUE else _MOMENT_AT), [column])
    examples = _telling()[wants]
    asked, _ = _nearest(text, examples, {example.asked for example in examples}, meaning)
    return [telling.of(asked[0], wants)] if asked is not None else []


def _asked(question: str, table: Table, meaning: Meaning) -> Computing | None:
    """What the examples nearest to a question ask of readings, with the limit and the times that it names."""
    text = fronted(" ".join(question.split()))
    named = whens(text)
    whole = without_places(masked(text, named))
    asks_when = wanted(whole) in (Wants.MOMENT, Wants.DAY)  # "when was it as hot as it got?"
    then = None if asks_when else happening(whole)
    rest = then.head if then else whole
    limit = limit_of(rest)
    column = column_of(rest, table, limit)
    if column is None:
        return None
    moments = [when for when in named if is_moment(when)]
    numbers = list(numbers_in(rest))
    places = [((n.start, n.end), _NUMBER) for n in numbers] + [((w.start, w.end), _MOMENT_AT) for w in moments]
    for span, place in sorted(places, reverse=True):
        text = _put(text, span, place)
    admitted = _admitted(rest, at=bool(moments) or then is not None, numbered=bool(numbers))
    least = LIKENESS if score(rest, column) else LIKENESS + UNNAMED
    asked, over = _nearest(_put_quantity(text, table.columns), _asking(), admitted, meaning, least)
    if asked is None or asks_else(rest, asked[0]):
        return None
    kind, wants = asked
    if kind in LIMITED and (over := _side(kind, rest, over)) is None and limit is not None:
        return None  # on which side of 80?
    if wants is Wants.MOMENT and wanted(rest) is Wants.DAY:
        wants = Wants.DAY
    return Computing(kind, wants, over, limit, tuple(named), then.clause if then else None, rest)


def _side(kind: Kind, rest: str, likely: bool | None) -> bool | None:
    """On which side a limit lies: by the words, else by the examples where there is a number; the limit tells else."""
    said = direction(rest)
    if said is None:
        return likely if limit_of(rest) is not None else None
    return said is negated(rest) if kind is Kind.STAYED else said  # to stay below is not to be over


def _admitted(rest: str, *, at: bool, numbered: bool) -> set[Asked]:
    """What a question can ask for by its first word, and by whether it names a number or a moment."""
    by_words = wanted(rest)
    if by_words is Wants.COUNT:
        return set()
    if by_words in (Wants.MOMENT, Wants.DAY):
        answers = {Wants.MOMENT}
    elif by_words is Wants.DURATION or is_closed(rest):
        answers = {by_words}
    elif asks_value(rest):
        answers = {Wants.VALUE} | ({Wants.MOMENT, Wants.DURATION} if found(rest, "words", "timed") else set())
    else:
        answers = set(Wants)
    ways = {example.asked for example in _asking() if example.asked and example.asked[1] in answers}
    return {None, *(way for way in ways if (way[0] is Kind.AT) is at and (way[0] in LIMITED or not numbered))}


def _nearest(
    text: str, examples: tuple[_Example, ...], admitted: Collection[Asked], meaning: Meaning, least: float = LIKENESS
) -> tuple[Asked, bool | None]:
    """What the nearest of the admitted examples ask for or tell, where they are like enough, and on which side."""
    near = list(zip(examples, meaning.near(text, tuple(example.text for example in examples)), strict=False))
    ways = _ranked((e.asked, likeness) for e, likeness in near if e.asked in admitted)
    asked = clear(ways, least, MARGIN, less=FAR, far=FAR)
    sides = _ranked((e.over, likeness) for e, likeness in near if asked is not None and e.asked == asked)
    return asked, clear(sides, 0.0, MARGIN, less=FAR, far=FAR)


def _ranked(near: Iterable[tuple[T, float]]) -> list[tuple[T, float]]:
    """How like the nearest examples of each are, the likeliest first."""
    of: dict[T, list[float]] = {}
    for key, likeness in near:
        of.setdefault(key, []).append(likeness)
    return sorted(((key, nearness(every)) for key, every in of.items()), key=lambda mean: -mean[1])


def _put(text: str, span: tuple[int, int], place: str) -> str:
    return f"{text[: span[0]]}{place}{text[span[1] :]}"


def _put_quantity(text: str, columns: Iterable[Column]) -> str:
    """A text with one name for all that is measured: which it is does not say what is computed."""
    names = [name.lower() for column in columns for name in (column.name, column.name.split()[-1], *measures(column))]
    return re.sub(any_word(names), _QUANTITY, text, flags=re.I)


def compared_with() -> tuple[str, ...]:
    """All examples that texts are compared with here, filled in."""
    return tuple(example.text for examples in (_asking(), *_telling().values()) for example in examples)


@per_vocabulary
def _asking(vocabulary: Vocabulary) -> tuple[_Example, ...]:
    return _examples(vocabulary, "asked", _QUANTITY)


@per_vocabulary
def _telling(vocabulary: Vocabulary) -> Mapping[Wants, tuple[_Example, ...]]:
    """By the sort of what they tell; what tells of nothing computed may be any."""
    return {
        wants: tuple(
            example
            for example in _examples(vocabulary, "told", place)
            if example.asked is None or example.asked[1] is wants
        )
        for wants, place in _VALUES.items()
    }


def _examples(vocabulary: Vocabulary, how: str, value: str) -> tuple[_Example, ...]:
    places = _STANDS_FOR | {"x": value}
    return tuple(
        _Example(
            _PLACE.sub(lambda place: places[place[1]], text),
            None if way.kind is None or way.wants is None else (Kind(way.kind), Wants(way.wants)),
            way.over,
        )
        for way in vocabulary.computing.values()
        for text in getattr(way.examples, how)
    )
